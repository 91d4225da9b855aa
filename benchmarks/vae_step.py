"""Speed of one training step of the IGR-I VAE: this suite beside PyTorch, JAX and the step's matrix products alone.

    python benchmarks/vae_step.py                               # about 4 minutes on two cores
    python benchmarks/vae_step.py --threads 1 --samples 10 --engines suite jax

Nonlinear net 784-512-256-360 / 200-256-512-784, batch 100, Adam 3e-4, MNIST-size uint8 images in memory. Each engine
runs in a process of its own, pinned to as many cores as it has threads. Short windows alternate (A B C A B C ...) while
the other engines wait, so that a change of the machine's speed affects all of them. Compare only within one run.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import _problem

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Engine:
    """What runs a step: the package that it needs, and the module here and its function that build it."""

    title: str
    package: str
    module: str
    function: str = "build"


ENGINES = {
    "suite": Engine("this suite", "tensorflow", "_suite_vae"),
    "suite_graph": Engine("this suite, graph mode", "tensorflow", "_suite_vae", "build_graph"),
    "suite_bfloat16": Engine("this suite, bfloat16", "tensorflow", "_suite_vae", "build_bfloat16"),
    "suite_bfloat16_xla": Engine("this suite, bfloat16, XLA", "tensorflow", "_suite_vae", "build_bfloat16_xla"),
    "torch": Engine("PyTorch eager", "torch", "_torch_vae"),
    "torch_compile": Engine("PyTorch compiled", "torch", "_torch_vae", "build_compiled"),
    "jax": Engine("JAX jit + scan", "jax", "_jax_vae"),
    "limit_graph": Engine("products alone, oneDNN", "tensorflow", "_matmul_limit"),
    "limit_xla": Engine("products alone, XLA", "tensorflow", "_matmul_limit", "build_xla"),
}


@dataclass
class Worker:
    """A running engine and the steps/s of its windows by the clock, "wall" or "processor"."""

    engine: Engine
    process: subprocess.Popen
    clock: str = "wall"
    rates: list[float] = field(default_factory=list)
    peak_gb: float = 0.0

    def train(self, steps: int) -> float:
        """Steps/s of one window; raises EOFError when the process has died."""
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        answer = json.loads(line)
        self.peak_gb = answer["peak_gb"]
        return steps / answer["seconds"][self.clock]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def start(engine: Engine, threads: int, samples: int, log: Path, clock: str = "wall") -> Worker | None:
    """Starts and warms up an engine, or prints why it is left out and returns None."""
    python = sys.executable if importlib.util.find_spec(engine.package) else os.environ.get("BENCH_PYTHON")
    if python is None:
        print(
            f"{engine.title} is left out: {engine.package} is not installed in {sys.prefix}; BENCH_PYTHON may name a "
            f"Python that has it."
        )
        return None
    command = [python, str(HERE / "_worker.py"), engine.module, engine.function, str(threads), str(samples)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with log.open("w", encoding="utf-8", newline="\n") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", env=environment
        )
    worker = Worker(engine, process, clock)
    try:
        worker.train(_problem.CHUNK)  # compiles
    except EOFError:
        worker.close()
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"])[-1]
        print(f"{engine.title} is left out: it stopped while starting ({last[:160]}; all of it in {log}).")
        return None
    return worker


def measure(workers: dict[str, Worker], windows: int, seconds: float) -> None:
    """Interleaves the windows; the first round is a warm-up that also sets each engine's window length."""
    steps = {}
    for name, worker in workers.items():
        rate = worker.train(_problem.CHUNK)
        steps[name] = max(1, round(rate * seconds / _problem.CHUNK)) * _problem.CHUNK
    for _ in range(windows):
        for name, worker in workers.items():
            worker.rates.append(worker.train(steps[name]))


