"""Speed of a training step of belief networks with estimators that weigh several samples against each other, beside
REINFORCE.

    python benchmarks/bounds_step.py --engines reinforce rloo vimco ovis ovis_mc rws tvo      # four samples
    python benchmarks/bounds_step.py --engines rloo_50 vimco_50 ovis_50 ovis_mc_50 rws_50 tvo_50

784-200-200, batch 24; OVIS-MC has as many auxiliary samples as samples. Processes and interleaved windows as in
vae_step.py: compare only within one run.
"""

import vae_step
from vae_step import Engine

TITLES = {"rloo": "RLOO", "vimco": "VIMCO", "ovis": "OVIS", "ovis_mc": "OVIS-MC", "rws": "RWS", "tvo": "TVO"}
ENGINES = {
    "reinforce": Engine("REINFORCE", "tensorflow", "_suite_sbn", "build_reinforce"),
    **{
        name: Engine(f"{title}, 4 samples", "tensorflow", "_suite_sbn", f"build_{name}_4")
        for name, title in TITLES.items()
    },
    **{
        f"{name}_50": Engine(f"{title}, 50 samples", "tensorflow", "_suite_sbn", f"build_{name}_50")
        for name, title in TITLES.items()
    },
}


def main() -> None:
    options = vae_step.parser_of(__doc__, ENGINES, threads=(1,)).parse_args()
    first = "reinforce" if "reinforce" in options.engines else options.engines[0]
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads, lambda name: first)


if __name__ == "__main__":
    main()
