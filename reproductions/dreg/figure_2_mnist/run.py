"""DReG, Figure 2: variance of the inference network's gradient and test bound along training, MNIST, dynamic
binarisation.

    igr run dreg/figure_2_mnist --scale quick
    igr check dreg/figure_2_mnist --scale quick
Expect: each doubly reparameterised estimator has less variance than its original and a higher bound; the biased STL is
near DReG.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import objective_runs
from igr_suite.lab import Experiment

# 31,260 steps; Figure 3 and the appendix have runs of 6 epochs, from which these go on where they are finished
EPOCHS = {"quick": 20}

EXPERIMENT = Experiment(
    paper="dreg",
    item="figure_2_mnist",
    title="Gradient variance and test bound along training: IWAE, RWS, JVI, STL and their DReG forms",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("dreg/figure_3_samples_and_mixtures", "dreg/appendix_fixed_model"),
    stages=(lambda scale, results: objective_runs(scale, results.datasets, epochs=EPOCHS.get(scale)),),
    minutes={"smoke": 0.2, "quick": 140},
)

if __name__ == "__main__":
    main(EXPERIMENT)
