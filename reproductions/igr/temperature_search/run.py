"""A search for the temperatures of the G2 figures: the highest near a vertex ("_20") and the best by validation ELBO.

    igr run igr/temperature_search --scale quick            # 17 min on 2 cores: all four models
    igr temperature --model GS_Dis --refine 3               # one of them, more precisely; no run is repeated
Stages train a grid, measure the posterior of every candidate on validation images, and halve the interval that is left.
Expect: near-vertex temperatures in the authors' order, IGR-SB-Finite lowest; the README lists them beside the authors'.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.temperature_search import experiment

EXPERIMENT = experiment()

if __name__ == "__main__":
    main(EXPERIMENT)
