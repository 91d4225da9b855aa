"""Speed of a training step of belief networks on the general path, beside the fast paths of their own.

    python benchmarks/estimators_step.py                    # about 2 minutes on two cores

784-200, batch 24: DisARM and RLOO on one nonlinear layer beside NVIL, whose step is a fast path; REBAR with a scale for
each unit on two linear layers, general beside fast. A VAE of 20 variables of 10 categories, batch 100: RELAX, general
beside the class of the IGR paper. Processes and interleaved windows as in vae_step.py: compare only within one run.
"""

import vae_step
from vae_step import Engine

ENGINES = {
    "nvil": Engine("NVIL, one nonlinear", "tensorflow", "_suite_sbn", "build_nvil_nonlinear"),
    "rloo": Engine("  RLOO (2), general", "tensorflow", "_suite_sbn", "build_rloo_nonlinear"),
    "disarm": Engine("  DisARM, general", "tensorflow", "_suite_sbn", "build_disarm_nonlinear"),
    "rebar": Engine("REBAR, two linear", "tensorflow", "_suite_sbn", "build_rebar_by_unit"),
    "general_rebar": Engine("  REBAR, general", "tensorflow", "_suite_sbn", "build_general_rebar"),
    "general_dynamic_rebar": Engine(
        "  DynamicREBAR, general", "tensorflow", "_suite_sbn", "build_general_dynamic_rebar"
    ),
    "relax": Engine("RELAX, 20 x 10 codes", "tensorflow", "_suite_codes", "build_relax"),
    "general_relax": Engine("  RELAX, general", "tensorflow", "_suite_codes", "build_general_relax"),
    "half_reinforce": Engine("half-MNIST, REINFORCE, b(x)", "tensorflow", "_suite_half", "build_reinforce"),
    "half_nvil": Engine("  NVIL, general", "tensorflow", "_suite_half", "build_general_nvil"),
    "half_st": Engine("half-MNIST, straight-through", "tensorflow", "_suite_half", "build_straight_through"),
    "half_general_st": Engine(
        "  straight-through, general", "tensorflow", "_suite_half", "build_general_straight_through"
    ),
}
PEERS = {
    "half_nvil": "half_reinforce",
    "half_general_st": "half_st",
    "general_relax": "relax",
    "rloo": "nvil",
    "disarm": "nvil",
    "general_rebar": "rebar",
    "general_dynamic_rebar": "rebar",
}


def main() -> None:
    options = vae_step.parser_of(__doc__, ENGINES, threads=(1,)).parse_args()
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads, lambda name: PEERS.get(name, name))


if __name__ == "__main__":
    main()