def report(workers: dict[str, Worker], threads: int, samples: int) -> None:
    """Prints steps/s, peak memory and ratios of this suite to each; ratios are medians of the ratios of neighbouring
    windows."""
    limits = [w for name, w in workers.items() if name.startswith("limit")]
    limit = max((statistics.median(w.rates) for w in limits), default=None)
    suite = workers.get("suite")
    print(f"\n{threads} thread{'s' * (threads > 1)}, {samples} sample{'s' * (samples > 1)} a step")
    print(
        f"{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} {'of limit':>9} {'GFLOP/s':>8} "
        f"{'peak GB':>8}"
    )
    for worker in workers.values():
        median = statistics.median(worker.rates)
        over = "" if suite is None else f"{ratio(suite, worker):.2f}"
        share = "" if limit is None else f"{median / limit:.2f}"
        rate = median * _problem.flop(samples) / 1e9
        print(
            f"{worker.engine.title:24} {median:8.1f} {min(worker.rates):7.1f} {max(worker.rates):7.1f} {over:>9} "
            f"{share:>9} {rate:8.0f}"
            f" {worker.peak_gb:8.2f}"
        )
    if limit is not None:
        print(
            f"The matrix products of a step ({_problem.flop(samples) / 1e9:.3f} GFLOP) take {1e3 / limit:.2f} ms alone."
        )


def parser_of(
    description: str,
    engines: dict[str, Engine],
    windows: int = 15,
    seconds: float = 1.0,
    threads: tuple[int, ...] = (1, 2),
):
    """The options that all benchmarks of steps have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=windows, help="timed windows an engine")
    parser.add_argument("--seconds", type=float, default=seconds, help="length of a window")
    parser.add_argument("--threads", type=int, nargs="+", default=list(threads))
    parser.add_argument("--engines", nargs="+", choices=engines, default=list(engines))
    words = "what a window is measured by; processor time is for a machine that others use"
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help=words)
    parser.add_argument("--logs", type=Path, default=Path("/tmp"), help="folder for what the workers write to stderr")
    return parser


def timed(engines: dict[str, Engine], options: argparse.Namespace, threads: int, samples: int = 1) -> dict[str, Worker]:
    """Starts the chosen engines, times them window by window and ends them; those that could not start are left out."""
    log = options.logs / f"{Path(sys.argv[0]).stem}_{os.getpid()}"
    started = {
        name: start(engines[name], threads, samples, log.with_name(f"{log.name}_{name}.log"), options.clock)
        for name in options.engines
    }
    workers = {name: worker for name, worker in started.items() if worker is not None}
    try:
        measure(workers, options.windows, options.seconds)
    finally:
        for worker in workers.values():
            worker.close()
    return workers


def ratio(first: Worker | None, second: Worker | None) -> float:
    """Median of the ratios of neighbouring windows; nan where an engine did not run."""
    if first is None or second is None:
        return float("nan")
    return statistics.median(a / b for a, b in zip(first.rates, second.rates, strict=True))


def compare(workers: dict[str, Worker], threads: int, peer=lambda name: "suite") -> None:
    """Prints steps/s and the ratio of the suite's engine to each; `peer` names the engine of the suite with which an
    engine is compared."""
    print(
        f"\n{threads} thread{'s' * (threads > 1)}\n{'engine':24} {'steps/s':>8} {'min':>7} {'max':>7} {'suite/it':>9} "
        f"{'peak GB':>8}"
    )
    for name, worker in workers.items():
        median, low, high = statistics.median(worker.rates), min(worker.rates), max(worker.rates)
        over = ratio(workers.get(peer(name)), worker)
        print(f"{worker.engine.title:24} {median:8.1f} {low:7.1f} {high:7.1f} {over:9.2f} {worker.peak_gb:8.2f}")


def main() -> None:
    parser = parser_of(__doc__, ENGINES)
    parser.add_argument("--samples", type=int, nargs="+", default=[1], help="latent samples a step (S)")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    if max(options.threads) > cores:
        parser.error(f"--threads {max(options.threads)} asked for, but this process may use {cores} cores")
    began = time.time()
    for samples in options.samples:
        for threads in options.threads:
            report(timed(ENGINES, options, threads, samples), threads, samples)
    print(f"\n{time.time() - began:.0f} s in all.")


if __name__ == "__main__":
    main()
