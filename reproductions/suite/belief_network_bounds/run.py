"""Belief networks of three layers trained on bounds of K samples: VIMCO, OVIS, RWS, TVO, and RLOO as a control.

    igr run suite/belief_network_bounds --scale quick --jobs 2
    igr run suite/belief_network_bounds --scale paper --jobs 2      # weeks: 63 runs of 4,000,000 steps
The setting is that of OVIS's paper. Expect: bounds of K samples ahead of RLOO, which trains the ELBO, the more so the
larger K; OVIS(1) and RWS, whose encoders follow the posterior, gain most from K.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.config import SBNConfig, SBNEvaluationConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS, BinaryDataConfig, StepScheduleConfig

FIRST = {5: 0.01, 10: 0.02, 50: 0.03}  # TVO's lowest positive node for K samples; docs/papers/dreg.md, section 2.4
AUXILIARY = 10  # samples of OVIS-MC's baselines
# Label in figures -> the estimator and its options beside the number of samples.
METHODS = {
    "VIMCO": lambda samples: ("vimco", ()),
    "OVIS": lambda samples: ("ovis", ("gamma=0.0",)),
    "OVIS(1)": lambda samples: ("ovis", ("gamma=1.0",)),
    "OVIS-MC": lambda samples: ("ovis_mc", (f"auxiliary={AUXILIARY}",)),
    "RWS": lambda samples: ("rws", ()),
    "TVO": lambda samples: ("tvo", (f"first={FIRST[samples]}",)),
    "RLOO": lambda samples: ("rloo", ()),
}
CHOSEN = {"smoke": ("VIMCO", "OVIS(1)", "RWS")}
SAMPLES = {"smoke": (5,), "quick": (5, 50), "paper": (5, 10, 50)}
SCHEDULES = {
    "smoke": StepScheduleConfig(epochs=2, evaluate_every=1),
    "quick": StepScheduleConfig(epochs=4, evaluate_every=1),
    "paper": StepScheduleConfig(steps=4_000_000, evaluate_every=80),
}
EVALUATIONS = {
    "smoke": SBNEvaluationConfig(importance_samples=5, likelihood_samples=20),
    "quick": SBNEvaluationConfig(importance_samples=50),
    "paper": SBNEvaluationConfig(likelihood_samples=5_000),
}
LIMIT = {"smoke": 120}
REPETITIONS = {"smoke": 1, "quick": 1, "paper": 3}


def network(method, samples, scale, data, seed):
    """One run: three linear layers of 200 units, batches of 24, Adam with step size 3e-4 and its usual moments."""
    estimator, options = METHODS[method](samples)
    return TrainSBN(
        model=SBNConfig(layers=3, estimator=estimator, estimator_options=(*options, f"samples={samples}")),
        data=BinaryDataConfig(name=data, train_limit=LIMIT.get(scale), evaluation_limit=LIMIT.get(scale)),
        optimiser=SBNOptimiserConfig(learning_rate=3e-4, beta_2=0.999),
        schedule=SCHEDULES[scale],
        evaluation=EVALUATIONS[scale],
        seed=seed,
    )


EXPERIMENT = Experiment(
    paper="suite",
    item="belief_network_bounds",
    title="Belief networks of three layers on bounds of several samples: VIMCO, OVIS, RWS, TVO",
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist",)},
    stages=(
        lambda scale, results: [
            network(method, samples, scale, data, seed)
            for seed in SEEDS[: REPETITIONS[scale]]
            for data in results.datasets
            for samples in SAMPLES[scale]
            for method in CHOSEN.get(scale, METHODS)
        ],
    ),
    no_reference="No number of OVIS's belief networks could be read: the paper and its code show curves only.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
