"""REBAR, Figure 2: log variance of the gradient along training, fixed-binarised MNIST.

    igr run rebar/figure_2_log_variance --scale quick      # 12 min on 2 cores
    igr check rebar/figure_2_log_variance --scale quick
The runs are those of rebar/figure_3_training_bound and are copied where that has finished them.
Expect: REBAR's variance is the lowest throughout, most clearly early on; Concrete is biased, so it is not drawn.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import figure_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="rebar",
    item="figure_2_log_variance",
    title="Log variance of the gradient along training, sigmoid belief networks",
    minutes={"quick": 12},
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist",)},
    shares_with=("rebar/figure_3_training_bound",),
    stages=(lambda scale, results: figure_runs(scale, results.datasets),),
)

if __name__ == "__main__":
    main(EXPERIMENT)
