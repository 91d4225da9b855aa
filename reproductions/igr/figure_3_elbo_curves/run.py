"""IGR, Figure 3: test ELBO over epochs on MNIST, at cross-validated (solid) and at near-discrete (dashed) temperatures.

    igr run igr/figure_3_elbo_curves --scale quick
Expect: curves rise and flatten; each model's dashed curve (temperature at which three quarters of the samples lie
within 0.2 of a vertex) lies at or below its solid one; the README has the measured figure and times.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import (
    G2_CV_TEMPERATURES,
    G2_NEAR_TEMPERATURES,
    NOT_RETRIEVED,
    TABLE_1_MODELS,
    g2,
    g2_paper_figures,
)
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

EPOCHS = {"smoke": 2, "quick": 6}
REPETITIONS = {"smoke": 1, "quick": 3}
LIMIT = {"smoke": 256}


def runs(scale, results):
    """Both temperatures of every model, all seeds."""
    if scale == "paper":
        return [run for data in results.datasets for run in g2_paper_figures(data)]
    return [
        g2(
            model,
            data=data,
            temperature=temperatures[model],
            seed=seed,
            epochs=EPOCHS[scale],
            evaluate_every={"smoke": 1, "quick": 2}[scale],
            importance_samples=10,
            limit=LIMIT.get(scale),
        )
        for data in results.datasets
        for temperatures in (G2_CV_TEMPERATURES, G2_NEAR_TEMPERATURES)
        for model in TABLE_1_MODELS
        for seed in SEEDS[: REPETITIONS[scale]]
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="figure_3_elbo_curves",
    title="Test ELBO over epochs at two temperatures a model",
    minutes={"smoke": 0.4, "quick": 10},
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(runs,),
    shares_with=("igr/table_1_vae_likelihood", "igr/figure_4_gradient_variance", "igr/figure_5_posterior_distance"),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
