"""A trained sigmoid belief network as a subject of `measuring.estimator_variance`."""

import tensorflow as tf

from igr_suite.discrete.baselines import evaluate
from igr_suite.discrete.config import DEFAULT_ESTIMATION
from igr_suite.estimators.names import KNOWN
from igr_suite.families.sbn.config import MODEL_OPTIONS, TRACKED, SBNConfig, TrainSBN
from igr_suite.families.sbn.methods import method_of
from igr_suite.families.sbn.model import SBN
from igr_suite.families.sbn.passes import hard_pass, mean_field_value
from igr_suite.families.sbn.steps import Shared
from igr_suite.families.sbn.train import build_model, load_splits
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.estimator_variance import Source, first_images
from igr_suite.measuring.gradients import Gradients
from igr_suite.measuring.registered_source import WARM_UP, registered_names, registered_source
from igr_suite.networks import affine_chain
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.loading import restored

VARIANCE_METHODS = (*TRACKED, "reinforce", "concrete")  # of networks of several layers
REFERENCES = {True: "disarm", False: "rebar"}  # for one layer, for several; unbiased and of little variance


def load(folder: RunFolder, config: TrainSBN, images: int, seed: tf.Tensor) -> "SBNSubject":
    """The subject of a finished run: its newest checkpoint and its first training images.

    Args:
      folder, config: of the run.
      images: number of images.
      seed: of the warm-up draws.
    Raises:
      UserError: no checkpoint, or fewer images than asked for.
    """
    train = load_splits(config)[1]["train"]
    chosen = first_images(train, images)
    model = restored(build_model(config, train), folder)
    x = model.observations(tf.constant(chosen), run_seed(config.seed, "estimator variance"))
    return SBNSubject(model, x[:images], seed)  # repeats for model.samples are left out


class SBNSubject:
    """Every registered estimator of the bound of one sample; networks of several layers take it as training does, on
    its fast path where it has one, and without RELAX, whose networks would have to be trained first.

    Args:
      model: trained.
      x: images in [0, 1], [N, pixels].
      seed: of the warm-up draws.
    """

    own_steps = 0  # steps that train the parameters of a registered estimator, for networks of one layer

    def __init__(self, model: SBN, x: tf.Tensor, seed: tf.Tensor):
        self.model, self.x, self.jit = model, x, model.jit_steps
        self.one_layer = model.networks.layers == 1
        registered = registered_names("bernoulli")
        deep = tuple(name for name in dict.fromkeys((*VARIANCE_METHODS, *registered)) if name != "relax")
        self.names = registered if self.one_layer else deep
        self.reference = REFERENCES[self.one_layer]
        self.levels = None if self.one_layer else _levels(model, x, at_step(seed, tf.constant(1)))

    def source(self, name: str, fresh: bool = False) -> Source:
        """See `Subject`; the reference is the corrected REBAR, whichever control variate the run has."""
        if self.one_layer:
            return _registered(self.model, self.x, name, self.own_steps)
        return _method(self.model, self.x, name, *self.levels, fresh=fresh)


def _registered(model: SBN, x: tf.Tensor, name: str, own_steps: int) -> Source:
    networks, weights = model.networks, model.model.weights
    observed = networks.observe(x, model.mean)
    logits, layer_inputs = affine_chain.forward(weights["q_0"], observed.condition)

    def objective(h, h_logits):
        return networks.term(0, weights, model.offset, observed, h, None, h_logits).value

    def vjp(gradient):
        return affine_chain.gradients(layer_inputs, affine_chain.deltas(weights["q_0"], layer_inputs, gradient))

    return registered_source(name, logits, objective, vjp, own_steps)


def _levels(model: SBN, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean bound of every image over the warm-up draws, and its bound at the mean field; [N] each."""
    observed = model.networks.observe(x, model.mean)
    logits = affine_chain.apply(model.model.weights["q_0"], observed.condition)

    @tf.function(autograph=False)
    def mean_bound():
        def draw(i):
            return hard_pass(model.model, observed, model.uniforms(x.shape[0], at_step(seed, i))).value

        return tf.reduce_mean(tf.map_fn(draw, tf.range(WARM_UP), fn_output_signature=model.float_type), 0)

    return mean_bound(), mean_field_value(model.model, observed, logits)[0]


def _mean_residual(name: str, bound: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
    """The baseline of an untrained method: what its control variate at scale 1 leaves of the mean bound; [N]."""
    if name in ("rebar", "dynamic_rebar"):
        return tf.zeros_like(bound)  # the relaxed bound takes away nearly all of it
    return bound - centre if name in ("muprop", "simple_muprop") else bound


def _method(model: SBN, x: tf.Tensor, name: str, bound: tf.Tensor, centre: tf.Tensor, fresh: bool = False) -> Source:
    """A method of networks of several layers, with the parameters and baselines that the run trained, if it trained
    them.

    `fresh` ignores the run's settings and trained parameters.
    """
    config = _settings(model, name, fresh)
    estimation = model.estimation if name in model.methods and not fresh else DEFAULT_ESTIMATION
    observed, method = model.networks.observe(x, model.mean), method_of(name, config, model.networks, estimation)
    own = {key: tf.cast(value, model.float_type) for key, value in method.initial.items()}
    residual = _mean_residual(name, bound, centre)
    baselines = tf.tile(residual[:, tf.newaxis], (1, method.baselines)) if method.baselines else None
    if name in model.methods and not fresh:
        own = {key: tf.convert_to_tensor(value) for key, value in model.own[name].items()}
        before = list(model.methods.values())[: list(model.methods).index(name)]
        first = sum(other.baselines for other in before)
        if method.baselines:
            outputs = evaluate([tf.convert_to_tensor(v) for v in model.baselines], observed.centred).outputs
            baselines = outputs[:, first : first + method.baselines]

    def gradients(seed: tf.Tensor) -> Gradients:
        step = method.step(
            Shared(model.model, observed, model.uniforms(x.shape[0], seed), at_step(seed, tf.constant(3))),
            baselines,
            own,
        )
        by_weights = {"parameters": [g for q in model.networks.recognition for g in step.gradients[q]]}
        return by_weights | ({"logits": list(step.logits)} if step.logits else {})

    if config.general:
        relaxed = model.networks.layers * KNOWN[name].relaxed if name in KNOWN else 0
        return Source(gradients, (config.evaluations or 1) - relaxed, relaxed)
    return Source(gradients, 0 if name == "concrete" else 1, config.evaluations - 1)


def _settings(model: SBN, name: str, fresh: bool) -> SBNConfig:
    """The run's shapes with another method, and those of its options that this method reads."""
    shape = {key: getattr(model.config, key) for key in ("layers", "hidden", "nonlinear", "task", "sp_generator")}
    options = (
        {}
        if fresh
        else {key: getattr(model.config, key) for key, (readers, _) in MODEL_OPTIONS.items() if name in readers}
    )
    own = () if fresh or name != model.config.estimator else model.config.estimator_options
    return SBNConfig(estimator=name, estimator_options=own, **shape, **(options if not own else {}))
