"""The fast paths of belief networks give what the general path gives: float64, the same noise, the same parameters."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import images_of, tiny_model

from igr_suite.discrete import baselines as sbn_baselines
from igr_suite.discrete.step import estimate_step
from igr_suite.estimators import get
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.families.sbn.registered import OwnTensors


def scale(w: tf.Tensor) -> tf.Tensor:
    """eta = 2 sigmoid(w), the form in which belief networks train scales."""
    return 2.0 * tf.sigmoid(w)


def parameters_of(model, name: str, baselines: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """The fast path's own parameters as those of the registered estimator, layer by layer."""
    own, layers = model.own[name], range(model.networks.layers)
    if name == "nvil":
        return {f"baseline_{k}": baselines[:, 0] for k in layers}
    if name == "simple_muprop":
        return {
            f"{key}_{k}": value
            for k in layers
            for key, value in (("eta", scale(own["scale"])), ("baseline", baselines[:, 0]))
        }
    if name == "muprop":
        return {
            f"{key}_{k}": value
            for k in layers
            for key, value in (
                ("eta_centre", scale(own["value_scale"])[k]),
                ("eta_slope", scale(own["slope_scale"])[k]),
                ("baseline", baselines[:, k]),
            )
        }
    if name in ("rebar", "dynamic_rebar"):
        etas = scale(own["etas"])
        found = {f"eta_{k}": etas[k] for k in layers} | {f"baseline_{k}": baselines[:, 0] for k in layers}
        if name == "dynamic_rebar":
            found |= {f"log_temperature_{k}": own["log_temperature"] for k in layers}
        return found
    return {}


CASES = [
    ({"estimator": "reinforce"}, {"baseline": "batch"}),
    ({"estimator": "nvil"}, {}),
    ({"estimator": "simple_muprop", "layers": 1}, {}),
    ({"estimator": "muprop", "layers": 1}, {}),
    ({"estimator": "rebar", "eta_scope": "unit"}, {"temperature": 0.5, "eta_scope": "unit"}),
    (
        {"estimator": "rebar", "eta_scope": "unit", "relaxation": "concrete"},
        {"relaxation": "concrete", "eta_scope": "unit"},
    ),
    ({"estimator": "dynamic_rebar", "eta_scope": "unit"}, {"eta_scope": "unit"}),
    ({"estimator": "dynamic_rebar", "eta_scope": "unit", "task": "sp"}, {"eta_scope": "unit"}),
]


@pytest.mark.parametrize(("settings", "options"), CASES, ids=lambda s: "-".join(str(v) for v in s.values()))
def test_the_fast_path_is_the_general_one(settings, options):
    """Gradients of logits and weights; the signal of every layer is the whole bound, as in the authors' code."""
    model, name = tiny_model(**settings), settings["estimator"]
    x = tf.constant(np.tile(images_of(model), (3, 1)))
    uniforms = model.uniforms(len(x), tf.constant([3, 5]))
    gradients, _, _, logits = model.step_gradients(x, uniforms)
    observed = model.networks.observe(x, model.mean)
    baselines = None
    if model.baselines:
        baselines = sbn_baselines.evaluate([tf.convert_to_tensor(v) for v in model.baselines], observed.centred).outputs
    own = OwnTensors(model.networks.layers, None, parameters_of(model, name, baselines))
    chain = SBNChain(model.model, observed)
    noise = [{"u": u} for u in uniforms]
    step = estimate_step(chain, get(name, **options), noise, own, whole=True)
    for ours, theirs in zip(step.cotangents, logits[name]):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    by_network = chain.by_network([*step.recognition, *step.generator])
    for network, group in gradients[name].items():
        for ours, theirs in zip(by_network[network], group):
            np.testing.assert_allclose(ours, theirs, atol=1e-10)


class FusedParameters:
    """Own parameters of the fast path with an eta for each weight tensor, as functions of the variables that it
    trains."""

    def __init__(self, model, name: str):
        self.model, self.name, self.trained = model, name, model.controls

    @property
    def weight_etas(self) -> list[tf.Tensor]:
        etas = tf.unstack(scale(self.model.own[self.name]["etas"]))
        names = list(self.model.networks.shapes())
        counts = [len(group) for group in self.model.networks.shapes().values()]
        first = {name: sum(counts[:i]) for i, name in enumerate(names)}
        return [
            etas[first[q] + j]
            for q in self.model.networks.recognition
            for j in range(len(self.model.networks.shapes()[q]))
        ]

    def parameters(self, context: tf.Tensor) -> list[dict[str, tf.Tensor]]:
        nets = [tf.convert_to_tensor(v) for v in self.model.baselines]
        baseline = sbn_baselines.evaluate(nets, context).outputs[:, 0]
        own = {"eta": tf.ones([], context.dtype), "baseline": baseline}
        if self.name == "dynamic_rebar":
            own["log_temperature"] = self.model.own[self.name]["log_temperature"]
        return [own] * self.model.networks.layers


@pytest.mark.parametrize("name", ["rebar", "dynamic_rebar"])
@pytest.mark.parametrize(
    "shape", [{"layers": 1, "nonlinear": True}, {"layers": 2}, {"layers": 2, "task": "sp"}], ids=str
)
def test_scales_of_single_weights_and_what_trains_them_are_the_fast_path_s(name, shape):
    """REBAR as published: gradients of weights to 1e-10, of etas, temperature and baseline network to 1e-8 (up to the
    number of weights that the variance is divided by: the fast path counts the generator's, too)."""
    model = tiny_model(estimator=name, **shape)
    x = tf.constant(np.tile(images_of(model), (3, 1)))
    uniforms = model.uniforms(len(x), tf.constant([3, 5]))
    gradients, controls, *_ = model.step_gradients(x, uniforms)
    chain = SBNChain(model.model, model.networks.observe(x, model.mean))
    own = FusedParameters(model, name)
    step = estimate_step(chain, get(name), [{"u": u} for u in uniforms], own, variance_of="weights", whole=True)
    by_network = chain.by_network([*step.recognition, *step.generator])
    for network, group in gradients[name].items():
        for ours, theirs in zip(by_network[network], group):
            np.testing.assert_allclose(ours, theirs, atol=1e-10)
    recognition = sum(int(tf.size(w)) for w in chain.recognition)
    for ours, theirs in zip(step.own, controls):
        np.testing.assert_allclose(ours * recognition / model.networks.size(), theirs, atol=1e-8)
