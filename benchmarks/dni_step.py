"""Speed of one decoupled step (five updates) beside back-propagation of the same network, JAX and PyTorch.

    python benchmarks/dni_step.py                               # about 4 minutes on two cores
    python benchmarks/dni_step.py --threads 1 --engines suite jax torch

1024-256-256-10 with batch norm, batch 250, Adam, MNIST-size images in memory. "cdni": linear synthesisers that see the label; "dni": two
hidden layers of 1,024; "bp": one module, back-propagation. The suite's step also measures every interface (cosine, scale, sign), the
minimal ones do not. Processes and interleaved windows as in vae_step.py: compare only within one run.
"""

import argparse
import os
import statistics
from pathlib import Path

import vae_step
from vae_step import Engine

ENGINES = {
    "suite": Engine("suite, cdni", "tensorflow", "_suite_dni"),
    "suite_bp": Engine("suite, bp", "tensorflow", "_suite_dni", "build_bp"),
    "suite_dni": Engine("suite, dni", "tensorflow", "_suite_dni", "build_dni"),
    "jax": Engine("JAX, cdni", "jax", "_jax_dni"),
    "jax_bp": Engine("JAX, bp", "jax", "_jax_dni", "build_bp"),
    "jax_dni": Engine("JAX, dni", "jax", "_jax_dni", "build_dni"),
    "torch": Engine("PyTorch eager, cdni", "torch", "_torch_dni"),
    "torch_bp": Engine("PyTorch eager, bp", "torch", "_torch_dni", "build_bp"),
    "torch_dni": Engine("PyTorch eager, dni", "torch", "_torch_dni", "build_dni"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=9, help="timed windows an engine")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a window")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--logs", type=Path, default=Path("/tmp"), help="folder for what the workers write to stderr")
    options = parser.parse_args()
    vae_step.ENGINES |= ENGINES
    for threads in options.threads:
        log = options.logs / f"dni_step_{os.getpid()}"
        started = {name: vae_step.start(name, threads, 1, log.with_name(f"{log.name}_{name}.log")) for name in options.engines}
        workers = {name: worker for name, worker in started.items() if worker is not None}
        try:
            vae_step.measure(workers, options.windows, options.seconds)
        finally:
            for worker in workers.values():
                worker.close()
        print(f"\n{threads} thread{'s' * (threads > 1)}\n{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} {'peak GB':>8}")
        for name, worker in workers.items():
            peer = "suite" + name[len(name.split("_")[0]) :]  # each beside the suite's engine of the same kind
            pairs = zip(workers[peer].rates, worker.rates) if peer in workers else ()
            ratio = statistics.median([a / b for a, b in pairs] or [float("nan")])
            median, low, high = statistics.median(worker.rates), min(worker.rates), max(worker.rates)
            print(f"{worker.engine.title:24} {median:8.1f} {low:7.1f} {high:7.1f} {ratio:9.2f} {worker.peak_gb:8.2f}")


if __name__ == "__main__":
    main()
