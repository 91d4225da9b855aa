"""DNI, Theano: 784-300-150-10 on raw pixels with linear, label-conditioned synthesisers (A-dni), and by
back-propagation (A-bp).

    igr run dni/theano_classification --scale quick      # 4 min on 2 cores; 20 to 60 epochs instead of 1,000
    igr check dni/theano_classification --scale quick
Expect: A-dni stays far behind A-bp on pixels of 0 to 255; on x / 255 and without the penalty it comes close to A-bp
within 20 epochs.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import theano_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="theano_classification",
    title="Synthetic gradients: the Theano code's classifier",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: theano_runs(scale, results.datasets),),
    minutes={"smoke": 0.4, "quick": 4},
)

if __name__ == "__main__":
    main(EXPERIMENT)
