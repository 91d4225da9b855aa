"""Speed of one training step of the Gaussian-latent VAE on K samples: this suite beside JAX and PyTorch, and the products alone.

    python benchmarks/iwae_step.py                                       # K=64, both cores: about 4 minutes
    python benchmarks/iwae_step.py --samples 8 64 512 --engines suite    # cost and memory against K

784-200-200-2x50 / 50-200-200-784, batch 32, dynamic binarisation, Adam; MNIST-size images in memory. Processes and interleaved windows
as in vae_step.py: compare only within one run.
"""

import argparse
import os
import statistics
from pathlib import Path

import _iwae_problem as p
import vae_step
from vae_step import Engine

ENGINES = {
    "suite": Engine("suite, IWAE", "tensorflow", "_suite_iwae"),
    "dreg": Engine("suite, DReG", "tensorflow", "_suite_iwae", "build_dreg"),
    "jk_dreg": Engine("suite, JVI-DReG", "tensorflow", "_suite_iwae", "build_jk_dreg"),
    "averages": Engine("suite, DReG, EMA", "tensorflow", "_suite_iwae", "build_averages"),
    "bfloat16": Engine("suite, DReG, bfloat16", "tensorflow", "_suite_iwae", "build_bfloat16"),
    "jax": Engine("JAX jit + scan", "jax", "_jax_iwae"),
    "torch": Engine("PyTorch eager", "torch", "_torch_iwae"),
    "torch_compile": Engine("PyTorch compiled", "torch", "_torch_iwae", "build_compiled"),
    "limit": Engine("products alone, oneDNN", "tensorflow", "_iwae_limit"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=9, help="timed windows an engine")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a window")
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--samples", type=int, nargs="+", default=[p.SAMPLES], help="K")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=[name for name in ENGINES if name != "torch_compile"])
    parser.add_argument("--logs", type=Path, default=Path("/tmp"), help="folder for what the workers write to stderr")
    options = parser.parse_args()
    vae_step.ENGINES |= ENGINES
    for samples in options.samples:
        for threads in options.threads:
            measure(options, threads, samples)


def measure(options: argparse.Namespace, threads: int, samples: int) -> None:
    """Times all engines at one K and prints steps/s, the suite's IWAE over each, and the share of the products' limit."""
    log = options.logs / f"iwae_step_{os.getpid()}"
    started = {name: vae_step.start(name, threads, samples, log.with_name(f"{log.name}_{name}.log")) for name in options.engines}
    workers = {name: worker for name, worker in started.items() if worker is not None}
    try:
        vae_step.measure(workers, options.windows, options.seconds)
    finally:
        for worker in workers.values():
            worker.close()
    print(f"\nK={samples}, {threads} thread{'s' * (threads > 1)}, {p.flop(samples) / 1e9:.2f} GFLOP of products a step")
    print(f"{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} {'of limit':>9} {'GFLOP/s':>8} {'peak GB':>8}")
    for worker in workers.values():
        median, low, high = statistics.median(worker.rates), min(worker.rates), max(worker.rates)
        over, share = ratio(workers.get("suite"), worker), ratio(worker, workers.get("limit"))
        print(
            f"{worker.engine.title:24} {median:8.1f} {low:7.1f} {high:7.1f} {over:9.2f} {share:9.2f} {median * p.flop(samples) / 1e9:8.0f}"
            f" {worker.peak_gb:8.2f}"
        )


def ratio(one: vae_step.Worker | None, other: vae_step.Worker | None) -> float:
    """Median of the ratios of neighbouring windows; nan where an engine did not run."""
    if one is None or other is None:
        return float("nan")
    return statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))


if __name__ == "__main__":
    main()
