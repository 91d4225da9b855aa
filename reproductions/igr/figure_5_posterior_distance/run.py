"""IGR, Figure 5: how near posterior samples of trained VAEs are to the vertices of the simplex.

    igr run igr/figure_5_posterior_distance --scale quick      # 50 min on 2 shared cores
Stage 1 trains the four models at their cross-validated and at their "_20" temperatures; stage 2 measures each from its
checkpoint. Expect: all boxes are nearer to 0 at the "_20" temperatures than at the cross-validated ones; the README has
the measured order of the models.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.families.vae.presets import NOT_RETRIEVED
from igr_suite.families.vae.sweeps import figure_runs
from igr_suite.lab import Experiment

SETTINGS = {
    "smoke": {
        "models": ("GS_Dis", "IGR_I_Dis"),
        "epochs": 1,
        "evaluate_every": 1,
        "importance_samples": 1,
        "limit": 256,
    },
    "quick": {"repetitions": 3, "epochs": 6, "evaluate_every": 6, "importance_samples": 1},
    "paper": {},
}
SAMPLES = {"smoke": 20, "quick": 100, "paper": 100}


def train(scale, results):
    """Both temperatures of every model, all seeds."""
    return figure_runs(scale, results.datasets, **SETTINGS[scale])


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
