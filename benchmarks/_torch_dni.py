"""Minimal PyTorch engine of `dni_step.py`: eager, the five updates one after the other, fused Adam."""

from collections.abc import Callable
from functools import partial

import _dni_problem as p
import torch
from torch import nn


def filled(layers: list[nn.Module], weights) -> nn.Sequential:
    """Returns the layers in a chain; their linear ones take the problem's weights."""
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, (kernel, bias) in zip(linear, weights, strict=True):
            layer.weight.copy_(torch.from_numpy(kernel.T))
            layer.bias.copy_(torch.from_numpy(bias))
    return nn.Sequential(*layers)


def norm(size: int, moving: bool) -> nn.Module:
    return nn.BatchNorm1d(size, p.EPSILON_BN, 1 - p.MOMENTUM, affine=False, track_running_stats=moving)


def synthesiser(kind: str, number: int) -> nn.Sequential:
    sizes, layers = p.SYNTHESISERS[kind], []
    for i, (a, b) in enumerate(sizes):
        layers += [nn.Linear(a, b), *([norm(b, moving=False), nn.ReLU()] if i < len(sizes) - 1 else [])]
    return filled(layers, p.synthesiser_weights(kind, number))


def build(threads: int, samples: int, kind: str = "cdni") -> Callable[[int], float]:
    del samples
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    weights = p.network_weights()
    modules = [
        filled([nn.Linear(*p.LAYERS[i]), norm(p.HIDDEN, moving=True), nn.ReLU()], weights[i : i + 1]) for i in (0, 1)
    ]
    modules.append(filled([nn.Linear(*p.LAYERS[2])], weights[2:]))
    synthesisers = [] if kind == "bp" else [synthesiser(kind, i) for i in (0, 1)]

    def adam(network):
        return torch.optim.Adam(network.parameters(), p.RATES[kind], (p.BETA_1, p.BETA_2), p.EPSILON, fused=True)

    optimisers, sg_optimisers = [adam(m) for m in modules], [adam(m) for m in synthesisers]
    images, targets = torch.from_numpy(p.padded_images()), torch.from_numpy(p.labels()).long()
    mean, deviation = p.scale()
    indices = p.batch_indices()

    def update(optimiser):
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    def regress(number, guess, wanted):
        nn.functional.mse_loss(guess, p.BATCH * wanted).backward()
        update(sg_optimisers[number])

    def decoupled(x, y):
        context = [nn.functional.one_hot(y, p.CLASSES).float()] if kind == "cdni" else []
        layer_inputs, waiting = x, None
        for i, module in enumerate(modules):
            leaving = module(layer_inputs)
            if i == 2:
                loss = nn.functional.cross_entropy(leaving, y)
                loss.backward()
            else:
                guess = synthesisers[i](torch.cat([leaving.detach(), *context], -1))
                leaving.backward(guess.detach() / p.BATCH)
            update(optimisers[i])
            if waiting is not None:
                regress(i - 1, waiting, layer_inputs.grad)
            if i < 2:
                waiting, layer_inputs = guess, leaving.detach().requires_grad_()
        return loss

    def plain(x, y):
        loss = nn.functional.cross_entropy(modules[2](modules[1](modules[0](x))), y)
        loss.backward()
        for optimiser in optimisers:
            update(optimiser)
        return loss

    def train(steps: int) -> float:
        for _ in range(steps // p.CHUNK):
            for index in torch.from_numpy(next(indices)).unbind():
                x = (images.index_select(0, index).float() - mean) / deviation
                loss = (plain if kind == "bp" else decoupled)(x, targets.index_select(0, index))
        return loss.item()

    return train


build_bp = partial(build, kind="bp")
build_dni = partial(build, kind="dni")
