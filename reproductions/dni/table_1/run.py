"""DNI, Table 1: test error of networks of 3 to 6 layers, decoupled at every layer, by four ways to train them.

    igr run dni/table_1 --scale quick      # 585 steps in place of 500,000, rate 3e-4 in place of 3e-5
    igr plot dni/table_1 --scale quick
Expect: cDNI as good as back-propagation at every depth, DNI worse the deeper the network, the last layer alone far
behind. CIFAR-10 rows are run at paper scale where tensorflow-datasets has the data.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import table_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="table_1",
    title="Synthetic gradients: every layer decoupled, by depth and method",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist", "cifar10")},
    if_prepared=("cifar10",),
    shares_with=("dni/training_curves", "dni/sparse_updates"),
    stages=(lambda scale, results: table_runs(scale, results.datasets),),
    minutes={"smoke": 0.5, "quick": 12},
)

if __name__ == "__main__":
    main(EXPERIMENT)
