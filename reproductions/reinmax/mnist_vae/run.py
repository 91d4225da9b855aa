"""ReinMax, MNIST VAE: -ELBO of training and test images for six codes and six straight-through estimators.

    igr run reinmax/mnist_vae --scale quick --jobs 2      # 36 runs: 8x4 and 4x24, 20 epochs, 3 seeds
    igr run reinmax/mnist_vae --scale paper --jobs 2      # 108 runs: all codes, 160 epochs, 3 seeds
    igr check reinmax/mnist_vae --scale paper
Codes are categories x variables: 8x4 has four variables with eight categories each. Expect: ReinMax lowest of the five
tuned estimators, then Gumbel-Rao and ST-GS on 8x4 and 4x24, straight-through 10 to 15 nats above.
"""

from igr_suite.cli.entry import main
from igr_suite.families.hard_vae.presets import CODES, METHODS, reinmax_vae
from igr_suite.lab import Experiment

SMALL = CODES[:2]
SCALES = {
    "smoke": {"codes": CODES[:1], "methods": ("ST", "Gumbel-Rao", "ReinMax"), "seeds": 1, "epochs": 2},
    "quick": {"codes": SMALL, "methods": tuple(METHODS), "seeds": 3, "epochs": 20},
    "paper": {"codes": CODES, "methods": tuple(METHODS), "seeds": 3, "epochs": 160},
}
SAMPLES = {"smoke": 5, "quick": 100, "paper": 100}
LIMIT = {"smoke": 300}


def runs(scale, results):
    """Code by code, all methods of a seed after one another, so that finished parts can be compared."""
    size = SCALES[scale]
    return [
        reinmax_vae(
            method,
            code,
            data=data,
            seed=seed,
            epochs=size["epochs"],
            importance_samples=SAMPLES[scale],
            limit=LIMIT.get(scale),
        )
        for data in results.datasets
        for code in size["codes"]
        for seed in range(size["seeds"])
        for method in size["methods"]
    ]


EXPERIMENT = Experiment(
    paper="reinmax",
    item="mnist_vae",
    title="VAEs of categorical codes: straight-through estimators by code size",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(runs,),
)

if __name__ == "__main__":
    main(EXPERIMENT)
