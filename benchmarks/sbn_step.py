"""Speed of one training step of a sigmoid belief network: this suite's DynamicREBAR beside JAX's, and beside the
suite's NVIL and its tracking of five estimators.

    python benchmarks/sbn_step.py                    # about 3 minutes on two cores
    python benchmarks/sbn_step.py --threads 1 --engines suite jax

784-200-200, linear, batch 24, Adam, EMA of the gradient's variance; MNIST-size images in memory. Processes and
interleaved windows are those of vae_step.py: compare only within one run.
"""

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
    options = vae_step.parser_of(__doc__, ENGINES).parse_args()
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads)


if __name__ == "__main__":
    main()
