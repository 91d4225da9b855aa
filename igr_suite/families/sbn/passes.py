"""Passes through a sigmoid belief network: hard samples, means, and relaxed samples from one layer upwards.

All passes of a step share one set of uniforms u_k [N, hidden], one per layer. A pass holds what each layer adds to the
bound, so that the layers below a switch, which are the same in every pass, are computed once.
"""

from typing import NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.families.sbn.networks import Networks, SBNBatch, Term, Weights
from igr_suite.networks import affine_chain


class Model(NamedTuple):
    """What passes need of a model: shapes, present weights, fixed logits of the pixels."""

    networks: Networks
    weights: Weights
    offset: tf.Tensor


class HardPass(NamedTuple):
    """A pass with samples in {0, 1}; lists hold one item per layer.

    Attributes:
      logits: of q, [N, hidden].
      samples: h_k [N, hidden].
      layer_inputs: the inputs of each map of q_k.
      terms: the bound, layer by layer.
      value: the bound F [N].
      scores: d log q(h_k) / d logits, [N, hidden].
    """

    logits: list[tf.Tensor]
    samples: list[tf.Tensor]
    layer_inputs: list[list[tf.Tensor]]
    terms: list[Term]
    value: tf.Tensor
    scores: list[tf.Tensor]


class SoftPasses(NamedTuple):
    """Relaxed passes on a leading axis, one per switch layer.

    Attributes:
      z: of each layer [k + 1, N, hidden]; row s belongs to the pass whose layers from s upwards are relaxed. [1, N,
        hidden] when all layers are relaxed at once.
      values: relaxed bounds [N], one per pass.
    """

    z: list[tf.Tensor]
    values: list[tf.Tensor]


def hard_pass(model: Model, observed: SBNBatch, uniforms: list[tf.Tensor]) -> HardPass:
    """Samples every layer and evaluates the bound.

    Args:
      model, observed: weights and batch.
      uniforms: u_k [N, hidden] in (0, 1).
    """
    networks, below = model.networks, observed.condition
    logits, samples, layer_inputs, terms = [], [], [], []
    for k, name in enumerate(networks.recognition):
        outputs, inputs = affine_chain.forward(model.weights[name], 2.0 * samples[-1] - 1.0 if samples else below)
        logits.append(outputs)
        layer_inputs.append(inputs)
        # Under a tape that watches weights (Concrete), no gradient passes through a sample.
        samples.append(tf.stop_gradient(bernoulli.hard_sample(outputs, uniforms[k])))
        terms.append(networks.term(k, model.weights, model.offset, observed, samples[k], samples[k - 1], logits[k]))
    scores = [bernoulli.score(a, b) for a, b in zip(logits, samples)]
    return HardPass(logits, samples, layer_inputs, terms, tf.add_n([term.value for term in terms]), scores)


def mean_field_value(
    model: Model, observed: SBNBatch, first_logits: tf.Tensor, watch=lambda mean: None
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The bound with every layer at its mean given the mean of the layer below.

    Args:
      model, observed: weights and batch.
      first_logits: of layer 0 [N, hidden], the same in every pass.
      watch: called with every layer's means before they are used, for derivatives by them.
    Returns:
      F(mu) [N], the means [N, hidden] of each layer.
    """
    networks, means, values = model.networks, [], []
    for k, name in enumerate(networks.recognition):
        logits = affine_chain.apply(model.weights[name], 2.0 * means[-1] - 1.0) if means else first_logits
        means.append(tf.sigmoid(logits))
        watch(means[k])
        values.append(networks.term(k, model.weights, model.offset, observed, means[k], means[k - 1], logits).value)
    return tf.add_n(values), means


def soft_passes(
    model: Model,
    observed: SBNBatch,
    hard: HardPass,
    logistic: list[tf.Tensor],
    temperature: tf.Tensor,
    relaxation: bernoulli.Relaxed = "improved",
    together: bool = False,
    watch=lambda z: None,
) -> SoftPasses:
    """Relaxed passes: for each switch layer s, layers below s as in the hard pass, layer s and all above relaxed with
    the same noise.

    Rows of one layer go through its networks as one batch; the layers below a switch are taken from the hard pass.

    Args:
      model, observed, hard: weights, batch and its hard pass.
      logistic: logit(u_k) [N, hidden].
      temperature: scalar, or one per layer [L].
      relaxation: see `bernoulli.relaxed_sample`.
      together: one pass with all layers relaxed, in place of one per switch layer.
      watch: called with z of every layer before it is used, for derivatives by it.
    """
    networks, z, relaxed, terms = model.networks, [], None, []
    temperatures = [temperature] * networks.layers if temperature.shape.rank == 0 else tf.unstack(temperature)
    for k, name in enumerate(networks.recognition):
        above = [] if k == 0 else [affine_chain.apply(model.weights[name], 2.0 * relaxed - 1.0)]
        logits = tf.concat([*above, *([] if k and together else [hard.logits[k][tf.newaxis]])], 0)
        z.append(logits + logistic[k])
        watch(z[k])
        below, relaxed = relaxed, bernoulli.relaxed_sample(logits, z[k], temperatures[k], relaxation)
        if k and not together:
            below = tf.concat([below, hard.samples[k - 1][tf.newaxis]], 0)
        terms.append(networks.term(k, model.weights, model.offset, observed, relaxed, below, logits).value)
    if together:
        return SoftPasses(z, [tf.add_n([term[0] for term in terms])])
    layers = range(networks.layers)
    return SoftPasses(z, [tf.add_n([terms[k][s] if k >= s else hard.terms[k].value for k in layers]) for s in layers])
