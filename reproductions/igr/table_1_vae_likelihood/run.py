"""IGR, Table 1: test ELBO and importance-weighted log-likelihood of discrete VAEs.

    igr run igr/table_1_vae_likelihood --scale quick                   # 30 min on 2 cores: MNIST and Fashion-MNIST
    igr run igr/table_1_vae_likelihood --scale quick --data mnist_5k   # 3 min; needs no download
Stage 1 trains one seed at every temperature of a model's grid; stage 2 repeats the temperature with the best validation
ELBO. Expect: the IGR models lie close together and above Gumbel-Softmax.
"""

from igr_suite.cli.entry import main
from igr_suite.families.vae.presets import G2_GRIDS, NOT_RETRIEVED, TABLE_1_MODELS, g2, g2_paper
from igr_suite.families.vae.sweeps import search_stages
from igr_suite.lab import Experiment

EPOCHS = {"smoke": 1, "quick": 5}
SMALL_DATA_EPOCHS = {("quick", "mnist_5k"): 20}  # epochs of 62 steps instead of 781
EVALUATE_EVERY = {"smoke": 1, "quick": 5}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
SAMPLES = {"smoke": 10, "quick": 100}
LIMIT = {"smoke": 256}
DATASETS = {"smoke": ("mnist_5k",), "quick": ("mnist", "fashion_mnist"), "paper": ("mnist", "fashion_mnist", "celeb_a")}


def config(scale, data, model, temperature, seed):
    """One cell's run with one seed."""
    if scale == "paper":
        return g2_paper(model, data=data, temperature=temperature, seed=seed)
    return g2(
        model,
        data=data,
        temperature=temperature,
        seed=seed,
        epochs=SMALL_DATA_EPOCHS.get((scale, data), EPOCHS[scale]),
        evaluate_every=EVALUATE_EVERY[scale],
        importance_samples=SAMPLES[scale],
        limit=LIMIT.get(scale),
    )


EXPERIMENT = Experiment(
    paper="igr",
    item="table_1_vae_likelihood",
    title="Test ELBO and log-likelihood of discrete VAEs",
    minutes={"smoke": 0.4, "quick": 30},
    datasets=DATASETS,
    stages=search_stages(TABLE_1_MODELS, G2_GRIDS, REPETITIONS, config),
    shares_with=("igr/figure_3_elbo_curves", "igr/figure_4_gradient_variance", "igr/figure_5_posterior_distance"),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
