"""Gradient estimators compared at the frozen weights of a trained sigmoid belief network: variance, bias, signal, cost.

Draws come in G equal groups. Every group gives an unbiased sample variance, so their mean has an interval by Student's t; the groups' mean
gradients d_g, less those of a large reference sample, give the squared bias without the noise's own norm,

    |bias|^2  ~  1/(G(G-1)) sum_{g != h} d_g . d_h,

and its p-value by flipping signs of the d_g: without bias they are symmetric about 0, whatever the law and dependence of the entries.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite import estimators
from igr_suite.diagnostics.gradients import Moments
from igr_suite.errors import UserError, nearest
from igr_suite.experiments.store import RunFolder
from igr_suite.layers import affine_chain
from igr_suite.models import sbn_methods
from igr_suite.models.sbn import SBN, method_of
from igr_suite.models.sbn_baselines import evaluate
from igr_suite.models.sbn_config import OPTIONS, TRACKED, SBNConfig, TrainSBN
from igr_suite.models.sbn_passes import hard_pass, mean_field_value
from igr_suite.training import checkpoints
from igr_suite.training.loop import restore
from igr_suite.training.seeds import at_step, run_seed
from igr_suite.training.train_sbn import build_model, load_splits

GROUPS = 20
FLIPS = 99_999  # random signs of the groups for a p-value
LEVEL = 1e-3  # of p, below which an estimator is called biased: the rate of false alarms at each of its two levels
WARM_UP = 100  # draws whose mean bound is the baseline of methods that have not been trained
METHODS = (*TRACKED, "reinforce", "concrete")
REFERENCES = {True: "disarm", False: "rebar"}  # by whether there is one layer; unbiased and of little variance

Gradients = Mapping[str, Sequence[tf.Tensor]]


class Source(NamedTuple):
    """One estimator at fixed weights and images.

    Attributes:
      gradients: seed -> {"parameters": gradients of the mean bound by q's weights, "logits": of each image's bound by q's logits}.
      hard, relaxed: evaluations of the bound for one estimate.
    """

    gradients: Callable[[tf.Tensor], Gradients]
    hard: int
    relaxed: int


class Groups(NamedTuple):
    """What draws in groups left of one list of gradients: the groups' means [G, entries], their mean sample variances [G]."""

    means: np.ndarray
    variances: np.ndarray


def load(folder: RunFolder, config: TrainSBN, images: int) -> tuple[SBN, tf.Tensor]:
    """The trained model of a run and the first training images, as the networks take them [images, pixels].

    Raises:
      UserError: no checkpoint, or fewer images than asked for.
    """
    state = checkpoints.latest(folder.checkpoints)
    if state is None:
        raise UserError(f"{folder.path} has no checkpoint (results are often copied without them); run it again")
    train = load_splits(config)[1]["train"]
    if images > len(train):
        raise UserError(f"--images must be at most the {len(train)} training images of the run, got {images}")
    model = build_model(config, train)
    restore(model, state, folder)
    x = model.observations(tf.constant(train[:images]), run_seed(config.seed, "estimator variance"))
    return model, x[:images]  # repeats for model.samples are left out


def names_for(model: SBN) -> tuple[str, ...]:
    """Estimators that can be measured: every registered one of Bernoulli variables, or the methods of networks of several layers."""
    if model.networks.layers > 1:
        return METHODS
    return tuple(name for name, cls in estimators.registered("bernoulli").items() if cls.facts.target == "expectation")


def sources(model: SBN, x: tf.Tensor, names: Sequence[str], seed: tf.Tensor) -> dict[str, Source]:
    """The estimators by name.

    Args:
      model: trained.
      x: images in [0, 1], [N, pixels].
      names: of `names_for`.
      seed: of the warm-up draws.
    Raises:
      UserError: an estimator that cannot be measured here.
    """
    known = names_for(model)
    for name in names:
        if name not in known:
            why = "estimates the gradient of another bound" if name in estimators.registered("bernoulli") else "is unknown for this model"
            raise UserError(f"--estimators: {name} {why}; {nearest(name, known)}")
    one_layer = model.networks.layers == 1
    levels = _levels(model, x, seed)
    make = _registered if one_layer else _method
    return {name: make(model, x, name, *levels) for name in names}


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
    """The baseline of a method that has not been trained: what its control variate at scale 1 leaves of the mean bound; [N]."""
    if name in ("rebar", "dynamic_rebar"):
        return tf.zeros_like(bound)  # the relaxed bound stands for nearly all of it
    return bound - centre if name in ("muprop", "simple_muprop") else bound


def _best_baseline(gradient: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], bound: tf.Tensor) -> tf.Tensor:
    """Each image's baseline with the least E|g|^2, from warm-up draws; the gradient is affine in it, g(B) = g(0) - B s. Returns [N].

    B = E<g(0), s> / E<s, s>,  s = g(0) - g(1)
    """

    @tf.function(autograph=False)
    def sums():
        def draw(i):
            seed = at_step(run_seed(0, "baseline"), i)
            without = gradient(seed, tf.zeros_like(bound))
            step = without - gradient(seed, tf.ones_like(bound))
            return tf.reduce_sum(without * step, -1), tf.reduce_sum(step * step, -1)

        found = tf.map_fn(draw, tf.range(WARM_UP), fn_output_signature=(bound.dtype, bound.dtype))
        return [tf.reduce_sum(values, 0) for values in found]

    products, squares = sums()
    return tf.math.divide_no_nan(products, squares)


