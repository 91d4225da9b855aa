"""Presets of half-and-half MNIST: the estimators under their names in figures, at the original's settings (never
imports TensorFlow)."""

from collections.abc import Sequence

from igr_suite.families.half_mnist.config import (
    HalfMNISTDataConfig,
    HalfMNISTEvaluationConfig,
    HalfMNISTModelConfig,
    HalfMNISTOptimiserConfig,
    HalfMNISTScheduleConfig,
    SyntheticGradientConfig,
    TrainHalfMNIST,
)
from igr_suite.lab.runs.config import replace_parts
from igr_suite.training.config_parts import SEEDS

CMR = {"baseline": "cmr", "baseline_activation": "relu"}
WITH_CODE, WITHOUT_CODE = "1111100", "1110000"  # the original's inputs, and those without the code and dC/dz


def _synthetic(kind: str, inputs: str, **more) -> dict:
    return {"model": {"estimator": "sdni", **CMR}, "sg": {"kind": kind, "inputs": inputs, "scale": "batch", **more}}


# Name in figures -> settings. SDNI's names hold the network's kind, and "no z" where its inputs are those without the
# code.
PRESETS = {
    "Gaussian": {"model": {"estimator": "gaussian"}},
    "Gaussian REINFORCE": {"model": {"estimator": "gaussian_reinforce", "baseline": "off"}},
    "GS": {"model": {"estimator": "gumbel_softmax"}},
    "GS hard": {"model": {"estimator": "gumbel_softmax_hard"}},
    "GS hard, historical": {"model": {"estimator": "gumbel_softmax_hard", "hard_rule": "historical"}},
    "ST": {"model": {"estimator": "straight_through"}},
    "REINFORCE": {"model": {"estimator": "reinforce", **CMR}},
    "REINFORCE, mr": {"model": {"estimator": "reinforce", "baseline": "mr"}},
    "REINFORCE, no baseline": {"model": {"estimator": "reinforce", "baseline": "off"}},
    "SDNI lin": _synthetic("lin", WITH_CODE),
    "SDNI lin, no z": _synthetic("lin", WITHOUT_CODE),
    "SDNI lin_deep": _synthetic("lin_deep", WITH_CODE),
    "SDNI lin_deep, no z": _synthetic("lin_deep", WITHOUT_CODE),
    # the linear network on the scale of nats per image, with Adam: docs/papers/half_mnist.md, section 1.9,
    # "better-conditioned"
    "SDNI lin, Adam": _synthetic("lin", WITH_CODE, scale="image", optimiser="adam", learning_rate=1e-3),
    "frozen": {"model": {"estimator": "frozen"}},
}


def half_mnist(
    method: str,
    *,
    data: str,
    seed: int,
    epochs: int,
    limit: int | None = None,
    model: dict | None = None,
    sg: dict | None = None,
    optimiser: dict | None = None,
    evaluation: dict | None = None,
    evaluate_every: int = 1,
) -> TrainHalfMNIST:
    """One run at the original's settings: 50 latents, batches of 100, all 60,000 images, Adam at 2e-4 with its long
    first steps.

    Args:
      method: of PRESETS.
      data: name of the data set.
      seed: of the run.
      epochs: number of epochs.
      limit: number of images of each split, for the smoke scale.
      model, sg, optimiser, evaluation: settings that replace the preset's.
      evaluate_every: number of epochs between evaluations.
    """
    parts = PRESETS[method]
    own = parts.get("sg")
    return TrainHalfMNIST(
        model=HalfMNISTModelConfig(**parts["model"] | (model or {})),
        sg=SyntheticGradientConfig(**own | (sg or {})) if own else None,
        data=HalfMNISTDataConfig(name=data, train_split="all", train_limit=limit, evaluation_limit=limit),
        optimiser=HalfMNISTOptimiserConfig(**{"name": "legacy_adam"} | (optimiser or {})),
        schedule=HalfMNISTScheduleConfig(
            epochs=epochs, evaluate_every=evaluate_every, **({"batch_size": 20} if limit else {})
        ),
        evaluation=HalfMNISTEvaluationConfig(**evaluation or {}),
        seed=seed,
    )


def sweep(
    scale: str, datasets: Sequence[str], methods: Sequence[str], *, epochs: int, seeds: int = 1, **options
) -> list[TrainHalfMNIST]:
    """Runs of several methods and seeds; the smoke scale takes 100 images of each split; options as in `half_mnist`."""
    limit = 100 if scale == "smoke" else None
    return [
        half_mnist(method, data=data, seed=seed, epochs=epochs, limit=limit, **options)
        for data in datasets
        for method in methods
        for seed in SEEDS[:seeds]
    ]


def with_pictures(config: TrainHalfMNIST, count: int) -> TrainHalfMNIST:
    """The run, with completions stored if its seed is the first one."""
    return replace_parts(config, evaluation={"pictures": count}) if config.seed == SEEDS[0] else config
