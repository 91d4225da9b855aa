"""Minimal PyTorch engine of `vae_step.py`: eager or torch.compile, fused Adam."""

from collections.abc import Callable

import _problem as p
import torch
from torch.nn import functional


class VAE(torch.nn.Module):
    def __init__(self, samples: int):
        super().__init__()
        self.samples = samples
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in p.LAYERS)
        with torch.no_grad():
            for layer, (kernel, bias) in zip(self.layers, p.initial_weights(), strict=True):
                layer.weight.copy_(torch.from_numpy(kernel.T))
                layer.bias.copy_(torch.from_numpy(bias))

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
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    model = VAE(samples)
    loss_function = torch.compile(model) if compiled else model
    optimiser = torch.optim.Adam(model.parameters(), p.LEARNING_RATE, (p.BETA_1, p.BETA_2), p.EPSILON, fused=True)
    images = torch.from_numpy(p.load_images())
    indices = p.batch_indices()

    def train(steps: int) -> float:
        for _ in range(steps // p.CHUNK):
            for index in torch.from_numpy(next(indices)).unbind():
                loss = loss_function(images.index_select(0, index))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
        return loss.item()

    return train


def build_compiled(threads: int, samples: int) -> Callable[[int], float]:
    return build(threads, samples, compiled=True)
