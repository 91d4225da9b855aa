"""REBAR, the authors' README: the gradient variance of five estimators on one path, which follows SimpleMuProp.

    igr run rebar/tracking --scale quick                   # 2 min on 2 cores: fixed-binarised MNIST
    igr run rebar/tracking --scale quick --data omniglot   # the README's data, where the 28x28 file is prepared
    igr check rebar/tracking --scale quick
Expect: DynamicREBAR < REBAR << MuProp ~ SimpleMuProp << NVIL, with gaps of at least 2 nats, with the authors' control
variate and moving averages ("historical") and with the corrected ones.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import sbn
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

EPOCHS = {"smoke": 2, "quick": 2, "paper": 10}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
LIMIT = {"smoke": 120}

EXPERIMENT = Experiment(
    paper="rebar",
    item="tracking",
    about={"model.estimator": ("track",)},
    title="Gradient variance of five estimators tracked on one path",
    minutes={"smoke": 0.3, "quick": 2},
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist", "omniglot")},
    if_prepared=("omniglot",),
    stages=(
        lambda scale, results: [
            sbn(
                "tracking",
                "2 linear",
                data=data,
                seed=seed,
                epochs=EPOCHS[scale],
                evaluate_every=EPOCHS[scale],
                importance_samples=1,  # this item is not about bounds
                limit=LIMIT.get(scale),
                historical_control=historical,
                ema_debias=not historical,
            )
            for data in results.datasets
            for historical in ((True,) if scale == "smoke" else (True, False))
            for seed in SEEDS[: REPETITIONS[scale]]
        ],
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
