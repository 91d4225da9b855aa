"""Minimal JAX engine of `dni_step.py`: the five updates as a lax.scan, one jax.vjp a module, five Adams."""

from collections.abc import Callable
from functools import partial

import _dni_problem as p
import jax
import jax.numpy as jnp
from _jax_loop import adam, training, zeros


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

        (loss, moments), derivatives = jax.value_and_grad(total, has_aux=True)(modules)
        return loss, moments, derivatives, synthesisers

    def step(state, index):
        weights, first, second, moving, count = state
        count = count + 1
        x, y = (images[index].astype(jnp.float32) - mean) / deviation, targets[index]
        loss, moments, *derivatives = (plain if kind == "bp" else gradients)(*weights, x, y)
        weights, first, second = adam(p, weights, tuple(derivatives), first, second, count, p.RATES[kind])
        moving = jax.tree.map(lambda a, b: p.MOMENTUM * a + (1 - p.MOMENTUM) * b, moving, moments)
        return (weights, first, second, moving, count), loss

    modules = [tuple(map(jnp.asarray, pair)) for pair in p.network_weights()]
    synthesisers = (
        [] if kind == "bp" else [[tuple(map(jnp.asarray, w)) for w in p.synthesiser_weights(kind, i)] for i in (0, 1)]
    )
    weights = (modules, synthesisers)
    moving = tuple((jnp.zeros(p.HIDDEN), jnp.ones(p.HIDDEN)) for _ in range(2))
    return training(p, step, (weights, zeros(weights), zeros(weights), moving, jnp.float32(0)))


build_bp = partial(build, kind="bp")
build_dni = partial(build, kind="dni")
