"""Minimal PyTorch engine of `vae_step.py`: eager or torch.compile, fused Adam."""

from collections.abc import Callable
from functools import partial

import _problem as p
import torch
from _torch_loop import linear, training
from torch.nn import functional


class VAE(torch.nn.Module):
    """Returns the negative ELBO of a batch of binary images."""

    def __init__(self, samples: int):
        super().__init__()
        self.samples = samples
        self.layers = torch.nn.ModuleList(linear(*weights) for weights in p.initial_weights())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = images.float()
        hidden = torch.relu(self.layers[1](torch.relu(self.layers[0](images))))
        mu, log_sigma = self.layers[2](hidden).view(-1, 2, p.VARIABLES, p.CATEGORIES - 1).unbind(1)
        noise = torch.randn(self.samples, *mu.shape)
        kappa = mu + log_sigma.exp() * noise
        psi = torch.softmax(functional.pad(kappa / p.TEMPERATURE, (0, 1)), -1)
        hidden = torch.relu(self.layers[4](torch.relu(self.layers[3](psi.view(-1, p.LATENT)))))
        logits = self.layers[5](hidden).view(self.samples, *images.shape)
        target = images.expand_as(logits)
        kl = (0.5 * (kappa - p.PRIOR_MEAN).square() - 0.5 * noise.square() - log_sigma).sum((-2, -1))
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1).add(kl).mean()


def build(threads: int, samples: int, compiled: bool = False) -> Callable[[int], float]:
    return training(p, VAE, p.load_images(), threads, samples, compiled)


build_compiled = partial(build, compiled=True)
