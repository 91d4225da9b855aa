"""Minimal PyTorch engine of `iwae_step.py`: the IWAE bound, eager or torch.compile, fused Adam."""

from collections.abc import Callable
from functools import partial
from math import log

import _iwae_problem as p
import torch
from _torch_loop import linear, training
from torch.nn import functional


class IWAE(torch.nn.Module):
    """Returns the negative bound of a batch of grey images in 0..255."""

    def __init__(self, samples: int):
        super().__init__()
        self.samples = samples
        self.encoder, self.decoder = (self._chain(name) for name in ("encoder", "decoder"))
        self.register_buffer("mean", torch.from_numpy(p.mean_image()).float())
        self.register_buffer("offset", torch.from_numpy(p.offset()))

    def _chain(self, name: str) -> torch.nn.Sequential:
        arrays = p.initial_weights()[name]
        layers = []
        for kernel, bias in zip(arrays[::2], arrays[1::2], strict=True):
            layers += [linear(kernel, bias), torch.nn.Tanh()]
        return torch.nn.Sequential(*layers[:-1])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = (torch.rand(images.shape) < images.float() / 255).float()
        loc, raw = self.encoder(x - self.mean).chunk(2, -1)
        scale = functional.softplus(raw + p.SHIFT)
        noise = torch.randn(self.samples, *loc.shape)
        z = loc + scale * noise
        logits = self.decoder(z.view(-1, p.LATENTS)).view(self.samples, *x.shape) + self.offset
        log_likelihood = -functional.binary_cross_entropy_with_logits(
            logits, x.expand_as(logits), reduction="none"
        ).sum(-1)
        log_weights = log_likelihood + (0.5 * noise.square() - 0.5 * z.square() + scale.log()).sum(-1)
        return -(torch.logsumexp(log_weights, 0) - log(self.samples)).mean()


def build(threads: int, samples: int, compiled: bool = False) -> Callable[[int], float]:
    return training(p, IWAE, p.grey_images(), threads, samples, compiled, sign=-1)


build_compiled = partial(build, compiled=True)
