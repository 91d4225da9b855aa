"""Searches for temperatures: grids, budgets, and the stages that train candidates, measure them and halve the interval
that is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from igr_suite.errors import UserError, nearest
from igr_suite.families.vae import presets
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.families.vae.selection import NEAR_SHARE, between
from igr_suite.lab.running.experiment import Experiment, Stage, StageResults

Criterion = Literal["near_vertex", "validation", "both"]
PRESETS: dict[str, Callable[..., TrainVAE]] = {"g2": presets.g2, "default": presets.default}
CRITERIA = ("near_vertex", "validation", "both")
GRIDS = {
    "smoke": {
        "GS_Dis": (0.25, 1.0),
        "IGR_I_Dis": (0.1, 1.0),
        "IGR_SB_Finite_Dis": (0.02, 0.15),
        "IGR_Planar_Dis": (0.3, 0.85),
    },
    "quick": {
        "GS_Dis": (0.1, 0.25, 0.5, 1.0),
        "IGR_I_Dis": (0.03, 0.1, 0.3, 1.0),
        "IGR_SB_Finite_Dis": (0.01, 0.02, 0.05, 0.15),
        "IGR_Planar_Dis": (0.03, 0.1, 0.3, 0.85),
    },
    "paper": presets.G2_GRIDS["paper"],  # the authors' grids
}


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched.

    Attributes:
      models: names such as "GS_Dis".
      preset: "g2" (the README's setting) or "default" (the suite's own).
      criterion: "near_vertex": the highest temperature at which three quarters of the posterior's codes of validation
        images lie within 0.2 of a vertex after training (the paper's "_20"); "validation": the best validation ELBO;
        "both" answers both from the same runs.
      grids: candidates by model.
      refine: how often the interval between the highest near temperature and the next candidate is halved.
      seeds: seeds of each candidate; statistics are means over them.
      epochs: number of epochs of training.
      samples: number of codes that are measured of each image and variable.
      limit: number of images that are kept; None keeps all.
    """

    models: tuple[str, ...] = presets.TABLE_1_MODELS
    preset: str = "g2"
    criterion: Criterion = "both"
    grids: Mapping[str, tuple[float, ...]]
    refine: int
    seeds: tuple[int, ...]
    epochs: int
    samples: int = 100
    limit: int | None = None

    def __post_init__(self):
        for kind, chosen, known in (
            ("preset", (self.preset,), PRESETS),
            ("criterion", (self.criterion,), CRITERIA),
            ("model", self.models, self.grids),
        ):
            for name in chosen:
                if name not in known:
                    raise UserError(f"unknown {kind} '{name}': {nearest(name, known)}")
        for temperature in (t for model in self.models for t in self.grids[model]):
            if not temperature > 0:
                raise UserError(f"temperatures must be positive, got {temperature:g} (IGR-SB works from about 0.01)")
        if self.refine < 0:
            raise UserError(f"--refine must be at least 0, got {self.refine}")
        if self.refine and self.criterion == "validation":
            raise UserError(
                "--refine halves an interval of the near_vertex criterion; leave it out with --criterion validation"
            )

    def candidate(self, data: str, model: str, temperature: float, seed: int) -> TrainVAE:
        """The training run of one temperature and seed."""
        settings = {"epochs": self.epochs, "evaluate_every": self.epochs, "importance_samples": 1, "limit": self.limit}
        return PRESETS[self.preset](model, data=data, temperature=temperature, seed=seed, **settings)

    def stages(self) -> tuple[Stage, ...]:
        """Returns the stages: train and measure the grid; then, `refine` times, train and measure the middle of the
        interval."""
        stages: list[Stage] = []
        for halvings in range(self.refine + 1):
            stages.append(self._stage(self._trained, halvings))
            if self.criterion != "validation":
                stages.append(self._stage(self._measured, halvings))
        return tuple(stages)

    def _stage(self, runs_of: Callable, halvings: int) -> Stage:
        def stage(scale: str, results: StageResults) -> list:
            del scale
            return [
                run
                for data in results.datasets
                for model in self.models
                for run in runs_of(results, data, model, halvings)
            ]

        return stage

    def _trained(self, results: StageResults, data: str, model: str, halvings: int) -> list[TrainVAE]:
        temperatures = self._temperatures(results, data, model, halvings)
        return [self.candidate(data, model, temperature, seed) for temperature in temperatures for seed in self.seeds]

    def _measured(self, results: StageResults, data: str, model: str, halvings: int) -> list[PosteriorDistance]:
        survivors = results.survivors(self._trained(results, data, model, halvings))
        return [PosteriorDistance(trained=run, samples=self.samples, split="validation") for run in survivors]

    def _temperatures(self, results: StageResults, data: str, model: str, halvings: int) -> Sequence[float]:
        if halvings == 0:
            return self.grids[model]
        temperatures = self._temperatures(results, data, model, halvings - 1)
        measured = self._measured(results, data, model, halvings - 1)
        distances: dict[float, list[float]] = {}
        for run, summary in zip(measured, results.all(measured)):
            distances.setdefault(run.trained.model.temperature, []).append(summary["sample"][f"p{NEAR_SHARE}"])
        middle = between({temperature: fmean(values) for temperature, values in distances.items()})
        return (*temperatures, *([middle] if middle is not None else []))


BUDGETS = {
    "smoke": Search(
        models=("GS_Dis", "IGR_I_Dis"),
        grids=GRIDS["smoke"],
        refine=1,
        seeds=presets.SEEDS[:1],
        epochs=1,
        samples=20,
        limit=256,
    ),
    "quick": Search(grids=GRIDS["quick"], refine=1, seeds=presets.SEEDS[:1], epochs=4),
    "paper": Search(grids=GRIDS["paper"], refine=3, seeds=presets.SEEDS[:3], epochs=100),
}
DATASETS = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist", "fashion_mnist")}
TITLE = "Temperatures by nearness to vertices and by validation ELBO"


def experiment(
    searches: Mapping[str, Search] = BUDGETS, datasets: Mapping[str, Sequence[str]] = DATASETS
) -> Experiment:
    """The search as an experiment; candidates that are finished, for this or another search, are not run again."""

    def stage_of(number: int) -> Stage:
        def stage(scale: str, results: StageResults) -> Sequence:
            stages = searches[scale].stages()
            return stages[number](scale, results) if number < len(stages) else []

        return stage

    most = max(len(search.stages()) for search in searches.values())
    stages = tuple(stage_of(number) for number in range(most))
    no_reference = "The authors' choices stand in the table; the statistics behind them could not be retrieved."
    return Experiment(
        paper="igr", item="temperature_search", title=TITLE, datasets=datasets, stages=stages, no_reference=no_reference
    )


def changed(scale: str, **changes) -> Search:
    """The scale's search with some of its fields changed."""
    return replace(BUDGETS[scale], **changes)
