"""Half-and-half MNIST: bias, variance and direction of REINFORCE, straight-through and synthetic gradients along one
training path.

    igr run half_mnist/gradient_quality --scale quick      # 2 min on 2 cores
The networks follow the mean REINFORCE gradient of R codes per image; the synthetic gradient learns beside them from the
gradient of the first code alone. Expect: REINFORCE is unbiased with a variance far above |T|^2, ST is nearly noiseless
and biased, and the synthetic gradient lies between the two.
"""

from igr_suite.cli.entry import main
from igr_suite.families.half_mnist.presets import sweep
from igr_suite.lab import Experiment

METHODS = {
    "smoke": ("SDNI lin",),
    "quick": ("SDNI lin", "SDNI lin, no z", "SDNI lin, Adam"),
    "paper": ("SDNI lin", "SDNI lin, no z", "SDNI lin, Adam", "SDNI lin_deep"),
}
DEEP = {"quick": ("SDNI lin_deep",)}
EPOCHS = {"smoke": 2, "quick": 8, "paper": 100}
DEEP_EPOCHS = 4
SAMPLES = {"smoke": 2, "quick": 10, "paper": 250}  # codes per image over which the networks' gradient is averaged
STUDY = {
    "smoke": {"gradient_samples": 4, "gradient_images": 20},
    "quick": {"gradient_samples": 1000, "gradient_images": 100},
    "paper": {"gradient_samples": 4000, "gradient_images": 100},
}


def runs(scale, results):
    """One path for each network; at quick scale a shorter one for the deep network."""
    common = {
        "model": {"samples": SAMPLES[scale]},
        "sg": {"applied": False},
        "optimiser": {"learning_rate": 1e-4},
        "evaluation": STUDY[scale],
    }
    return [
        *sweep(scale, results.datasets, METHODS[scale], epochs=EPOCHS[scale], **common),
        *sweep(scale, results.datasets, DEEP.get(scale, ()), epochs=DEEP_EPOCHS, **common),
    ]


EXPERIMENT = Experiment(
    paper="half_mnist",
    item="gradient_quality",
    title="Bias, variance and direction of the encoder's gradients on half-and-half digits",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(runs,),
    no_reference="The authors' README has no number of this study.",
    minutes={"smoke": 0.5, "quick": 2},
)

if __name__ == "__main__":
    main(EXPERIMENT)
