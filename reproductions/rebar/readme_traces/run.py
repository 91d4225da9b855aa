"""REBAR, the authors' README: DynamicREBAR on fixed-binarised MNIST, epoch by epoch, and the corrected control variate
beside it.

    igr run rebar/readme_traces --scale quick      # 5 min on 2 cores
    igr check rebar/readme_traces --scale quick
Expect: with the authors' multilayer control variate (biased for layers above the first) F, the temperature and the log
variance pass through the points of their README and code. The corrected runs differ in nothing else, so the paired
table shows what the correction changes.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import sbn
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

EPOCHS = {"smoke": 1, "quick": 7, "paper": 20}  # the traces end at epoch 7, step 14,588
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
LIMIT = {"smoke": 240}

EXPERIMENT = Experiment(
    paper="rebar",
    item="readme_traces",
    about={"model.estimator": ("dynamic_rebar",), "model.options": ()},
    title="The authors' DynamicREBAR trace on MNIST, and the corrected control variate",
    minutes={"smoke": 0.3, "quick": 5},
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist",)},
    stages=(
        lambda scale, results: [
            sbn(
                "DynamicREBAR",
                "2 linear",
                data=data,
                seed=seed,
                epochs=EPOCHS[scale],
                evaluate_every=EPOCHS[scale],
                importance_samples=5 if scale == "smoke" else 100,
                limit=LIMIT.get(scale),
                historical_control=historical,
                ema_debias=False,
            )
            for data in results.datasets
            for historical in (True, False)
            for seed in SEEDS[: REPETITIONS[scale]]
        ],
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
