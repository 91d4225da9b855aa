"""How much faster S relaxed samples are drawn in one call than in S calls: python benchmarks/vectorised_sampling.py

Windows of both ways are interleaved; printed are medians and the ratios of neighbouring windows. `eager` draws one
sample per call without compilation, as the authors' code does.
"""

import argparse
import statistics
import time

import tensorflow as tf

from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.fits import distributions
from igr_suite.studies.fits.config import FitDiscrete

CASES = (
    FitDiscrete(target="discrete", model="GS", categories=10),
    FitDiscrete(target="poisson", model="GS", categories=100),
    FitDiscrete(target="binomial", model="IGR_SB_Finite", categories=13),
    FitDiscrete(target="poisson", model="IGR_SB", categories=200),
)


def mean_of_draws(config: FitDiscrete):
    """(function, number of samples) of each way to draw: all in one call, one per call, and one per call without
    compilation. The functions return the mean of that many samples."""
    values, one_by_one = distributions.initial_values(config), config.samples
    seeds = [at_step(run_seed(0, "benchmark"), tf.constant(call)) for call in range(one_by_one)]

    def draw(samples, seed):
        return tf.reduce_sum(distributions.build(config, values).draw(samples, seed).sample, axis=0)

    compiled = tf.function(draw, autograph=False)

    def repeated(function, calls):
        def run():
            total = tf.zeros([config.categories])
            for seed in seeds[:calls]:
                total += function(1, seed)
            return total / calls

        return run, calls

    together = (lambda: compiled(config.samples, seeds[0]) / config.samples, config.samples)
    return together, repeated(compiled, one_by_one), repeated(draw, one_by_one // 10)


def seconds_a_sample(function, samples: int) -> float:
    began = time.perf_counter()
    function().numpy()
    return (time.perf_counter() - began) / samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=7)
    windows = parser.parse_args().windows
    print(f"{'distribution':38} {'together':>12} {'one a call':>12} {'eager':>12}   speed-up over one a call, eager")
    for config in CASES:
        ways = mean_of_draws(config)
        for function, samples in ways:
            seconds_a_sample(function, samples)  # traces
        times = [[seconds_a_sample(*way) for way in ways] for _ in range(windows)]
        medians = [statistics.median(column) * 1e6 for column in zip(*times)]
        ratios = [statistics.median(row[i] / row[0] for row in times) for i in (1, 2)]
        name = f"{config.model}, {config.target}, K={config.categories}, S={config.samples}"
        print(f"{name:38} " + " ".join(f"{m:9.2f} us" for m in medians) + f"   {ratios[0]:.0f}x, {ratios[1]:.0f}x")


if __name__ == "__main__":
    main()
