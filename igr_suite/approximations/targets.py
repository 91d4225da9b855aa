"""The discrete laws that relaxations are fitted to: log-probabilities in float64, moments and samples (never imports TensorFlow)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

DISCRETE_WEIGHTS = (10, 1, 5, 1, 10, 10, 1, 6, 1, 1)  # over 46; spec/igr.md section 2.2
UNIFORM_MIX = ((11, 0.9), (15, 0.1))  # (categories, their mass together): 0..10, then 11..25


@dataclass(frozen=True)
class Target:
    """A law on 0, 1, 2, ...

    Attributes:
      law: number of categories -> scipy's frozen law; most targets do not depend on the number.
      categories: smallest number of categories that makes sense, and the usual one.
    """

    law: Callable[[int], "stats.rv_discrete"]
    categories: int


def table(weights) -> "stats.rv_discrete":
    """The law on 0, 1, ... with probabilities in proportion to the weights."""
    weights = np.asarray(weights, np.float64)
    return stats.rv_discrete(values=(np.arange(len(weights)), weights / weights.sum()))


TARGETS = {
    "poisson": Target(lambda categories: stats.poisson(50.0), 2),
    "binomial": Target(lambda categories: stats.binom(categories, 0.3), 2),
    "negative_binomial": Target(lambda categories: stats.nbinom(50, 0.6), 2),
    "discrete": Target(lambda categories: table(DISCRETE_WEIGHTS), len(DISCRETE_WEIGHTS)),
    "uniform": Target(lambda categories: stats.randint(0, categories), 2),
    "uniform_mix": Target(lambda categories: table(np.concatenate([np.full(n, mass / n) for n, mass in UNIFORM_MIX])), 26),
    # scipy's geometric law starts at 1; as it stands category 0 would have probability 0 and every KL would be infinite.
    "geometric": Target(lambda categories: stats.geom(0.4, loc=-1), 2),
}


def law_of(target: str, categories: int) -> "stats.rv_discrete":
    """Returns scipy's law of a target, for its moments and samples.

    Args:
      target: a name in TARGETS.
      categories: K; the binomial has K trials and the uniform law K values.
    """
    return TARGETS[target].law(categories)


def log_pmf(target: str, categories: int) -> np.ndarray:
    """Logarithms of the probabilities of 0 .. K-1, not renormalised: what the law has beyond K-1 is dropped.

    Evaluated as logarithms in float64, since probabilities underflow: in float32 a Poisson law of mean 50 is 0 beyond 170.

    Args:
      target: a name in TARGETS.
      categories: K.
    Returns:
      float64 [K]; -inf where the law has no mass.
    """
    return np.asarray(law_of(target, categories).logpmf(np.arange(categories)), np.float64)


def sample(target: str, categories: int, samples: int, seed: int) -> np.ndarray:
    """Independent draws of the whole law, values beyond K-1 included: int64 [samples]."""
    return law_of(target, categories).rvs(size=samples, random_state=np.random.default_rng([seed, 2]))


def total_variation(target: str, frequencies: np.ndarray) -> float:
    """Distance of frequencies on 0 .. K-1 from the whole law: (sum_k |f_k - p_k| + P(k >= K)) / 2.

    Args:
      target: a name in TARGETS.
      frequencies: [K], summing to 1.
    """
    probabilities = np.exp(log_pmf(target, len(frequencies)))
    beyond = max(0.0, 1.0 - probabilities.sum())
    return float(0.5 * (np.abs(frequencies - probabilities).sum() + beyond))
