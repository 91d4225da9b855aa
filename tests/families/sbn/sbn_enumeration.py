"""A sigmoid belief network small enough to enumerate, and its exact bound."""

import itertools

import numpy as np
import tensorflow as tf

from igr_suite.estimators.distributions.bernoulli import log_probability
from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig
from igr_suite.families.sbn.model import SBN
from igr_suite.families.sbn.networks import total
from igr_suite.networks import affine_chain


def tiny_model(pixels: int | None = None, hidden: int = 2, spread: float = 1.0, **settings) -> SBN:
    """A float64 model of 3 pixels (4 where they are halved) with weights of order `spread`, so that nothing vanishes by
    chance."""
    pixels = pixels or (4 if settings.get("task") == "sp" else 3)
    mean = np.linspace(0.3, 0.6, pixels)
    model = SBN(SBNConfig(hidden=hidden, **settings), SBNOptimiserConfig(), mean, seed=1, float_type=tf.float64)
    generator = np.random.default_rng(3)
    for variable in model.trained:
        variable.assign(spread * generator.normal(size=variable.shape))
    nets = [variable for method in model.own.values() for key, variable in method.items() if key.startswith("net_")]
    for variable in model.controls:
        if not any(variable is net for net in nets):  # these start at random, and so much noise would make them explode
            variable.assign(variable + 0.3 * generator.normal(size=variable.shape))
    return model


def images_of(model: SBN) -> np.ndarray:
    """Two images in {0, 1}, [2, pixels]."""
    return np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]])[:, : model.mean.shape[0]]


def states(units: int) -> np.ndarray:
    """All of {0, 1}^units, [2^units, units]."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=units)))


def joint_terms(model: SBN, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(log q, F) of every configuration of all layers for every image: [configurations, N]; written without the model's
    passes."""
    networks = model.networks
    weights = {name: [tf.convert_to_tensor(v) for v in group] for name, group in model.weights_by_network.items()}
    grid = states(networks.layers * networks.hidden).reshape(-1, networks.layers, 1, networks.hidden)
    observed = networks.observe(x, model.mean)
    rows = x.shape[0]
    h = [tf.constant(np.tile(grid[:, k], (1, rows, 1))) for k in range(networks.layers)]
    below = tf.tile(observed.condition[tf.newaxis], (len(grid), 1, 1))
    log_q, log_p = 0.0, 0.0
    for k in range(networks.layers):
        log_q += total(log_probability(affine_chain.apply(weights[f"q_{k}"], below), h[k]))
        below = 2.0 * h[k] - 1.0
    if not networks.has_distribution:
        return log_q, total(
            log_probability(affine_chain.apply(weights["p_0"], 2.0 * h[-1] - 1.0) + model.offset, observed.target)
        )
    prior = affine_chain.apply(weights["prior"], observed.condition) if networks.predicts_half else weights["prior"][0]
    log_p += total(log_probability(tf.broadcast_to(prior, h[-1].shape), h[-1]))
    for k in range(networks.layers):
        logits = affine_chain.apply(weights[f"p_{k}"], 2.0 * h[k] - 1.0) + (model.offset if k == 0 else 0.0)
        log_p += total(log_probability(logits, h[k - 1] if k else observed.target))
    return log_q, log_p - log_q


def exact_gradient(model: SBN, x: tf.Tensor) -> list[np.ndarray]:
    """Gradient of the batch's mean ELBO with respect to `model.trained`, by differentiating the sum over all
    configurations."""
    with tf.GradientTape() as tape:
        log_q, value = joint_terms(model, x)
        bound = tf.reduce_mean(tf.reduce_sum(tf.exp(log_q) * value, 0))
    return [g.numpy() for g in tape.gradient(bound, model.trained)]


def log_marginal(model: SBN, x: tf.Tensor) -> np.ndarray:
    """log p(x) [N]."""
    log_q, value = joint_terms(model, x)
    return tf.reduce_logsumexp(log_q + value, 0).numpy()


def flat_gradient(model: SBN, gradients: dict) -> tf.Tensor:
    """One vector of a step's gradients, in the order of `model.trained`."""
    return tf.concat([tf.reshape(g, [-1]) for name in model.networks.shapes() for g in gradients[name]], 0)
