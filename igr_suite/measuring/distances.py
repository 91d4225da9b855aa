"""What a sample of distances is summarised by: enough to draw its box and to judge its quantiles (numpy only)."""

import numpy as np

PERCENTILES = (5, 10, 20, 25, 50, 75, 90, 95)
NEAR = 0.2  # the paper's "_20": a sample this near to a vertex counts as discrete
WHISKER = 1.5  # interquartile ranges, Tukey's rule


def describe_distances(distances: np.ndarray) -> dict[str, float]:
    """Statistics of distances to a vertex.

    Args:
      distances: [N], N >= 2.
    Returns:
      p05 ... p95; p50_se and p75_se, their standard errors; mean, std (over N, not N - 1); below_0.2, the fraction
      nearer than 0.2; whisker_low and whisker_high, the outermost distances within 1.5 interquartile ranges of the box.
      All rounded to float32, which is what the distances are.
    """
    distances = np.asarray(distances, np.float64)
    found = {f"p{p:02d}": value for p, value in zip(PERCENTILES, np.percentile(distances, PERCENTILES))}
    reach = WHISKER * (found["p75"] - found["p25"])
    inside = distances[(distances >= found["p25"] - reach) & (distances <= found["p75"] + reach)]
    found |= {
        "p50_se": percentile_error(distances, 50),
        "p75_se": percentile_error(distances, 75),
        "mean": distances.mean(),
        "std": distances.std(),
        "below_0.2": np.mean(distances < NEAR),
        # few samples: the quartile is interpolated and may lie outside of all of them
        "whisker_low": min(inside.min(), found["p25"]),
        "whisker_high": max(inside.max(), found["p75"]),
    }
    return {name: np.float32(value) for name, value in found.items()}


def percentile_error(values: np.ndarray, percentile: float) -> float:
    """Standard error of a sample percentile, whatever the distribution: half the distance between the percentiles one
    binomial deviation off.

    100 sqrt(p (1 - p) / N) percent to either side, p = percentile / 100
    """
    p = percentile / 100
    deviation = 100 * np.sqrt(p * (1 - p) / len(values))
    low, high = np.percentile(values, [max(percentile - deviation, 0), min(percentile + deviation, 100)])
    return (high - low) / 2
