"""Speed of one training step of a sigmoid belief network: this suite's DynamicREBAR beside JAX's, its NVIL and its tracking of five.

    python benchmarks/sbn_step.py                    # about 3 minutes on two cores
    python benchmarks/sbn_step.py --threads 1 --engines suite jax

784-200-200, linear, batch 24, Adam, EMA of the gradient's variance; MNIST-size images in memory. Processes and interleaved windows as in
vae_step.py: compare only within one run.
"""

import argparse
import os
import statistics
from pathlib import Path

import vae_step
from vae_step import Engine

ENGINES = {
    "suite": Engine("suite, DynamicREBAR", "tensorflow", "_suite_sbn"),
    "nvil": Engine("suite, NVIL", "tensorflow", "_suite_sbn", "build_nvil"),
    "track": Engine("suite, tracking five", "tensorflow", "_suite_sbn", "build_track"),
    "track_direct": Engine("  averages at every step", "tensorflow", "_suite_sbn", "build_track_direct"),
    "jax": Engine("JAX jit + scan", "jax", "_jax_sbn"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=15, help="timed windows an engine")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a window")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--logs", type=Path, default=Path("/tmp"), help="folder for what the workers write to stderr")
    options = parser.parse_args()
    vae_step.ENGINES |= ENGINES
    for threads in options.threads:
        log = options.logs / f"sbn_step_{os.getpid()}"
        started = {name: vae_step.start(name, threads, 1, log.with_name(f"{log.name}_{name}.log")) for name in options.engines}
        workers = {name: worker for name, worker in started.items() if worker is not None}
        try:
            vae_step.measure(workers, options.windows, options.seconds)
        finally:
            for worker in workers.values():
                worker.close()
        print(f"\n{threads} thread{'s' * (threads > 1)}\n{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} {'peak GB':>8}")
        for worker in workers.values():
            pairs = zip(workers["suite"].rates, worker.rates) if "suite" in workers else ()
            ratio = statistics.median([a / b for a, b in pairs] or [float("nan")])
            median, low, high = statistics.median(worker.rates), min(worker.rates), max(worker.rates)
            print(f"{worker.engine.title:24} {median:8.1f} {low:7.1f} {high:7.1f} {ratio:9.2f} {worker.peak_gb:8.2f}")


if __name__ == "__main__":
    main()
