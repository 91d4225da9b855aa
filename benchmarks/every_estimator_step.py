"""Speed of a training step with every registered estimator, beside REINFORCE.

    python benchmarks/every_estimator_step.py                              # about half an hour on two cores
    python benchmarks/every_estimator_step.py --models categorical --clock processor

The models and settings are those of `suite/training`: a belief network with one nonlinear layer of 200 Bernoulli
variables, batch 24, and a VAE of 20 variables of 10 categories, batch 100; Adam. Every estimator's engine runs in a
process of its own; a few of them at a time are timed in interleaved windows with REINFORCE's among them, and a ratio is
the median over neighbouring windows: compare ratios, not steps/s.
"""

import argparse

import vae_step
from _suite_registry import MODELS, configs
from vae_step import Engine

from igr_suite.estimators.names import KNOWN

TOGETHER = 6  # engines that are timed beside REINFORCE's: all at once would not fit into the memory
FIRST = "reinforce"


def main() -> None:
    parser = vae_step.parser_of(__doc__, dict.fromkeys(KNOWN), windows=7, threads=(1,))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    wanted = options.engines
    for threads in options.threads:
        for model in options.models:
            compare(model, threads, options, wanted)


def compare(model: str, threads: int, options: argparse.Namespace, wanted: list[str]) -> None:
    """Prints the table of a model as Markdown."""
    of_model = configs(model)
    others = [name for name in of_model if name != FIRST and name in wanted]
    print(f"\n{MODELS[model]}, {threads} thread{'s' * (threads > 1)}, {options.clock} time\n")
    print("| estimator | evaluations | time of a step, REINFORCE's = 1 | ms |\n|---|---|---|---|")
    for first in range(0, len(others), TOGETHER):
        options.engines = [FIRST, *others[first : first + TOGETHER]]
        engines = {
            name: Engine(name, "tensorflow", "_suite_registry", f"build_{model}_{name}") for name in options.engines
        }
        workers = vae_step.timed(engines, options, threads)
        for name in workers if not first else [name for name in workers if name != FIRST]:
            rates = sorted(workers[name].rates)
            over = vae_step.ratio(workers.get(FIRST), workers[name])
            each = of_model[name].evaluations_per_step // of_model[name].schedule.batch_size
            print(f"| {name} | {each} | {over:.2f} | {1e3 / rates[len(rates) // 2]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
