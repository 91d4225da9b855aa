"""What the PyTorch engines of VAEs have in common: linear layers with given weights, and eager or compiled steps with
fused Adam."""

from collections.abc import Callable

import numpy as np
import torch


def linear(kernel: np.ndarray, bias: np.ndarray) -> torch.nn.Linear:
    """Returns a layer with these weights; the kernel is [inputs, outputs]."""
    layer = torch.nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel.T))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def training(
    p, model: type[torch.nn.Module], images: np.ndarray, threads: int, samples: int, compiled: bool, sign: int = 1
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last loss.

    Args:
      p: the problem's module.
      model: built from the number of samples; maps a batch of images to its loss.
      images: uint8 [N, pixels].
      compiled: whether torch.compile makes the model.
      sign: -1 to return the negative loss.
    """
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    network = model(samples)
    loss_function = torch.compile(network) if compiled else network
    optimiser = torch.optim.Adam(network.parameters(), p.LEARNING_RATE, (p.BETA_1, p.BETA_2), p.EPSILON, fused=True)
    rows, indices = torch.from_numpy(images), p.batch_indices()

    def train(steps: int) -> float:
        for _ in range(steps // p.CHUNK):
            for index in torch.from_numpy(next(indices)).unbind():
                loss = loss_function(rows.index_select(0, index))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
        return sign * loss.item()

    return train
