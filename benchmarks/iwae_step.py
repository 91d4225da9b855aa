"""Speed of one training step of the Gaussian-latent VAE on K samples: this suite beside JAX, PyTorch and the matrix
products alone.

    python benchmarks/iwae_step.py                                       # K=64, both cores: about 4 minutes
    python benchmarks/iwae_step.py --samples 8 64 512 --engines suite    # cost and memory against K

784-200-200-2x50 / 50-200-200-784, batch 32, dynamic binarisation, Adam; MNIST-size images in memory. Processes and
interleaved windows are those of vae_step.py: compare only within one run.
"""

import statistics

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
    "limit": Engine("products alone, oneDNN", "tensorflow", "_matmul_limit", "build_iwae"),
}


def main() -> None:
    parser = vae_step.parser_of(__doc__, ENGINES, windows=9, seconds=2.0, threads=(2,))
    parser.set_defaults(engines=[name for name in ENGINES if name != "torch_compile"])
    parser.add_argument("--samples", type=int, nargs="+", default=[p.SAMPLES], help="K")
    options = parser.parse_args()
    for samples in options.samples:
        for threads in options.threads:
            report(vae_step.timed(ENGINES, options, threads, samples), threads, samples)


def report(workers: dict[str, vae_step.Worker], threads: int, samples: int) -> None:
    """Prints steps/s at one K, the suite's IWAE over each engine, and the share of the products' limit."""
    print(f"\nK={samples}, {threads} thread{'s' * (threads > 1)}, {p.flop(samples) / 1e9:.2f} GFLOP of products a step")
    print(
        f"{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} {'of limit':>9} {'GFLOP/s':>8} "
        f"{'peak GB':>8}"
    )
    for worker in workers.values():
        median, low, high = statistics.median(worker.rates), min(worker.rates), max(worker.rates)
        over, share = vae_step.ratio(workers.get("suite"), worker), vae_step.ratio(worker, workers.get("limit"))
        print(
            f"{worker.engine.title:24} {median:8.1f} {low:7.1f} {high:7.1f} {over:9.2f} {share:9.2f} "
            f"{median * p.flop(samples) / 1e9:8.0f}"
            f" {worker.peak_gb:8.2f}"
        )


if __name__ == "__main__":
    main()
