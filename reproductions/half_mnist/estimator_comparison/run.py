"""Half-and-half MNIST: test loss of all estimators, of stochastic DNI with five networks, and with an encoder that is
never trained.

    igr run half_mnist/estimator_comparison --scale quick      # 20 epochs of full MNIST; five methods also 100
    igr run half_mnist/estimator_comparison --scale smoke      # needs no download
    igr check half_mnist/estimator_comparison --scale quick
Expect: Gaussian < GS = ST < SDNI < REINFORCE in the first epochs; SDNI lin is flat from epoch 50 and REINFORCE meets it
near 100.
"""

from igr_suite.cli.entry import main
from igr_suite.families.half_mnist.presets import PRESETS, sweep, with_pictures
from igr_suite.lab import Experiment

SMOKE = ("REINFORCE", "SDNI lin", "frozen")
DEEP = ("SDNI lin_deep", "SDNI lin_deep, no z")  # eight times the time of the others
OTHERS = tuple(method for method in PRESETS if method not in DEEP)
LONG = ("REINFORCE", "SDNI lin", "SDNI lin, no z", "SDNI lin, Adam", "frozen")
PICTURES = 3


def runs(scale, results):
    """Every method for 20 epochs, and a few for 100."""
    if scale == "smoke":
        found = sweep(scale, results.datasets, SMOKE, epochs=2)
    elif scale == "quick":
        found = [
            *sweep(scale, results.datasets, OTHERS, epochs=20, seeds=3),
            *sweep(scale, results.datasets, DEEP, epochs=20),
            *sweep(scale, results.datasets, LONG, epochs=100),
        ]
    else:
        found = sweep(scale, results.datasets, tuple(PRESETS), epochs=100, seeds=5)
    return [with_pictures(config, PICTURES) for config in found]


EXPERIMENT = Experiment(
    paper="half_mnist",
    item="estimator_comparison",
    title="Lower halves of digits from upper ones: loss by epoch, all estimators and stochastic DNI",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(runs,),
    minutes={"smoke": 0.5, "quick": 18},
)

if __name__ == "__main__":
    main(EXPERIMENT)
