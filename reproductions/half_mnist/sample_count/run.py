"""Half-and-half MNIST: R = 1, 2, 5, 10 and more codes per image and step, for REINFORCE and stochastic DNI.

    igr run half_mnist/sample_count --scale quick      # 4 min on 2 cores
Runs with one code are copied from half_mnist/estimator_comparison where it has finished them.
Expect: more codes help REINFORCE from the first epoch on; they also give the decoder more samples of the same images.
"""

from igr_suite.cli.entry import main
from igr_suite.families.half_mnist.presets import sweep, with_pictures
from igr_suite.lab import Experiment

METHODS = ("REINFORCE", "SDNI lin")
EPOCHS = {"smoke": 2, "quick": 20, "paper": 100}
COUNTS = {"smoke": (1, 3), "quick": (1, 2, 5, 10), "paper": (1, 2, 5, 10)}
MORE = {"paper": (100, 250, 1000)}  # REINFORCE alone
PICTURES = 3  # as in estimator_comparison, so that runs can be shared
CONTROL = {"smoke": (), "quick": ("frozen",), "paper": ("frozen",)}


def runs(scale, results):
    """One seed of every count, and the frozen encoder."""
    configs = [
        *sweep(scale, results.datasets, CONTROL[scale], epochs=EPOCHS[scale]),
        *[
            config
            for samples in COUNTS[scale]
            for config in sweep(scale, results.datasets, METHODS, epochs=EPOCHS[scale], model={"samples": samples})
        ],
        *[
            config
            for samples in MORE.get(scale, ())
            for config in sweep(scale, results.datasets, METHODS[:1], epochs=EPOCHS[scale], model={"samples": samples})
        ],
    ]
    return [with_pictures(config, PICTURES) for config in configs]


EXPERIMENT = Experiment(
    paper="half_mnist",
    item="sample_count",
    title="Codes an image and step on half-and-half digits: REINFORCE and stochastic DNI",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("half_mnist/estimator_comparison",),
    stages=(runs,),
    no_reference="The authors' README has no number of this series.",
    minutes={"smoke": 0.5, "quick": 4},
)

if __name__ == "__main__":
    main(EXPERIMENT)
