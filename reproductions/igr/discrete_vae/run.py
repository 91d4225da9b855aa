"""Every VAE of the suite under its own default preset, one seed each: a starting point for runs of your own.

    igr run igr/discrete_vae --scale quick           # 0.7 min on 2 cores: all models, embedded data
    igr run igr/discrete_vae --scale paper --only GS --data mnist --set model.temperature=0.5
    igr run igr/discrete_vae --scale quick --only IGR_I --set schedule.samples=10 --set seed=7
Expect: a few nats between the relaxed discrete models; the Gaussian VAE is ahead of all of them.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import default
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

MODELS = ("GS_Dis", "IGR_I_Dis", "IGR_Planar_Dis", "IGR_SB_Finite_Dis", "IGR_SB_Dis", "IGR_SB_Log_Dis", "VAE")
EPOCHS = {"smoke": 1, "quick": 20, "paper": 100}
LIMIT = {"smoke": 256}

EXPERIMENT = Experiment(
    paper="igr",
    item="discrete_vae",
    title="Every VAE under the suite's default preset; for own runs",
    minutes={"smoke": 0.3, "quick": 0.7},
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist_5k",), "paper": ("mnist",)},
    stages=(
        lambda scale, results: [
            default(name, data=data, seed=SEEDS[0], epochs=EPOCHS[scale], evaluate_every=5, limit=LIMIT.get(scale))
            for data in results.datasets
            for name in MODELS
        ],
    ),
    no_reference="Nobody has published this setting: it is the suite's own default.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
