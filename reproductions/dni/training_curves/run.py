"""DNI, the curves beside Table 1: test error against the step, 3 to 6 layers, by back-propagation, DNI and cDNI.

    igr run dni/training_curves --scale quick      # seconds where dni/table_1 is finished: its runs are copied
    igr plot dni/training_curves --scale quick
Expect: cDNI nearly follows back-propagation, DNI falls behind with depth.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import curve_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="training_curves",
    title="Synthetic gradients: test error along training, by depth",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("dni/table_1", "dni/sparse_updates"),
    stages=(lambda scale, results: curve_runs(scale, results.datasets),),
    no_reference="The paper shows these curves and prints no numbers for them.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
