"""Speed of a training step of a VAE of categorical codes by estimator, beside REINFORCE.

    python benchmarks/codes_step.py                         # about 6 minutes on two cores

784-512-256-200 / 200-256-512-784, 20 variables of 10 categories, batch 100, Adam. Processes and interleaved windows as
in vae_step.py: compare only within one run. `suite/it` is the time of a step in those of REINFORCE, which has one
evaluation of the bound.
"""

import vae_step
from vae_step import Engine

TITLES = {
    "reinforce": "REINFORCE",
    "rloo_2": "RLOO (2)",
    "carms_2": "CARMS (2)",
    "disarm_sb": "DisARM-SB",
    "disarm_tree": "DisARM-Tree",
    "rebar": "REBAR",
    "rloo_4": "RLOO (4)",
    "carms_4": "CARMS (4)",
    "ars": "ARS, 10 evaluations",
    "arsm": "ARSM, 46 evaluations",
}
ENGINES = {name: Engine(title, "tensorflow", "_suite_codes", f"build_{name}") for name, title in TITLES.items()}


def main() -> None:
    options = vae_step.parser_of(__doc__, ENGINES, windows=9, threads=(1,)).parse_args()
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads, lambda name: "reinforce")


if __name__ == "__main__":
    main()
