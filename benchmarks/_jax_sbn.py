"""Minimal JAX engine of `sbn_step.py`: DynamicREBAR as a lax.scan, derivatives by jax.grad and jax.vjp, one eta per
weight tensor.

Estimator, objective and measurements are the suite's: the closed form of the coupled noise, one relaxed pass per switch
layer (batched on a leading axis), two pullbacks to the weights, and through them the derivatives of the variance
objective with respect to baseline and temperature.
"""

from collections.abc import Callable

import _sbn_problem as p
import jax
import jax.numpy as jnp
import numpy as np
from _jax_loop import adam, training, zeros
from jax.nn import sigmoid, softplus


def bernoulli(logits, values):
    return jnp.sum(values * logits - softplus(logits), -1)


def build(threads: int, samples: int) -> Callable[[int], float]:
    del threads, samples
    images = jnp.asarray(p.load_images())
    mean = p.mean_image()
    clipped = np.clip(mean, 0.001, 0.999)
    mean, offset = jnp.asarray(mean, jnp.float32), jnp.asarray(np.log(clipped / (1 - clipped)), jnp.float32)

    def affine(weights, x):
        return x @ weights[0] + weights[1]

    def bound(w, x, h0, h1, a0, a1):
        """The bound at (h0, h1), leading axes broadcasting."""
        log_p = (
            bernoulli(affine(w["p_0"], 2 * h0 - 1) + offset, x)
            + bernoulli(affine(w["p_1"], 2 * h1 - 1), h0)
            + bernoulli(w["prior"][0], h1)
        )
        return log_p - bernoulli(a0, h0) - bernoulli(a1, h1)

    def relax(logits, z, log_temperature):
        t = jnp.exp(log_temperature)
        return sigmoid(z / t + logits * t / (t + 1))

    def baseline(weights, x):
        return (jnp.tanh(x @ weights[0] + weights[1]) @ weights[2] + weights[3])[:, 0]

    def soft_bounds(z, w, x, a, b, noise, log_temperature):
        """c_0 and c_1 [2, B], each a function of its own layer's z."""
        y0, y1 = relax(a[0], z[0], log_temperature), relax(a[1], z[1], log_temperature)
        deeper = affine(w["q_1"], 2 * y0 - 1)
        h0 = jnp.stack([y0, b[0]])
        h1 = jnp.stack([relax(deeper, deeper + noise[1], log_temperature), y1])
        a1 = jnp.stack([deeper, a[1]])
        return bound(w, x, h0, h1, a[0], a1)

    size = sum(np.size(v) for group in p.initial_weights().values() for v in group)

    def gradients(w, control, x, key):
        centred = x - mean
        u = jax.random.uniform(key, (2, p.BATCH, p.HIDDEN), minval=1e-7, maxval=1 - 1e-7)
        noise = jnp.log(u) - jnp.log1p(-u)

        a0 = affine(w["q_0"], centred)
        b0 = (a0 + noise[0] > 0).astype(jnp.float32)
        a1, pull_1 = jax.vjp(lambda q: affine(q, 2 * b0 - 1), w["q_1"])
        _, pull_0 = jax.vjp(lambda q: affine(q, centred), w["q_0"])
        b1 = (a1 + noise[1] > 0).astype(jnp.float32)
        a, b = (a0, a1), (b0, b1)
        value, generator = jax.value_and_grad(lambda g: jnp.mean(bound({**w, **g}, x, b0, b1, a0, a1)))(
            {name: w[name] for name in ("prior", "p_1", "p_0")}
        )
        hard = bound(w, x, b0, b1, a0, a1)
        score = [b[k] - sigmoid(a[k]) for k in (0, 1)]
        gap = [jnp.where(b[k] > 0.5, sigmoid(-a[k]) / u[k], sigmoid(a[k]) / (1 - u[k])) for k in (0, 1)]
        z = (a0 + noise[0], a1 + noise[1])

        def controls(log_temperature):
            values, pull = jax.vjp(lambda z: soft_bounds(z, w, x, a, b, noise, log_temperature), z)
            slopes = pull(jnp.ones_like(values))[0]
            return [gap[k] * slopes[k] - values[k][:, None] * score[k] for k in (0, 1)]

        control_deltas = controls(control["log_temperature"])
        predicted, pull_baseline = jax.vjp(lambda c: baseline(c, centred), control["baseline"])
        signal = [(hard - predicted)[:, None] * s for s in score]
        eta = [2 * sigmoid(e) for e in control["etas"]]
        g, by_eta, by_baseline, along = {}, [], 0.0, []
        for k, (name, pull) in enumerate((("q_0", pull_0), ("q_1", pull_1))):
            from_signal, from_control = pull(signal[k] / p.BATCH)[0], pull(control_deltas[k] / p.BATCH)[0]
            g[name] = [f + e * c for f, e, c in zip(from_signal, eta[k], from_control)]
            by_eta.append(
                jnp.stack([2 / size * jnp.sum(x * c) for x, c in zip(g[name], from_control)])
                * eta[k]
                * (1 - eta[k] / 2)
            )
            layer_inputs = centred if k == 0 else 2 * b0 - 1
            image = affine(g[name], layer_inputs)
            by_baseline -= 2 / size * jnp.sum(image * score[k], -1) / p.BATCH
            along.append(affine([e * x for e, x in zip(eta[k], g[name])], layer_inputs) * 2 / size / p.BATCH)
        by_temperature = jax.grad(lambda t: sum(jnp.sum(v * c) for v, c in zip(along, controls(t))))(
            control["log_temperature"]
        )
        control_gradients = {
            "baseline": pull_baseline(by_baseline)[0],
            "etas": by_eta,
            "log_temperature": by_temperature,
        }
        return {**generator, **g}, control_gradients, value

    def step(state, index):
        w, control, moments, control_moments, averages, count, key = state
        count, (key, noise_key) = count + 1, jax.random.split(key)
        g, control_gradients, value = gradients(w, control, images[index].astype(jnp.float32), noise_key)
        mean_g = jax.tree.map(lambda m, x: p.DECAY * m + (1 - p.DECAY) * x, averages[0], g)
        square = p.DECAY * averages[1] + (1 - p.DECAY) * sum(jnp.sum(x * x) for x in jax.tree.leaves(g)) / size
        variance = square - sum(jnp.sum(m * m) for m in jax.tree.leaves(mean_g)) / size
        w, *moments = adam(p, w, jax.tree.map(jnp.negative, g), *moments, count, p.LEARNING_RATE)
        control, *control_moments = adam(p, control, control_gradients, *control_moments, count, p.CONTROL_RATE)
        return (w, control, tuple(moments), tuple(control_moments), (mean_g, square), count, key), (value, variance)

    w = jax.tree.map(jnp.asarray, p.initial_weights())
    control = {"baseline": [jnp.asarray(v) for v in p.baseline_weights()], "etas": [jnp.zeros(2), jnp.zeros(2)]}
    control["log_temperature"] = jnp.log(jnp.float32(0.5))

    state = (
        w,
        control,
        (zeros(w), zeros(w)),
        (zeros(control), zeros(control)),
        (zeros(w), jnp.float32(0)),
        jnp.float32(0),
        jax.random.key(0),
    )
    return training(p, step, state)
