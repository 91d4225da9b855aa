"""DNI, RNN table, copy column: the longest sequence that an LSTM learns to repeat by back-propagation through windows
of T steps.

    igr run dni/rnn_copy --scale quick      # 3 min on 2 cores; an LSTM of 64 units, 12,000 windows
    igr plot dni/rnn_copy --scale quick
Expect: with synthetic gradients across the windows it learns longer sequences than by truncated back-propagation with
the same T; quick scale is too short to show it.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import copy_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="rnn_copy",
    title="Synthetic gradients across windows of truncated back-propagation: copy task",
    runs=copy_runs,
    minutes={"smoke": 0.4, "quick": 3},
)

if __name__ == "__main__":
    main(EXPERIMENT)
