"""DReG, appendix: only the inference network is trained, at the fixed model that an IWAE run ended with.

    igr run dreg/appendix_fixed_model --scale quick    # 16 min on 2 cores; trains the IWAE run first
Expect: estimators with less variance bring q nearer to the posterior: higher bounds, a larger effective sample size, a
smaller gap L_5000 - L_1.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.start import DReGStartConfig
from igr_suite.families.iwae.sweeps import OBJECTIVES, WITHOUT_JACKKNIFE, dreg, objective_runs, seeds
from igr_suite.lab import Experiment

EPOCHS = {"smoke": 1, "quick": 2, "paper": 600}
TRAINED = {"smoke": WITHOUT_JACKKNIFE, "quick": WITHOUT_JACKKNIFE, "paper": OBJECTIVES}


def model_run(scale, data):
    """The run whose final model is kept: IWAE at Figure 2's settings."""
    return dreg("iwae", scale, data=data, seed=seeds(scale)[0])


def inference_runs(scale, results):
    """Runs that train q alone, from the weights of `model_run`."""
    models = {data: results.changed(model_run(scale, data)) for data in results.datasets}
    results.require(list(models.values()))
    return [
        run
        for data, model in models.items()
        for run in objective_runs(
            scale,
            (data,),
            TRAINED[scale],
            epochs=EPOCHS[scale],
            start=DReGStartConfig(checkpoint=model.run_id, train="inference"),
        )
    ]


EXPERIMENT = Experiment(
    paper="dreg",
    item="appendix_fixed_model",
    title="Inference networks trained at a fixed model",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("dreg/figure_2_mnist",),
    copies_checkpoints=True,
    stages=(lambda scale, results: [model_run(scale, data) for data in results.datasets], inference_runs),
    minutes={"smoke": 0.2, "quick": 16},
)

if __name__ == "__main__":
    main(EXPERIMENT)
