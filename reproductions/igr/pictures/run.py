"""IGR, pictures of trained VAEs: reconstructions, samples of the prior, latent traversals.

    igr run igr/pictures --scale quick      # 7 min on 2 cores: full MNIST
Expect: digits from all models. Where the temperature is high, one-hot codes are far from what the decoder was trained
on, and their images differ from those of the relaxed codes.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import TABLE_1_MODELS, g2, g3, with_ramp
from igr_suite.lab import Experiment
from igr_suite.lab.runs.config import replace_parts
from igr_suite.training.config_parts import SEEDS

# At their cross-validated temperatures; the names without _Dis are joint models, with continuous latents beside the
# discrete one.
README_MODELS = {
    "smoke": ("GS_Dis", "GS"),
    "quick": (*TABLE_1_MODELS, "GS", "IGR_I"),
    "paper": (*TABLE_1_MODELS, "GS", "IGR_I"),
}
EPOCHS = {"smoke": 1, "quick": 5, "paper": 100}
SAMPLES = {"smoke": 10, "quick": 10, "paper": 100}
RAMP = {
    "smoke": 3,
    "quick": 2_500,
}  # steps until a joint model's capacities reach their ends; the authors' number at paper scale
LIMIT = {"smoke": 256}


def config(scale, preset, model, data):
    """One run, with its pictures."""
    run = preset(
        model,
        data=data,
        seed=SEEDS[0],
        epochs=EPOCHS[scale],
        evaluate_every=EPOCHS[scale],
        importance_samples=SAMPLES[scale],
        limit=LIMIT.get(scale),
    )
    if run.model.capacity is not None and scale in RAMP:
        run = with_ramp(run, RAMP[scale])
    return replace_parts(run, evaluation={"pictures": True})


def runs(scale, results):
    """The README's models, and IGR-I of the NeurIPS code, whose temperature is low."""
    return [
        config(scale, preset, model, data)
        for data in results.datasets
        for preset, model in (*((g2, model) for model in README_MODELS[scale]), (g3, "IGR_I_Dis"))
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="pictures",
    title="Reconstructions, prior samples, traversals",
    minutes={"smoke": 1.1, "quick": 7},
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(runs,),
    no_reference="The authors' pictures come without numbers.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
