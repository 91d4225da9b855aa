"""The linear-Gaussian model's data, optimum and closed forms (docs/papers/dreg.md, sections 1.5 and 6.1)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Problem:
    """z ~ N(theta, I), x|z ~ N(z, I), q(z|x) = N(A x + b, s^2 I), at one set of parameters.

    Attributes:
      x: data [N, D].
      theta: [D]; a: [D, D]; b: [D].
      scale: s.
    """

    x: np.ndarray
    theta: np.ndarray
    a: np.ndarray
    b: np.ndarray
    scale: float

    @property
    def mean(self) -> np.ndarray:
        """q's means [N, D]."""
        return self.x @ self.a.T + self.b

    @property
    def gap(self) -> np.ndarray:
        """q's means minus the posterior's, A x + b - (x + theta)/2, [N, D]."""
        return self.mean - 0.5 * (self.x + self.theta)

    @property
    def log_evidence(self) -> np.ndarray:
        """log p(x) = log N(x; theta, 2 I), [N]."""
        d = self.x.shape[1]
        return -0.25 * np.sum((self.x - self.theta) ** 2, 1) - 0.5 * d * np.log(4.0 * np.pi)

    @property
    def elbo(self) -> np.ndarray:
        """log p(x) - D/2 (2 s^2 - 1 - log(2 s^2)) - |gap|^2, [N]."""
        ratio = 2.0 * self.scale**2
        return self.log_evidence - 0.5 * self.x.shape[1] * (ratio - 1.0 - np.log(ratio)) - np.sum(self.gap**2, 1)

    @property
    def second_moment(self) -> np.ndarray:
        """E_q[(p(z|x)/q)^2] = chi^2(p||q) + 1, [N]; L_K = log p(x) - chi^2 / (2 K) + O(K^-2). Needs s^2 > 1/4."""
        variance = self.scale**2
        spread = 2.0 * variance - 0.5
        per_dimension = variance / np.sqrt(0.5 * spread) * np.exp(self.gap**2 / spread)
        return np.prod(per_dimension, 1)


def optimum(x: np.ndarray, scale: float) -> Problem:
    """theta = mean x, A = I/2, b = theta/2: the maximum-likelihood theta, and q's means equal to the posterior's."""
    theta = x.mean(0)
    return Problem(x, theta, 0.5 * np.eye(x.shape[1]), 0.5 * theta, scale)


def make(dimension: int, points: int, perturbation: float, proposal_variance: float, seed: int) -> Problem:
    """Draws data from the model and parameters near their optimum.

    Args:
      dimension, points: D and N.
      perturbation: standard deviation of one normal draw added to theta, A and b.
      proposal_variance: s^2.
      seed: of data and perturbation.
    """
    generator = np.random.default_rng([seed, dimension, points])
    truth = generator.normal(size=dimension)
    x = truth + generator.normal(size=(points, dimension)) + generator.normal(size=(points, dimension))
    best = optimum(x, float(np.sqrt(proposal_variance)))
    shifts = (
        generator.normal(size=shape) * perturbation for shape in ((dimension,), (dimension, dimension), (dimension,))
    )
    return Problem(x, *(part + shift for part, shift in zip((best.theta, best.a, best.b), shifts)), best.scale)
