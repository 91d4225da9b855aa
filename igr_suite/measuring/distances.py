"""Summary of a sample of distances, sufficient to draw its box and to judge its quantiles (numpy only)."""

import numpy as np

PERCENTILES = (5, 10, 20, 25, 50, 75, 90, 95)
NEAR = 0.2  # the paper's "_20": a sample this near to a vertex counts as discrete
WHISKER = 1.5  # interquartile ranges, Tukey's rule


def describe_distances(distances: np.ndarray) -> dict[str, float]:
    """Statistics of distances to a vertex.

    Args:
      distances: [N], N >= 2.
    Returns:
      p05 ... p95; p50_se and p75_se, the standard errors of two of them; mean, std (over N, not N - 1); below_0.2, the
      fraction nearer than 0.2; whisker_low and whisker_high, the outermost distances within 1.5 interquartile ranges of
      the box. All are rounded to float32, the type of the distances.
    """
    distances = np.asarray(distances, np.float64)
    statistics = {f"p{p:02d}": value for p, value in zip(PERCENTILES, np.percentile(distances, PERCENTILES))}
    reach = WHISKER * (statistics["p75"] - statistics["p25"])
    inside = distances[(distances >= statistics["p25"] - reach) & (distances <= statistics["p75"] + reach)]
    statistics |= {
        "p50_se": percentile_error(distances, 50),
        "p75_se": percentile_error(distances, 75),
        "mean": distances.mean(),
        "std": distances.std(),
        "below_0.2": np.mean(distances < NEAR),
        # A quartile of few samples is interpolated and may lie beyond the outermost of them.
        "whisker_low": min(inside.min(), statistics["p25"]),
        "whisker_high": max(inside.max(), statistics["p75"]),
    }
    return {name: np.float32(value) for name, value in statistics.items()}


def percentile_error(values: np.ndarray, percentile: float) -> float:
    """Standard error of a sample percentile of any distribution: half the distance between the percentiles one binomial
    deviation to either side, 100 sqrt(p (1 - p) / N) with p = percentile / 100."""
    p = percentile / 100
    deviation = 100 * np.sqrt(p * (1 - p) / len(values))
    low, high = np.percentile(values, [max(percentile - deviation, 0), min(percentile + deviation, 100)])
    return (high - low) / 2
