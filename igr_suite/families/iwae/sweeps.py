"""Runs of the DReG paper's figures: objectives, sizes and schedules at every scale (never imports TensorFlow)."""

from collections.abc import Sequence

from igr_suite.errors import UserError, nearest
from igr_suite.families.iwae.config import (
    DReGConfig,
    DReGDataConfig,
    DReGEvaluationConfig,
    DReGScheduleConfig,
    DReGStatisticsConfig,
    TrainDReG,
)
from igr_suite.families.iwae.start import DReGStartConfig
from igr_suite.training.config_parts import SEEDS

# original objective -> its doubly reparameterised estimator
DOUBLY = {"iwae": "dreg", "rws": "rws-dreg", "jk": "jk-dreg"}
OBJECTIVES = ("iwae", "dreg", "stl", "rws", "rws-dreg", "jk", "jk-dreg")
WITHOUT_JACKKNIFE = OBJECTIVES[:5]
SMOKE = ("iwae", "dreg", "jk-dreg", "dreg-alpha")  # the objectives of that scale
SAMPLES = {"smoke": 4, "quick": 64, "paper": 64}  # K
PAPER_STEPS = 5_000_000
LIMITS = {"smoke": {"train_limit": 64, "evaluation_limit": 40}}
EPOCHS = {"smoke": 2, "quick": 6}  # 6 epochs of MNIST are 9,378 steps
EVALUATE_EVERY = {"smoke": 1, "quick": 2, "paper": 10}
LIKELIHOODS = {
    "smoke": {"likelihood_samples": 20, "likelihood_images": 10},
    "quick": {"likelihood_samples": 5_000, "likelihood_images": 500},
    "paper": {"likelihood_samples": 5_000},
}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 3}


def seeds(scale: str) -> tuple[int, ...]:
    """The seeds of a scale."""
    return SEEDS[: REPETITIONS[scale]]


def dreg(
    estimator: str,
    scale: str,
    *,
    data: str,
    seed: int,
    samples: int | None = None,
    alpha: float | None = None,
    task: str = "density",
    epochs: int | None = None,
    steps: int | None = None,
    evaluate_every: int | None = None,
    var_calc: Sequence[str] = (),
    start: DReGStartConfig | None = None,
) -> TrainDReG:
    """One run at the authors' settings: 50 latents, two layers of 200 tanh units, batch 32, Adam at 3e-4, dynamic
    binarisation.

    Args:
      estimator: of `objectives.names`.
      scale: "smoke", "quick" or "paper".
      data: name of the data set.
      seed: of the run.
      samples: K; None is the scale's.
      alpha: weight of RWS-DReG in dreg-alpha.
      task: "density" or "structured".
      epochs, steps: at most one of them; None is the scale's budget, in the paper PAPER_STEPS steps.
      evaluate_every: number of epochs between evaluations; None is the scale's.
      var_calc: objectives measured beside the trained one.
      start: where the weights come from; None draws fresh ones.
    Raises:
      UserError: unknown scale.
    """
    if scale not in SAMPLES:
        raise UserError(f"unknown scale '{scale}': {nearest(scale, SAMPLES)}")
    if steps is None:
        epochs = epochs or EPOCHS.get(scale)
        steps = None if epochs else PAPER_STEPS
    return TrainDReG(
        model=DReGConfig(estimator=estimator, samples=samples or SAMPLES[scale], alpha=alpha, task=task),
        data=DReGDataConfig(name=data, **LIMITS.get(scale, {})),
        schedule=DReGScheduleConfig(epochs=epochs, steps=steps, evaluate_every=evaluate_every or EVALUATE_EVERY[scale]),
        statistics=DReGStatisticsConfig(var_calc=tuple(var_calc)),
        evaluation=DReGEvaluationConfig(samples=(SAMPLES[scale],), **LIKELIHOODS[scale]),
        start=start or DReGStartConfig(),
        seed=seed,
    )


def objective_runs(
    scale: str, datasets: Sequence[str], objectives: Sequence[str] = OBJECTIVES, **options
) -> list[TrainDReG]:
    """Every objective (smoke: those of SMOKE) with every seed; the runs of a seed stand together, so that pairs are
    complete early.

    Args:
      scale: "smoke", "quick" or "paper".
      datasets: names of data sets.
      objectives: of `objectives.names`.
      options: of `dreg`.
    """
    return [
        dreg(estimator, scale, data=data, seed=seed, **options)
        for data in datasets
        for seed in seeds(scale)
        for estimator in objectives
        if scale != "smoke" or estimator in SMOKE
    ]
