"""Signal, noise and bias of repeated gradient estimates (never imports TensorFlow)."""

import numpy as np
from scipy.stats import t as student


def signal_and_noise(gradients: np.ndarray) -> dict[str, float]:
    """Statistics of one estimator.

    Args:
      gradients: [R, P] float64, independent repetitions.
    Returns:
      Means over parameters of "snr", |mean| / sd, of "variance" and of "signal", |mean|; and "dsnr", the mean over
      repetitions of the length along the mean gradient divided by the length across it.

    Source: Rainforth et al. (2018); docs/papers/dreg.md, section 1.5.
    """
    mean, variance = gradients.mean(0), gradients.var(0, ddof=1)
    snr = np.divide(np.abs(mean), np.sqrt(variance), out=np.zeros_like(mean), where=variance > 0)
    direction = mean / max(np.linalg.norm(mean), np.finfo(float).tiny)
    along = gradients @ direction
    across = np.linalg.norm(gradients - along[:, None] * direction, axis=1)
    return {
        "snr": snr.mean(),
        "variance": variance.mean(),
        "signal": np.abs(mean).mean(),
        "dsnr": np.mean(np.divide(np.abs(along), across, out=np.zeros_like(along), where=across > 0)),
    }


def bias(gradients: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """The difference between the means of an estimator and of its reference, from paired draws.

    Args:
      gradients, reference: [R, P] float64; row r of both comes from the same draws.
    Returns:
      "squared_bias": mean over parameters of the squared difference of means; "squared_bias_noise": what it would be
      without bias; "t": mean over parameters of |t|, which is sqrt(2 / pi) = 0.80 without bias; "t_max": the largest
      |t|; "p": its Bonferroni-corrected probability without bias.
    """
    difference = gradients - reference
    repetitions, parameters = difference.shape
    mean, error = difference.mean(0), difference.std(0, ddof=1) / np.sqrt(repetitions)
    ratio = np.abs(np.divide(mean, error, out=np.zeros_like(mean), where=error > 0))
    return {
        "squared_bias": np.mean(mean**2),
        "squared_bias_noise": np.mean(error**2),
        "t": ratio.mean(),
        "t_max": ratio.max(),
        "p": min(1.0, parameters * 2.0 * student.sf(ratio.max(), repetitions - 1)),
    }


def noise_floor(repetitions: int) -> float:
    """The apparent signal-to-noise ratio of R repetitions of pure noise, sqrt(2 / (pi R))."""
    return float(np.sqrt(2.0 / (np.pi * repetitions)))
