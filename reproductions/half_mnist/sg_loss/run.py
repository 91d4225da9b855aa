"""Half-and-half MNIST: loss of the synthetic gradient and size of its target along training, with and without rescaled
targets.

    igr run half_mnist/sg_loss --scale quick      # 1 min on 2 cores beyond half_mnist/estimator_comparison
`max_grad` m > 0 rescales the targets to mean square m before the regression; the prediction is not scaled back.
The run without it is copied from half_mnist/estimator_comparison where that has finished it.
Expect: the regression loss is nearly the target's own mean square at all times, so it says little about the direction.
"""

from igr_suite.cli.entry import main
from igr_suite.families.half_mnist.presets import sweep, with_pictures
from igr_suite.lab import Experiment

METHODS = {"smoke": ("SDNI lin",), "quick": ("SDNI lin",), "paper": ("SDNI lin", "SDNI lin_deep")}
BESIDE = {"smoke": (), "quick": ("SDNI lin, Adam", "SDNI lin_deep", "frozen"), "paper": ("SDNI lin, Adam", "frozen")}
EPOCHS = {"smoke": 2, "quick": 20, "paper": 100}
LEVELS = {"smoke": (0.0, 1.0), "quick": (0.0, 1.0, 2.0, 5.0), "paper": (0.0, 1.0, 2.0, 5.0)}
PICTURES = 3  # as in estimator_comparison, so that runs can be shared


def runs(scale, results):
    """One seed of every level, and the methods of estimator_comparison that are drawn beside them."""
    configs = [
        *[
            config
            for level in LEVELS[scale]
            for config in sweep(scale, results.datasets, METHODS[scale], epochs=EPOCHS[scale], sg={"max_grad": level})
        ],
        *sweep(scale, results.datasets, BESIDE[scale], epochs=EPOCHS[scale]),
    ]
    return [with_pictures(config, PICTURES) for config in configs]


EXPERIMENT = Experiment(
    paper="half_mnist",
    item="sg_loss",
    about={"model.estimator": ("sdni",)},
    title="Loss of the synthetic gradient and size of its target on half-and-half digits",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("half_mnist/estimator_comparison",),
    stages=(runs,),
    no_reference="The authors' README has no number of this series.",
    minutes={"smoke": 0.5, "quick": 1},
)

if __name__ == "__main__":
    main(EXPERIMENT)
