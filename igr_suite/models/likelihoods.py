"""p(x | z) of a VAE: the distribution of the data given a decoder's output, by name or the user's own."""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from igr_suite.errors import UserError, nearest
from igr_suite.networks.likelihoods import bernoulli_log_likelihood
from igr_suite.relaxations.gaussian import normal_log_density

LEAST_SCALE = 1e-4  # of a Gaussian likelihood, whose density has no bound otherwise


class Likelihood(NamedTuple):
    """A distribution of the data.

    Attributes:
      log_prob: (x [B, ...], decoder's output [S, B, ...]) -> log p(x | z) [S, B].
      mean: decoder's output [B, ...] -> what `predict` returns.
      parts: the number of the decoder's outputs for each entry of x; None where it is not checked.
    """

    log_prob: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    mean: Callable[[tf.Tensor], tf.Tensor]
    parts: int | None


def likelihood_of(choice: str | Callable) -> Likelihood:
    """Returns the likelihood for a name, "bernoulli" or "gaussian", or for a function (x, output) -> log p(x | z).

    Raises:
      UserError: neither a name nor a function.
    """
    if isinstance(choice, str) and choice in NAMED:
        return NAMED[choice]
    if callable(choice):
        return Likelihood(choice, tf.identity, None)
    known = ", ".join(NAMED)
    way_out = nearest(choice, NAMED) if isinstance(choice, str) else f"known: {known}"
    raise UserError(f"likelihood must be a name or a function of x and the decoder's output, got {choice!r}; {way_out}")


def check_output(likelihood: Likelihood, choice, data: tuple[int, ...], output: tuple[int, ...]) -> None:
    """Refuses a decoder whose output does not have the size that the data need.

    Args:
      likelihood: of the choice.
      choice: as the user gave it.
      data, output: shapes of one example.
    Raises:
      UserError: the sizes differ.
    """
    wanted = None if likelihood.parts is None else likelihood.parts * math.prod(data)
    if wanted is not None and math.prod(output) != wanted:
        each = "one logit" if likelihood.parts == 1 else "a mean and a scale, side by side on the last axis,"
        raise UserError(
            f"the decoder returns {output} for data {data}; likelihood='{choice}' needs {each} for each entry: "
            f"{wanted} outputs"
        )


def _flat(tensor: tf.Tensor, axes: int) -> tf.Tensor:
    """The axes after the first ones as one."""
    return tf.reshape(tensor, tf.concat([tf.shape(tensor)[:axes], [math.prod(tensor.shape[axes:])]], 0))


def _bernoulli(x: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    return bernoulli_log_likelihood(_flat(output, 2), _flat(x, 1))


def _gaussian(x: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    mean, raw = tf.split(output, 2, -1)
    scale = _flat(tf.nn.softplus(raw) + LEAST_SCALE, 2)
    return normal_log_density((_flat(x, 1) - _flat(mean, 2)) / scale, tf.math.log(scale))


NAMED = {
    "bernoulli": Likelihood(_bernoulli, tf.sigmoid, 1),
    "gaussian": Likelihood(_gaussian, lambda output: tf.split(output, 2, -1)[0], 2),
}
