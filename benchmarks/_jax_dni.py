"""Minimal JAX engine of `dni_step.py`: the five updates as a lax.scan, one jax.vjp a module, five Adams."""

from collections.abc import Callable
from functools import partial

import _dni_problem as p
import jax
import jax.numpy as jnp


def normalise(x):
    mean = x.mean(0)
    variance = jnp.square(x - mean).mean(0)
    return (x - mean) * jax.lax.rsqrt(variance + p.EPSILON_BN), (mean, variance * (p.BATCH / (p.BATCH - 1)))


def hidden(weights, x):
    normed, moments = normalise(x @ weights[0] + weights[1])
    return jax.nn.relu(normed), moments


def synthesise(weights, h):
    for kernel, bias in weights[:-1]:
        h = jax.nn.relu(normalise(h @ kernel + bias)[0])
    return h @ weights[-1][0] + weights[-1][1]


def cross_entropy(logits, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()


def build(threads: int, samples: int, kind: str = "cdni") -> Callable[[int], float]:
    del threads, samples
    images, targets = jnp.asarray(p.padded_images()), jnp.asarray(p.labels())
    mean, deviation = p.scale()

    def gradients(modules, synthesisers, x, y):
        (h1, moments1), pull1, _ = _vjp(lambda w: hidden(w, x), modules[0])
        (h2, moments2), pull2, _ = _vjp(hidden, modules[1], h1)
        loss, pull3 = jax.vjp(lambda w, h: cross_entropy(h @ w[0] + w[1], y), modules[2], h2)
        context = [jax.nn.one_hot(y, p.CLASSES)] if kind == "cdni" else []
        seen = [jnp.concatenate([h, *context], -1) for h in (h1, h2)]
        guesses = [jax.vjp(lambda w, s=s: synthesise(w, s), weights) for weights, s in zip(synthesisers, seen)]
        g3, below2 = pull3(jnp.float32(1))
        g2, below1 = pull2(guesses[1][0] / p.BATCH)
        (g1,) = pull1(guesses[0][0] / p.BATCH)
        errors = [guess - p.BATCH * below for (guess, _), below in zip(guesses, (below1, below2))]
        of_guesses = [pull(2 / error.size * error)[0] for (_, pull), error in zip(guesses, errors)]
        return loss, (moments1, moments2), [g1, g2, g3], of_guesses

    def _vjp(function, *arguments):
        value, pull, moments = jax.vjp(function, *arguments, has_aux=True)
        return (value, moments), pull, None

    def plain(modules, synthesisers, x, y):
        def total(modules):
            h1, moments1 = hidden(modules[0], x)
            h2, moments2 = hidden(modules[1], h1)
            return cross_entropy(h2 @ modules[2][0] + modules[2][1], y), (moments1, moments2)

        (loss, moments), found = jax.value_and_grad(total, has_aux=True)(modules)
        return loss, moments, found, synthesisers

    def adam(w, g, m, v, rate):
        m = jax.tree.map(lambda m, g: p.BETA_1 * m + (1 - p.BETA_1) * g, m, g)
        v = jax.tree.map(lambda v, g: p.BETA_2 * v + (1 - p.BETA_2) * g * g, v, g)
        return jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + p.EPSILON), w, m, v), m, v

    def step(state, index):
        weights, first, second, moving, count = state
        count = count + 1
        x, y = (images[index].astype(jnp.float32) - mean) / deviation, targets[index]
        loss, moments, *found = (plain if kind == "bp" else gradients)(*weights, x, y)
        rate = p.RATES[kind] * jnp.sqrt(1 - p.BETA_2**count) / (1 - p.BETA_1**count)
        weights, first, second = adam(weights, tuple(found), first, second, rate)
        moving = jax.tree.map(lambda a, b: p.MOMENTUM * a + (1 - p.MOMENTUM) * b, moving, moments)
        return (weights, first, second, moving, count), loss

    run_chunk = jax.jit(lambda state, chunk: jax.lax.scan(step, state, chunk), donate_argnums=0)
    modules = [tuple(map(jnp.asarray, pair)) for pair in p.network_weights()]
    synthesisers = (
        [] if kind == "bp" else [[tuple(map(jnp.asarray, w)) for w in p.synthesiser_weights(kind, i)] for i in (0, 1)]
    )
    weights = (modules, synthesisers)

    def zeros():
        return jax.tree.map(jnp.zeros_like, weights)

    moving = tuple((jnp.zeros(p.HIDDEN), jnp.ones(p.HIDDEN)) for _ in range(2))
    state = (weights, zeros(), zeros(), moving, jnp.float32(0))
    indices = p.batch_indices()

    def train(steps: int) -> float:
        nonlocal state
        for _ in range(steps // p.CHUNK):
            state, losses = run_chunk(state, jnp.asarray(next(indices)))
        return float(losses.mean())

    return train


build_bp = partial(build, kind="bp")
build_dni = partial(build, kind="dni")
