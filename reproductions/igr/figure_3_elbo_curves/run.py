"""IGR, Figure 3: test ELBO over epochs on MNIST, at cross-validated (solid) and at near-discrete (dashed) temperatures.

    igr run igr/figure_3_elbo_curves --scale quick      # 10 min on 2 cores
Expect: curves rise and flatten; each model's dashed curve (at the temperature at which three quarters of the samples
lie within 0.2 of a vertex) lies at or below its solid one. The README has the measured figure and times.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import NOT_RETRIEVED
from igr_suite.families.vae.sweeps import figure_runs
from igr_suite.lab import Experiment

SETTINGS = {
    "smoke": {"repetitions": 1, "epochs": 2, "evaluate_every": 1, "importance_samples": 10, "limit": 256},
    "quick": {"repetitions": 3, "epochs": 6, "evaluate_every": 2, "importance_samples": 10},
    "paper": {},
}

EXPERIMENT = Experiment(
    paper="igr",
    item="figure_3_elbo_curves",
    title="Test ELBO over epochs at two temperatures a model",
    minutes={"smoke": 0.4, "quick": 10},
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: figure_runs(scale, results.datasets, **SETTINGS[scale]),),
    shares_with=("igr/table_1_vae_likelihood", "igr/figure_4_gradient_variance", "igr/figure_5_posterior_distance"),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
