"""DNI, Table 1: test error of networks of 3 to 6 layers, decoupled at every layer, trained in four ways.

    igr run dni/table_1 --scale quick      # 12 min on 2 cores; 585 steps instead of 500,000, rate 3e-4 instead of 3e-5
    igr plot dni/table_1 --scale quick
Expect: cDNI is as good as back-propagation at every depth, DNI gets worse with depth, and training the last layer alone
is far behind. CIFAR-10 rows are run at paper scale where tensorflow-datasets has the data.
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
