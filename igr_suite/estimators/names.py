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
Route = Literal["chains", "pairs", "path", "branches"]


@dataclass(frozen=True)
class Known:
    """One estimator.

    Attributes:
      support: kinds of variables that it is for.
      route: how its gradient passes through several layers, see `discrete.routes`.
      hard: evaluations at hard samples, a number or a formula of `costs.evaluate`; K is the setting "samples".
      relaxed: evaluations at relaxed or mean values.
      settings: names and defaults of its settings.
      shared: evaluations that the estimates of all layers have in common: the first sample of each is that of the
        model's pass, where it follows from one uniform.
    """

    support: tuple[str, ...]
    route: Route
    hard: int | str = 1
    relaxed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    shared: int = 1

    def evaluations(self, layers: int, settings: Mapping[str, Any], shape: Sequence[int] = (1,)) -> int:
        """Returns the evaluations of a model's bound for one gradient of one example, each counted once.

        Args:
          layers: L, stochastic layers of the model.
          settings: of the estimator, as far as they are not its defaults.
          shape: of one example's logits in each layer, (D,) or (V, C).
        """
        given = {**self.settings, **settings}
        samples = given.get("samples", 1)
        hard = costs.evaluate(self.hard, samples, shape)
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
    "concrete": Known(BOTH, "path", hard=0, relaxed=1, settings={"temperature": 0.5, "relaxation": "concrete"}),
    "disarm": Known(BERNOULLI, "branches", hard=2),
    "double_cv": Known(BERNOULLI, "branches", hard="K", settings={"samples": 2}),
    "dynamic_rebar": Known(
        BOTH, "branches", relaxed=1, settings={**_RELAXED, "coupling": "coupled", "eta_scope": "scalar"}
    ),
    "lax": Known(BOTH, "branches", relaxed=1, settings=_LEARNED),
    "local_disarm": Known(BERNOULLI, "pairs", hard="2K", settings={"samples": 4}),
    "muprop": Known(BERNOULLI, "branches", relaxed=1),
    "nvil": Known(BOTH, "chains"),
    "rebar": Known(BOTH, "branches", relaxed=1, settings={**_RELAXED, "coupling": "coupled", "eta_scope": "scalar"}),
    "reinforce": Known(BOTH, "chains", settings={"baseline": 0.0}),
    "relax": Known(BOTH, "branches", relaxed=1, settings={**_LEARNED, "coupling": "coupled"}),
    "rloo": Known(BOTH, "chains", hard="K", settings={"samples": 2}),
    "simple_muprop": Known(BERNOULLI, "branches", relaxed=1),
    "st_gumbel_softmax": Known(BOTH, "path", settings={"temperature": 0.5}),
    "straight_through": Known(BOTH, "path", settings={"temperature": 1.0}),
    "vimco": Known(BOTH, "chains", hard="K", settings={"samples": 4}),
}
