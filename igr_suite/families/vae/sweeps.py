"""Runs that several of IGR's figures and tables have in common, at the three scales (never imports TensorFlow)."""

from collections.abc import Callable, Mapping, Sequence

from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.presets import (
    G2_CV_TEMPERATURES,
    G2_NEAR_TEMPERATURES,
    TABLE_1_MODELS,
    g2,
    g2_paper_figures,
)
from igr_suite.lab.analysis.selection import best_temperature
from igr_suite.lab.running.experiment import Stage
from igr_suite.training.config_parts import SEEDS


def figure_runs(
    scale: str, datasets: Sequence[str], models: Sequence[str] = TABLE_1_MODELS, repetitions: int = 1, **settings
) -> list[TrainVAE]:
    """Returns the runs of Figures 3 and 5: both temperatures of every model, all seeds.

    Args:
      scale: "paper" takes the runs of `g2_paper_figures`, which need no other argument.
      repetitions: number of seeds.
      settings: passed to `g2`.
    """
    if scale == "paper":
        return [run for data in datasets for run in g2_paper_figures(data)]
    return [
        g2(model, data=data, temperature=temperatures[model], seed=seed, **settings)
        for data in datasets
        for temperatures in (G2_CV_TEMPERATURES, G2_NEAR_TEMPERATURES)
        for model in models
        for seed in SEEDS[:repetitions]
    ]


def search_stages(
    models: Sequence[str],
    grids: Mapping[str, Mapping[str, Sequence[float]]],
    repetitions: Mapping[str, int],
    config: Callable[[str, str, str, float, int], TrainVAE],
) -> tuple[Stage, Stage]:
    """Returns two stages: one seed at every temperature of a model's grid, then all seeds at the temperature with the
    best validation ELBO.

    Args:
      grids: scale -> model -> temperatures.
      repetitions: scale -> number of seeds.
      config: (scale, data, model, temperature, seed) -> run.
    """

    def candidates(scale, data, model):
        return {temperature: config(scale, data, model, temperature, SEEDS[0]) for temperature in grids[scale][model]}

    def search(scale, results):
        return [run for data in results.datasets for model in models for run in candidates(scale, data, model).values()]

    def repeat(scale, results):
        return [
            config(scale, data, model, best_temperature(results, candidates(scale, data, model)), seed)
            for data in results.datasets
            for model in models
            for seed in SEEDS[: repetitions[scale]]
        ]

    return search, repeat
