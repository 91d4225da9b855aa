"""Presets of VAEs of hard codes: the benchmark of the ReinMax paper's code (never imports TensorFlow)."""

from typing import NamedTuple

from igr_suite.families.hard_vae.codes_config import (
    HardVAEConfig,
    HardVAEEvaluationConfig,
    HardVAEOptimiserConfig,
    TrainHardVAE,
)
from igr_suite.training.config_parts import DataConfig, ScheduleConfig

# Codes are named CATEGORIES x VARIABLES, as in the paper: "8x4" has 4 variables of 8 categories each.
CODES = ("8x4", "4x24", "8x16", "16x12", "64x8", "10x30")


class Method(NamedTuple):
    """An estimator of the benchmark: its registered name, and its options but for the temperature."""

    estimator: str
    options: tuple[str, ...] = ()


METHODS = {
    "ST": Method("straight_through"),
    "ST-GS": Method("st_gumbel_softmax"),
    "Gumbel-Rao": Method("gumbel_rao", ("samples=100",)),
    "GST-1.0": Method("gst", ("gap=1.0",)),
    "ReinMax": Method("reinmax"),
    "ReinMax-Rao": Method("reinmax_rao", ("samples=100",)),
}


class Tuned(NamedTuple):
    """Settings that were tuned for one method and one code; docs/papers/reinmax.md, section 3."""

    learning_rate: float
    temperature: float
    optimiser: str


TUNED = {
    "8x4": {
        "ST": Tuned(1e-3, 1.3, "adam"),
        "ST-GS": Tuned(3e-4, 0.5, "adam"),
        "Gumbel-Rao": Tuned(5e-4, 0.5, "adam"),
        "GST-1.0": Tuned(5e-4, 1.0, "adam"),
        "ReinMax": Tuned(5e-4, 1.3, "adam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "adam"),
    },
    "4x24": {
        "ST": Tuned(1e-3, 1.5, "radam"),
        "ST-GS": Tuned(5e-4, 0.3, "radam"),
        "Gumbel-Rao": Tuned(5e-4, 0.3, "radam"),
        "GST-1.0": Tuned(5e-4, 0.5, "radam"),
        "ReinMax": Tuned(5e-4, 1.5, "radam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "radam"),
    },
    "8x16": {
        "ST": Tuned(1e-3, 1.5, "radam"),
        "ST-GS": Tuned(5e-4, 0.5, "radam"),
        "Gumbel-Rao": Tuned(7e-4, 0.7, "radam"),
        "GST-1.0": Tuned(7e-4, 0.5, "radam"),
        "ReinMax": Tuned(7e-4, 1.5, "radam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "radam"),
    },
    "16x12": {
        "ST": Tuned(5e-4, 1.5, "adam"),
        "ST-GS": Tuned(7e-4, 0.7, "radam"),
        "Gumbel-Rao": Tuned(5e-4, 1.0, "adam"),
        "GST-1.0": Tuned(7e-4, 0.5, "radam"),
        "ReinMax": Tuned(7e-4, 1.5, "radam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "radam"),
    },
    "64x8": {
        "ST": Tuned(5e-4, 1.5, "adam"),
        "ST-GS": Tuned(7e-4, 0.7, "radam"),
        "Gumbel-Rao": Tuned(7e-4, 2.0, "adam"),
        "GST-1.0": Tuned(7e-4, 0.7, "radam"),
        "ReinMax": Tuned(5e-4, 1.5, "radam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "radam"),
    },
    "10x30": {
        "ST": Tuned(7e-3, 1.4, "radam"),  # the rate stands so in the third party's file
        "ST-GS": Tuned(5e-4, 0.5, "radam"),
        "Gumbel-Rao": Tuned(5e-4, 1.0, "radam"),
        "GST-1.0": Tuned(5e-4, 0.5, "radam"),
        "ReinMax": Tuned(5e-4, 1.3, "radam"),
        "ReinMax-Rao": Tuned(5e-4, 1.0, "radam"),
    },
}


def sizes_of(code: str) -> dict[str, int]:
    """Returns {"categories": 8, "variables": 4} for "8x4"."""
    categories, variables = (int(number) for number in code.split("x"))
    return {"categories": categories, "variables": variables}


def code_of(categories: int, variables: int) -> str:
    """Returns the code's name, categories x variables."""
    return f"{categories:g}x{variables:g}"


def reinmax_vae(
    method: str,
    code: str,
    *,
    data: str,
    seed: int,
    epochs: int = 160,
    importance_samples: int = 100,
    limit: int | None = None,
) -> TrainHardVAE:
    """One run of ReinMax's VAE benchmark at the published settings.

    Grey pixels, analytic KL, uniform prior, networks 784-512-256-(V C) and back with PyTorch's initial weights, batch
    100, all training images, Adam or RAdam with PyTorch's defaults, test images measured after every epoch.

    Args:
      method: of METHODS.
      code: of CODES, categories x variables.
      data: name of the data set.
      seed: of the run.
      epochs: number of passes through the training images.
      importance_samples: number of samples of the bound of test images at the end.
      limit: number of images of each split, for the smoke scale.
    Source: docs/papers/reinmax.md, sections 1.1 and 3.
    """
    tuned, (estimator, options) = TUNED[code][method], METHODS[method]
    return TrainHardVAE(
        model=HardVAEConfig(
            estimator=estimator,
            estimator_options=(*options, f"temperature={tuned.temperature}"),
            architecture="nonlinear",
            initialisation="torch_linear",
            kl="analytic",
            **sizes_of(code),
        ),
        data=DataConfig(name=data, binarisation="none", train_split="all", train_limit=limit, evaluation_limit=limit),
        optimiser=HardVAEOptimiserConfig(name=tuned.optimiser, learning_rate=tuned.learning_rate, epsilon=1e-8),
        schedule=ScheduleConfig(epochs=epochs, batch_size=100, evaluate_every=1),
        evaluation=HardVAEEvaluationConfig(importance_samples=importance_samples, validation=False),
        seed=seed,
    )
