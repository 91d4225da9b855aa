"""The discrete distributions that relaxations are fitted to: log-probabilities in float64, moments and samples (never
imports TensorFlow)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DISCRETE_WEIGHTS = (10, 1, 5, 1, 10, 10, 1, 6, 1, 1)  # over 46; docs/papers/igr.md, section 2.2
UNIFORM_MIX = ((11, 0.9), (15, 0.1))  # (categories, their mass together): 0..10, then 11..25


@dataclass(frozen=True)
class Target:
    """A distribution on 0, 1, 2, ...

    Attributes:
      distribution: maps (scipy.stats, size) to scipy's frozen distribution; the size is the number of categories, or
        of trials for a binomial distribution. The module is an argument because importing it takes a second, which
        commands that only list runs do not need.
      least: smallest meaningful number of categories.
      support: maps the size to the number of values with mass, None if all of 0, 1, 2, ... have it.
    """

    distribution: Callable
    least: int = 2
    support: Callable[[int], int | None] = lambda size: None


def _table(stats, weights):
    weights = np.asarray(weights, np.float64)
    return stats.rv_discrete(values=(np.arange(len(weights)), weights / weights.sum()))


TARGETS = {
    "poisson": Target(lambda stats, size: stats.poisson(50.0)),
    "binomial": Target(lambda stats, trials: stats.binom(trials, 0.3), support=lambda trials: trials + 1),
    "negative_binomial": Target(lambda stats, size: stats.nbinom(50, 0.6)),
    "discrete": Target(lambda stats, size: _table(stats, DISCRETE_WEIGHTS), least=10, support=lambda size: 10),
    "uniform": Target(lambda stats, size: stats.randint(0, size), support=lambda size: size),
    "uniform_mix": Target(
        lambda stats, size: _table(stats, np.concatenate([np.full(n, mass / n) for n, mass in UNIFORM_MIX])),
        least=26,
        support=lambda size: 26,
    ),
    # scipy's geometric distribution starts at 1; without the shift category 0 would have probability 0 and every KL
    # would be infinite.
    "geometric": Target(lambda stats, size: stats.geom(0.4, loc=-1)),
}


def distribution_of(target: str, size: int):
    """Returns scipy's distribution of a target, for its moments and samples.

    Args:
      target: a name in TARGETS.
      size: trials of the binomial, number of values of the uniform distribution; the others ignore it.
    """
    from scipy import stats

    return TARGETS[target].distribution(stats, size)


def has_mass_everywhere(target: str, categories: int, size: int | None = None) -> bool:
    """Whether each of 0 .. K-1 has mass, so that a KL to the target can be finite; arguments as for `log_pmf`."""
    support = TARGETS[target].support(size or categories)
    return support is None or categories <= support


def log_pmf(target: str, categories: int, size: int | None = None) -> np.ndarray:
    """Logarithms of the probabilities of 0 .. K-1, not renormalised: the mass beyond K-1 is dropped.

    Evaluated as logarithms in float64, since probabilities underflow: in float32 a Poisson distribution of mean 50 is 0
    beyond 170.

    Args:
      target: a name in TARGETS.
      categories: K.
      size: as for `distribution_of`; K when not given.
    Returns:
      float64 [K]; -inf where the distribution has no mass.
    """
    with np.errstate(divide="ignore"):  # log 0 where a table has no entry
        return np.asarray(distribution_of(target, size or categories).logpmf(np.arange(categories)), np.float64)


def sample(target: str, size: int, samples: int, seed: int) -> np.ndarray:
    """Independent draws of the whole distribution, values beyond K-1 included: int64 [samples]."""
    return distribution_of(target, size).rvs(size=samples, random_state=np.random.default_rng([seed, 2]))


def total_variation(frequencies: np.ndarray, probabilities: np.ndarray) -> float:
    """Total variation distance from a distribution whose first K probabilities are given:
    (sum_k |f_k - p_k| + 1 - sum_k p_k) / 2.

    Args:
      frequencies: f [K], summing to 1.
      probabilities: p [K], summing to at most 1.
    """
    beyond = max(0.0, 1.0 - probabilities.sum())
    return float(0.5 * (np.abs(frequencies - probabilities).sum() + beyond))
