"""What configs need to know of the estimators of this package: names, costs and settings (never imports TensorFlow).

An estimator that is not listed here trains, too: its name, or "my_package.my_file:MyEstimator", is looked up when a run
starts. tests/estimators/test_names.py compares this table with the registry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from igr_suite.estimators import costs

BOTH = ("bernoulli", "categorical")
BERNOULLI = ("bernoulli",)
CATEGORICAL = ("categorical",)
# Unbiased for every model, and of so little variance that few draws are a reference where the states are too many to
# enumerate: at 200 Bernoulli variables its logit gradient varies 80 times less than DisARM's.
REFERENCE = "local_expectation"
Route = Literal["chains", "pairs", "path", "branches"]
Target = Literal["expectation", "multi_sample_bound", "posterior", "thermodynamic"]
TARGETS: Mapping[Target, str] = {  # as tables name them
    "expectation": "E[f]",
    "multi_sample_bound": "bound",
    "posterior": "posterior",
    "thermodynamic": "path",
}


@dataclass(frozen=True)
class Known:
    """One estimator.

    Attributes:
      support: kinds of variables that it is for.
      route: how its gradient passes through several layers, see `discrete.routes`.
      hard: evaluations at hard samples, a number or a formula of `costs.evaluate`; K is the setting "samples", S the
        setting "auxiliary".
      relaxed: evaluations at relaxed or mean values.
      settings: names and defaults of its settings.
      shared: evaluations that the estimates of all layers have in common: the first sample of each is that of the
        model's pass, where it follows from one uniform.
      unbiased: whether its mean is the gradient of its target.
      target: what its mean is the gradient of, see `base.Facts`.
    """

    support: tuple[str, ...]
    route: Route
    hard: int | str = 1
    relaxed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    shared: int = 1
    unbiased: bool = True
    target: Target = "expectation"

    def evaluations(self, layers: int, settings: Mapping[str, Any], shape: Sequence[int] = (1,)) -> int:
        """Returns the evaluations of a model's bound for one gradient of one example, each counted once.

        Args:
          layers: L, stochastic layers of the model.
          settings: of the estimator, as far as they are not its defaults.
          shape: of one example's logits in each layer, (D,) or (V, C).
        """
        given = {**self.settings, **settings}
        samples = given.get("samples", 1)
        hard = costs.evaluate(self.hard, samples, shape, given.get("auxiliary", 0))
        if self.route == "chains":
            return hard
        if self.route == "pairs":
            return (layers + 1) * samples
        if self.route == "path":
            return 1
        relaxed = 0 if given.get("control") == "net" else self.relaxed
        relaxed *= 2 if given.get("coupling") == "independent" else 1
        return self.shared + layers * (hard - self.shared + relaxed)


_RELAXED = {"temperature": 0.5, "relaxation": "improved"}
_LEARNED = {"temperature": 0.5, "relaxation": "concrete", "control": "add", "eta_scope": "scalar"}
KNOWN = {
    "arm": Known(BERNOULLI, "branches", hard=2),
    "arms": Known(BERNOULLI, "branches", hard="K", settings={"samples": 4}, shared=0),
    "ars": Known(CATEGORICAL, "branches", hard="C"),
    "arsm": Known(CATEGORICAL, "branches", hard="C(C-1)/2+1"),
    "bitflip": Known(BERNOULLI, "branches", hard=2),
    "carms": Known(CATEGORICAL, "branches", hard="K", settings={"samples": 4}, shared=0),
    "concrete": Known(
        BOTH, "path", hard=0, relaxed=1, settings={"temperature": 0.5, "relaxation": "concrete"}, unbiased=False
    ),
    "disarm": Known(BERNOULLI, "branches", hard=2),
    "disarm_sb": Known(CATEGORICAL, "branches", hard=2, settings={"order": "ascending"}),
    "disarm_tree": Known(CATEGORICAL, "branches", hard=2),
    "double_cv": Known(BOTH, "branches", hard="K", settings={"samples": 2}),
    "dynamic_rebar": Known(
        BOTH, "branches", relaxed=1, settings={**_RELAXED, "coupling": "coupled", "eta_scope": "scalar"}
    ),
    "gst": Known(BOTH, "path", settings={"gap": 1.0, "temperature": 1.0}, unbiased=False),
    "gumbel_rao": Known(BOTH, "path", settings={"samples": 10, "temperature": 0.5}, unbiased=False),
    "lax": Known(BOTH, "branches", relaxed=1, settings=_LEARNED),
    "local_expectation": Known(BOTH, "branches", hard="V(C-1)+1", settings={"chunk": 10}),
    "local_disarm": Known(BERNOULLI, "pairs", hard="2K", settings={"samples": 4}, target="multi_sample_bound"),
    "muprop": Known(BOTH, "branches", relaxed=1),
    "nvil": Known(BOTH, "chains"),
    "ovis": Known(BOTH, "chains", hard="K", settings={"samples": 4, "gamma": 0.0}, target="multi_sample_bound"),
    "ovis_mc": Known(BOTH, "chains", hard="K+S", settings={"samples": 4, "auxiliary": 8}, target="multi_sample_bound"),
    "rebar": Known(BOTH, "branches", relaxed=1, settings={**_RELAXED, "coupling": "coupled", "eta_scope": "scalar"}),
    "reinforce": Known(BOTH, "chains", settings={"baseline": 0.0}),
    "reinmax": Known(BOTH, "path", settings={"temperature": 1.0}, unbiased=False),
    "reinmax_rao": Known(BOTH, "path", settings={"samples": 10, "temperature": 1.0}, unbiased=False),
    "relax": Known(BOTH, "branches", relaxed=1, settings={**_LEARNED, "coupling": "coupled"}),
    "rloo": Known(BOTH, "chains", hard="K", settings={"samples": 2}),
    "rodeo": Known(BOTH, "branches", hard="K", settings={"samples": 2, "hidden": 100}),
    "rws": Known(BOTH, "chains", hard="K", settings={"samples": 4}, target="posterior"),
    "simple_muprop": Known(BOTH, "branches", relaxed=1),
    "st_gumbel_softmax": Known(BOTH, "path", settings={"temperature": 0.5}, unbiased=False),
    "straight_through": Known(BOTH, "path", settings={"temperature": 1.0}, unbiased=False),
    "tvo": Known(
        BOTH,
        "chains",
        hard="K",
        settings={"samples": 4, "partitions": 5, "first": 0.02, "rule": "left"},
        target="thermodynamic",
    ),
    "ugc": Known(BERNOULLI, "branches", hard=3),
    "vimco": Known(BOTH, "chains", hard="K", settings={"samples": 4}, target="multi_sample_bound"),
}