def _registered(model: SBN, x: tf.Tensor, name: str, bound: tf.Tensor, centre: tf.Tensor) -> Source:
    """A registered estimator on a network of one layer; own parameters are initial, but for the baseline, which is the best one."""
    estimator, networks, weights = estimators.get(name), model.networks, model.model.weights
    observed = networks.observe(x, model.mean)
    logits, entering = affine_chain.forward(weights["q_0"], observed.condition)
    parameters = dict(estimator.parameters(logits.shape, logits.dtype))
    rows = tf.cast(x.shape[0], logits.dtype)

    def logit_gradient(seed: tf.Tensor, own: dict) -> tf.Tensor:
        at = tf.identity(logits)

        def objective(h):
            flat = tf.reshape(h, (-1, *logits.shape))  # leading axes become one: the bound needs images on the last but one
            return tf.reshape(networks.term(0, weights, model.offset, observed, flat, None, at).value, h.shape[:-1])

        return estimator.estimate(objective, at, estimator.noise(logits.shape, seed, logits.dtype), own).gradient

    if "baseline" in parameters:
        parameters["baseline"] = _best_baseline(lambda seed, baseline: logit_gradient(seed, parameters | {"baseline": baseline}), bound)

    def gradients(seed: tf.Tensor) -> Gradients:
        found = logit_gradient(seed, parameters)
        steps = affine_chain.deltas(weights["q_0"], entering, found / rows)
        return {"parameters": affine_chain.gradients(entering, steps), "logits": [found]}

    hard = getattr(estimator, "samples", None) if estimator.facts.hard == "K" else estimator.facts.hard
    return Source(gradients, hard, estimator.facts.relaxed)


def _method(model: SBN, x: tf.Tensor, name: str, bound: tf.Tensor, centre: tf.Tensor, fresh: bool = False) -> Source:
    """A method of networks of several layers, with its own parameters and baselines as the run trained them, if it did.

    `fresh` leaves the run's settings and trained parameters aside.
    """
    config = _settings(model, name, fresh)
    observed, method = model.networks.observe(x, model.mean), method_of(name, config, model.networks)
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
        step = method.step(sbn_methods.Shared(model.model, observed, model.uniforms(x.shape[0], seed)), baselines, own)
        found = {"parameters": [g for q in model.networks.recognition for g in step.gradients[q]]}
        return found | ({"logits": list(step.logits)} if step.logits else {})

    passes = 1 if config.multilayer_cv == "joint" else model.networks.layers
    relaxed = {"simple_muprop": 1, "muprop": 1, "concrete": 1, "rebar": passes, "dynamic_rebar": passes}
    return Source(gradients, 0 if name == "concrete" else 1, relaxed.get(name, 0))


def _settings(model: SBN, name: str, fresh: bool) -> SBNConfig:
    """The run's shapes with another method, and its options as far as that reads them."""
    shape = {key: getattr(model.config, key) for key in ("layers", "hidden", "nonlinear", "task", "sp_generator")}
    options = {} if fresh else {key: getattr(model.config, key) for key, (readers, _) in OPTIONS.items() if name in readers}
    return SBNConfig(estimator=name, **shape, **options)


def reference_of(model: SBN, x: tf.Tensor, seed: tf.Tensor) -> tuple[str, Source]:
    """Name and source of the unbiased estimator that biases are measured against: REBAR's is the corrected one, whatever the run's is."""
    one_layer = model.networks.layers == 1
    name = REFERENCES[one_layer]
    make = _registered if one_layer else functools.partial(_method, fresh=True)
    return name, make(model, x, name, *_levels(model, x, seed))


def draw_groups(source: Source, draws: int, seed: tf.Tensor, jit: bool, say: Callable[[int], None]) -> tuple[dict[str, Groups], float]:
    """Draws in `GROUPS` equal groups.

    Args:
      source: what to draw from.
      draws: in all, a multiple of GROUPS with at least two in a group.
      seed: draw i has noise of its own, equal for all estimators that read the same noise.
      jit: compile by XLA.
      say: called with the number of draws after every fifth group.
    Returns:
      {"parameters": ..., "logits": ...} and seconds an estimate (median over the groups after the first).
    """
    size = draws // GROUPS

    @tf.function(jit_compile=jit, autograph=False, input_signature=[tf.TensorSpec((), tf.int32)])
    def group(first):
        def body(i, moments):
            found = source.gradients(at_step(seed, first + i))
            return i + 1, {name: [m.add(g) for m, g in zip(moments[name], found[name])] for name in moments}

        start = {name: [Moments.start(g) for g in group] for name, group in source.gradients(seed).items()}
        return tf.while_loop(lambda i, _: i < size, body, (tf.constant(0), start), parallel_iterations=1)[1]

    means: dict[str, list] = {}
    variances: dict[str, list] = {}
    seconds = []
    for number in range(GROUPS):
        began = time.perf_counter()
        for name, moments in group(tf.constant(number * size)).items():
            means.setdefault(name, []).append(np.concatenate([m.mean.numpy().ravel() for m in moments]))
            entries = sum(m.mean.shape.num_elements() for m in moments)
            variances.setdefault(name, []).append(sum(float(m.variance()) for m in moments) / entries)
        seconds.append((time.perf_counter() - began) / size)
        if (number + 1) % 5 == 0:
            say((number + 1) * size)
    found = {name: Groups(np.array(means[name], float), np.array(variances[name])) for name in means}
    return found, float(np.median(seconds[1:]))


