"""Speed of one decoupled step (five updates) beside back-propagation of the same network, and beside JAX and PyTorch.

    python benchmarks/dni_step.py                               # about 4 minutes on two cores
    python benchmarks/dni_step.py --threads 1 --engines suite jax torch

1024-256-256-10 with batch norm, batch 250, Adam, MNIST-size images in memory. "cdni": linear synthesisers that see the
label; "dni": two hidden layers of 1,024; "bp": one module, back-propagation. The suite's step also measures every
interface (cosine, scale, sign), the minimal engines do not. Processes and interleaved windows are those of vae_step.py:
compare only within one run.
"""

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


def peer(name: str) -> str:
    """The suite's engine of the same kind, with which an engine is compared."""
    return "suite" + name[len(name.split("_")[0]) :]


def main() -> None:
    options = vae_step.parser_of(__doc__, ENGINES, windows=9).parse_args()
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads, peer)


if __name__ == "__main__":
    main()
