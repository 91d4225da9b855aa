"""DReG, Figure 2: variance of the inference network's gradient and test bound along training, MNIST, dynamic
binarisation.

    igr run dreg/figure_2_mnist --scale quick      # 2 h 20 min on 2 cores
    igr check dreg/figure_2_mnist --scale quick
Expect: each doubly reparameterised estimator has less variance and a higher bound than its original; the biased STL is
close to DReG.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import objective_runs
from igr_suite.lab import Experiment

# 31,260 steps; finished runs of Figure 3 and of the appendix, which have 6 epochs, are continued
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
