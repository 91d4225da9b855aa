"""REBAR, Figure 3: training bound along training, fixed-binarised MNIST.

    igr run rebar/figure_3_training_bound --scale quick      # 12 min on 2 cores
    igr check rebar/figure_3_training_bound --scale quick
The runs are those of rebar/figure_2_log_variance and are copied where that has finished them.
Expect: methods with less variance learn faster; Concrete is fast early and is overtaken late (paper scale).
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import figure_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="rebar",
    item="figure_3_training_bound",
    title="Training bound along training, sigmoid belief networks",
    minutes={"quick": 12},
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist",)},
    shares_with=("rebar/figure_2_log_variance",),
    stages=(lambda scale, results: figure_runs(scale, results.datasets),),
)

if __name__ == "__main__":
    main(EXPERIMENT)