def squared_norm(vectors: np.ndarray) -> float:
    """Unbiased estimate of |E d|^2 from independent vectors [G, entries]; may fall below 0."""
    gram = vectors @ vectors.T
    return float((gram.sum() - np.trace(gram)) / (len(gram) * (len(gram) - 1)))


def bias_test(found: np.ndarray, reference: np.ndarray, flips: int = FLIPS) -> dict[str, float]:
    """Bias of group means [G, entries] against a reference's of as many groups.

    Returns:
      "bias": norm of the bias, 0 where its squared estimate is negative; "z": that estimate over its standard deviation under random
      signs; "p": how often random signs give as much.
    """
    vectors = found - reference
    gram = vectors @ vectors.T
    np.fill_diagonal(gram, 0.0)
    pairs = len(gram) * (len(gram) - 1)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(flips, len(gram)))
    null = np.einsum("fg,gh,fh->f", signs, gram, signs, optimize=True)
    observed = gram.sum()
    spread = np.sqrt(2.0 * np.sum(gram**2))
    scores = {
        "z": float(observed / spread) if spread > 0 else 0.0,
        "p": float((1 + np.sum(null >= observed - 1e-9 * abs(observed))) / (1 + flips)),
    }
    return {"bias": float(np.sqrt(max(observed / pairs, 0.0))), **scores}


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95% interval by Student's t."""
    from scipy import stats

    mean = float(values.mean())
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def measure(
    model: SBN,
    x: tf.Tensor,
    names: Sequence[str],
    draws: int,
    reference: int,
    seed: tf.Tensor,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Compares estimators.

    Args:
      model, x: from `load`.
      names: of `names_for`.
      draws, reference: estimates of each, and of the reference; rounded up to multiples of GROUPS.
      seed: int32 [2].
      say: takes progress lines.
    Returns:
      One row an estimator: evaluations, seconds an estimate, and for "parameters" (the batch gradient of q's weights) and "logits" (each
      image's gradient) the mean variance of an entry with its 95% interval, the signal-to-noise ratio |E g| / sqrt(sum of variances), the
      bias's norm, also relative to the gradient's, z and p.
    """
    draws, reference = (GROUPS * max(2, -(-number // GROUPS)) for number in (draws, reference))
    chosen = sources(model, x, names, at_step(seed, tf.constant(1)))
    name, source = reference_of(model, x, at_step(seed, tf.constant(1)))

    def progress(text: str, total: int):
        return lambda done: say(f"{text}: {done:,} of {total:,} draws")

    truth, _ = draw_groups(source, reference, at_step(seed, tf.constant(2)), model.jit_steps, progress(f"reference {name}", reference))
    norms = {level: max(squared_norm(groups.means), 0.0) for level, groups in truth.items()}
    rows = []
    for name, source in chosen.items():
        found, seconds = draw_groups(source, draws, at_step(seed, tf.constant(3)), model.jit_steps, progress(name, draws))
        row = {"estimator": name, "hard": source.hard, "relaxed": source.relaxed, "draws": draws, "seconds": seconds}
        for level, groups in found.items():
            variance = interval(groups.variances)
            entries = groups.means.shape[1]
            row |= {f"{level}_{key}": value for key, value in zip(("variance", "variance_low", "variance_high"), variance)}
            row[f"{level}_snr"] = float(np.sqrt(norms[level] / (entries * variance[0]))) if variance[0] > 0 else float("inf")
            row |= {f"{level}_{key}": value for key, value in bias_test(groups.means, truth[level].means).items()}
            row[f"{level}_relative_bias"] = row[f"{level}_bias"] / np.sqrt(norms[level]) if norms[level] > 0 else float("nan")
        row["biased"] = any(row[f"{level}_p"] < LEVEL for level in found)
        rows.append(row)
    return rows


def measure_run(
    folder: RunFolder, config: TrainSBN, names: Sequence[str] | None, *, draws: int, reference: int, images: int, say
) -> list[dict[str, Any]]:
    """`measure` at the newest checkpoint of a run; `names` None means all estimators that apply."""
    model, x = load(folder, config, images)
    return measure(model, x, names or names_for(model), draws, reference, run_seed(config.seed, "variance draws"), say)
