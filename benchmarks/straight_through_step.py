"""Speed of a training step of the VAE of ReinMax's benchmark with each straight-through estimator, beside ST-GS.

    python benchmarks/straight_through_step.py              # about 3 minutes on two cores

784-512-256-32 / 32-256-512-784, four variables with eight categories, grey pixels, batch 100, Adam. Processes and
interleaved windows as in vae_step.py: compare only within one run.
"""

import vae_step
from vae_step import Engine

ENGINES = {
    "st_gs": Engine("ST-GS", "tensorflow", "_suite_codes", "build_st_gumbel_softmax"),
    "st": Engine("  ST", "tensorflow", "_suite_codes", "build_straight_through"),
    "reinmax": Engine("  ReinMax", "tensorflow", "_suite_codes", "build_reinmax"),
    "gst": Engine("  GST", "tensorflow", "_suite_codes", "build_gst"),
    "gumbel_rao_10": Engine("  Gumbel-Rao, K = 10", "tensorflow", "_suite_codes", "build_gumbel_rao_10"),
    "gumbel_rao_100": Engine("  Gumbel-Rao, K = 100", "tensorflow", "_suite_codes", "build_gumbel_rao_100"),
    "reinmax_rao_100": Engine("  ReinMax-Rao, K = 100", "tensorflow", "_suite_codes", "build_reinmax_rao_100"),
}


def main() -> None:
    options = vae_step.parser_of(__doc__, ENGINES, threads=(1,)).parse_args()
    for threads in options.threads:
        vae_step.compare(vae_step.timed(ENGINES, options, threads), threads, lambda name: "st_gs")


if __name__ == "__main__":
    main()
