"""IGR, Figure 2: Gumbel-Softmax of several sizes and stick-breaking fitted to four discrete distributions.

    igr run igr/figure_2_discrete_approximation --scale paper      # 2.4 min on 2 cores
    igr check igr/figure_2_discrete_approximation --scale paper
Expect: Gumbel-Softmax piles mass at its right edge when it has too few categories and stays too broad with 100;
stick-breaking finds the size that it needs. The README has the figure, times and verdicts.
"""

from igr_suite.cli.entry import main
from igr_suite.lab import Experiment
from igr_suite.studies.fits.config import FitDiscrete
from igr_suite.training.config_parts import SEEDS

GS_SIZES = {"discrete": (10,), "binomial": (12,), "poisson": (20, 40, 100), "negative_binomial": (20, 40, 100)}
# (target, distribution, categories, iterations): those of docs/papers/igr.md, sections 2.1 and 2.3. A finite stick
# never draws its last category, so it has one more than the target; 12 categories on 12 trials are fitted for
# comparison.
STICKS = (
    ("discrete", "IGR_SB_Finite", 11, 200),
    ("binomial", "IGR_SB_Finite", 13, 200),
    ("binomial", "IGR_SB_Finite", 12, 200),
    ("poisson", "IGR_SB", 200, 100),
    ("poisson", "IGR_SB", 200, 1_000),
    ("negative_binomial", "IGR_SB", 200, 300),
)
# Priors: fits to the uniform distribution, from the authors' initial values.
UNIFORM = (("IGR_SB_Finite", 10), ("IGR_I", 10), ("IGR_I", 50))
SMOKE = {"samples": 100, "iterations": 20, "evaluation_samples": 1_000}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}


def runs(scale):
    """Every fit with every seed; smoke does 20 iterations of each, quick leaves out those of 1,000."""
    few = SMOKE if scale == "smoke" else {}
    trials = {"binomial": {"trials": 12}}
    fits = [
        FitDiscrete(target=target, model="GS", categories=size, **few)
        for target, sizes in GS_SIZES.items()
        for size in sizes
    ]
    fits += [
        FitDiscrete(target=target, model=model, categories=size, **({"iterations": n} | trials.get(target, {}) | few))
        for target, model, size, n in STICKS
        if scale != "quick" or n < 1_000
    ]
    if scale == "paper":
        fits += [
            FitDiscrete(target="uniform", model=model, categories=size, iterations=1_000, evaluation_samples=100_000)
            for model, size in UNIFORM
        ]
    return [fit.with_values({"seed": seed}) for seed in SEEDS[: REPETITIONS[scale]] for fit in fits]


EXPERIMENT = Experiment(
    paper="igr",
    item="figure_2_discrete_approximation",
    title="Gumbel-Softmax and stick-breaking fitted to four discrete distributions",
    runs=runs,
    minutes={"smoke": 0.2, "quick": 1.2, "paper": 2.4},
)

if __name__ == "__main__":
    main(EXPERIMENT)
