"""DNI, Theano: 784-300-150-10 on raw pixels with linear, label-conditioned synthesisers (A-dni), and by back-propagation (A-bp).

    igr run dni/theano_classification --scale quick      # one seed for the 1,000 epochs of the original, two for 20
    igr check dni/theano_classification --scale quick
Expect: A-dni starts far behind A-bp (inputs of 0 to 255, losses that are sums) and comes near it after hundreds of epochs.
"""

from igr_suite.experiments import Experiment, main
from igr_suite.models.dni_experiments import theano_runs

EXPERIMENT = Experiment(
    paper="dni",
    item="theano_classification",
    title="Synthetic gradients: the Theano code's classifier",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: theano_runs(scale, results.datasets),),
)

if __name__ == "__main__":
    main(EXPERIMENT)
