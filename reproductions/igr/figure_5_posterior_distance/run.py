"""IGR, Figure 5: how near posterior samples of trained VAEs are to the vertices of the simplex.

    igr run igr/figure_5_posterior_distance --scale quick
Stage 1 trains the four models at their cross-validated and at their "_20" temperatures; stage 2 measures each from its
checkpoint. Expect: all boxes nearer to 0 at the "_20" temperatures than at the cross-validated ones; the README has the
measured order of the models.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.posterior_config import PosteriorDistance
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

MODELS = {"smoke": ("GS_Dis", "IGR_I_Dis"), "quick": TABLE_1_MODELS}
EPOCHS = {"smoke": 1, "quick": 6}
REPETITIONS = {"smoke": 1, "quick": 3}
SAMPLES = {"smoke": 20, "quick": 100, "paper": 100}
LIMIT = {"smoke": 256}


def train(scale, results):
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
            evaluate_every=EPOCHS[scale],
            importance_samples=1,
            limit=LIMIT.get(scale),
        )
        for data in results.datasets
        for temperatures in (G2_CV_TEMPERATURES, G2_NEAR_TEMPERATURES)
        for model in MODELS[scale]
        for seed in SEEDS[: REPETITIONS[scale]]
    ]


def measure(scale, results):
    """The distances of every run that stage 1 has trained."""
    runs = train(scale, results)
    results.require(runs)
    return [PosteriorDistance(trained=run, samples=SAMPLES[scale]) for run in runs]


EXPERIMENT = Experiment(
    paper="igr",
    item="figure_5_posterior_distance",
    title="Distance of posterior samples to the simplex vertices",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(train, measure),
    shares_with=("igr/figure_3_elbo_curves", "igr/table_1_vae_likelihood", "igr/figure_4_gradient_variance"),
    copies_checkpoints=True,
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
