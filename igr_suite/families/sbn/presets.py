"""Presets of sigmoid belief networks: models, methods and settings of the REBAR paper's figures and tables (never
imports TensorFlow)."""

from collections.abc import Sequence

from igr_suite.families.sbn.config import REBARS, SBNConfig, SBNEvaluationConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.training.config_parts import SEEDS, BinaryDataConfig, StepScheduleConfig

LEARNING_RATE = 3e-4  # of the README's examples; the paper's grid is not known (docs/papers/rebar.md, section 1.4)
DEPTHS = {
    "1 linear": {"layers": 1},
    "2 linear": {"layers": 2},
    "nonlinear": {"layers": 1, "nonlinear": True},
}
# Label in figures -> settings of the model. The method with a trained temperature is REBAR in the paper and
# DynamicREBAR in the suite.
ESTIMATOR_SETTINGS = {
    "NVIL": {"estimator": "nvil"},
    "SimpleMuProp": {"estimator": "simple_muprop"},
    "MuProp": {"estimator": "muprop"},
    "REBAR(0.1)": {"estimator": "rebar", "temperature": 0.1},
    "REBAR": {"estimator": "rebar", "temperature": 0.5},
    "DynamicREBAR": {"estimator": "dynamic_rebar", "temperature": 0.5},
    "Concrete(0.1)": {"estimator": "concrete", "temperature": 0.1},
    "tracking": {"estimator": "track", "temperature": 0.5},
}
PAPER_STEPS = 2_000_001  # the authors stop at the first end of an epoch past 2,000,000 steps


def sbn(
    method: str,
    depth: str = "2 linear",
    *,
    data: str,
    seed: int,
    epochs: int | None = None,
    steps: int | None = None,
    evaluate_every: int = 20,
    importance_samples: int = 100,
    limit: int | None = None,
    historical_control: bool = False,
    ema_debias: bool = True,
    sp_generator: str | None = None,
) -> TrainSBN:
    """One run at the authors' settings.

    Args:
      method: of ESTIMATOR_SETTINGS.
      depth: of DEPTHS.
      data: name of the data set; omniglot is binarised by one draw, as theirs.
      seed: of the run.
      epochs, steps: one of the two, as in `StepScheduleConfig`.
      evaluate_every: number of epochs between evaluations.
      importance_samples: number of samples of the bounds.
      limit: number of images of each split, for the smoke scale.
      historical_control: whether a method that has a multilayer control variate takes the authors' biased one.
      ema_debias: whether moving averages are corrected for their start at 0, which the authors' are not.
      sp_generator: structured prediction with this generator; None models whole images.
    """
    options = ESTIMATOR_SETTINGS[method] | DEPTHS[depth]
    if historical_control and options["estimator"] in REBARS:
        options = options | {"multilayer_cv": "historical"}
    return TrainSBN(
        model=SBNConfig(
            **options,
            ema_debias=ema_debias,
            task="density" if sp_generator is None else "sp",
            sp_generator=sp_generator,
        ),
        data=BinaryDataConfig(
            name=data,
            binarisation="once" if data.startswith("omniglot") else "static",
            train_limit=limit,
            evaluation_limit=limit,
        ),
        optimiser=SBNOptimiserConfig(learning_rate=LEARNING_RATE),
        schedule=StepScheduleConfig(epochs=epochs, steps=steps, evaluate_every=evaluate_every),
        evaluation=SBNEvaluationConfig(importance_samples=importance_samples),
        seed=seed,
    )


# Figures 2 and 3 show the same runs.
FIGURE_METHODS = ("NVIL", "SimpleMuProp", "MuProp", "REBAR(0.1)", "DynamicREBAR", "Concrete(0.1)")
_FIGURES = {
    # The authors' code was traced for REBAR at 0.5 over 24 epochs of 2,084 steps; the other methods stand beside it.
    "smoke": {"nonlinear": ("NVIL", "REBAR")},
    "quick": {"nonlinear": ("NVIL", "MuProp", "REBAR", "DynamicREBAR", "Concrete(0.1)")},
    "paper": {"2 linear": FIGURE_METHODS, "nonlinear": (*FIGURE_METHODS, "REBAR")},
}
_FIGURE_SCHEDULES = {
    "smoke": {"epochs": 2, "evaluate_every": 2, "importance_samples": 5, "limit": 120},
    "quick": {"epochs": 24, "evaluate_every": 24},
    "paper": {"steps": PAPER_STEPS, "evaluate_every": 160},
}
_FIGURE_SEEDS = {"smoke": {}, "quick": {"REBAR": 2}, "paper": dict.fromkeys((*FIGURE_METHODS, "REBAR"), 5)}


def figure_runs(scale: str, datasets: Sequence[str]) -> list[TrainSBN]:
    """The runs of Figures 2 and 3: the authors' control variate and moving averages, so that their traces can be
    compared."""
    return [
        sbn(method, depth, data=data, seed=seed, historical_control=True, ema_debias=False, **_FIGURE_SCHEDULES[scale])
        for data in datasets
        for depth, methods in _FIGURES[scale].items()
        for method in methods
        for seed in SEEDS[: _FIGURE_SEEDS[scale].get(method, 1)]
    ]
