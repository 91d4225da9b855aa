"""IGR, Table 2: the JointVAE objective of VAEs with one discrete variable beside continuous ones.

    igr run igr/table_2_joint_vae --scale quick                   # 17 min on 2 cores: full MNIST
    igr run igr/table_2_joint_vae --scale quick --data mnist_5k   # needs no download
Stage 1 trains one seed at every temperature of a model's grid; stage 2 repeats the temperature with the best validation
ELBO. Expect: KLs near their capacities (5 + 5 nats), so that models differ by reconstruction.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import G2_JOINT_GRIDS, NOT_RETRIEVED, TABLE_2_MODELS, g2, with_ramp
from igr_suite.families.vae.sweeps import search_stages
from igr_suite.lab import Experiment

EPOCHS = {"smoke": 1, "quick": 3, "paper": 50}
SMALL_DATA_EPOCHS = {("quick", "mnist_5k"): 20}  # epochs of 62 steps instead of 781
# Steps until the capacities reach their ends: the authors' number at paper scale, elsewhere the same share (64%) of the
# run's steps.
RAMP = {"smoke": 3, "quick": 1_500}
SMALL_DATA_RAMP = {("quick", "mnist_5k"): 800}
EVALUATE_EVERY = {"smoke": 1, "quick": 3, "paper": 10}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
SAMPLES = {"smoke": 10, "quick": 10, "paper": 100}
LIMIT = {"smoke": 256}
DATASETS = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist", "fashion_mnist", "celeb_a")}


def config(scale, data, model, temperature, seed):
    """One cell's run with one seed."""
    run = g2(
        model,
        data=data,
        temperature=temperature,
        seed=seed,
        epochs=SMALL_DATA_EPOCHS.get((scale, data), EPOCHS[scale]),
        evaluate_every=EVALUATE_EVERY[scale],
        importance_samples=SAMPLES[scale],
        limit=LIMIT.get(scale),
    )
    return run if scale == "paper" else with_ramp(run, SMALL_DATA_RAMP.get((scale, data), RAMP[scale]))


EXPERIMENT = Experiment(
    paper="igr",
    item="table_2_joint_vae",
    title="JointVAE objective of VAEs with continuous and discrete latents",
    minutes={"smoke": 1.1, "quick": 17},
    datasets=DATASETS,
    if_prepared=("celeb_a",),
    stages=search_stages(TABLE_2_MODELS, G2_JOINT_GRIDS, REPETITIONS, config),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
