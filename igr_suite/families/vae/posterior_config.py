"""Configuration of a posterior-distance run: one trained VAE, measured from its checkpoint (never imports
TensorFlow)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config import RunConfig
from igr_suite.training.ranges import check_at_least


@dataclass(frozen=True, kw_only=True)
class PosteriorDistance(RunConfig):
    """Distances of posterior samples to the nearest vertex, for every image of a split.

    `trained` is the whole config of the run that is measured; the folder of that run lies beside this one, under its
    run id. All settings but `samples` and `split` are those of `trained`: `--set model.delta=1` changes both the
    training and what is measured.
    """

    executor: ClassVar[str] = "igr_suite.families.vae.posterior_distance:execute"

    trained: TrainVAE
    samples: int = 100
    """Number of posterior samples of each image."""
    split: Literal["validation", "test"] = "test"
    """Images that are measured."""

    def validate(self) -> None:
        if not self.trained.model.name.endswith("_Dis"):
            raise UserError(
                f"posterior distances are for models whose names end in _Dis, not for {self.trained.model.name}"
            )
        check_at_least(self, "", samples=1)

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return (*values.paths(TrainVAE), *TrainVAE.aliases())

    def with_values(self, settings: Mapping) -> "PosteriorDistance":
        own = {path: value for path, value in settings.items() if path.split(".")[0] in values.field_types(type(self))}
        others = {path: value for path, value in settings.items() if path not in own}
        return RunConfig.with_values(dataclasses.replace(self, trained=self.trained.with_values(others)), own)

    def check_inputs(self, data_dir: str | None) -> None:
        self.trained.check_inputs(data_dir)

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        trained, codes = self.trained.run_id, summary.get("images", 0) * self.samples * self.trained.model.variables
        if summary.get("trained_run", trained) != trained:
            return f"summary.json is of the run {summary['trained_run']}, not of {trained}"
        return (
            ""
            if summary.get("codes", codes) == codes
            else f"summary.json is of {summary['codes']} codes, not of {codes}"
        )

    def slug(self) -> str:
        return f"distance-{self.split}-{self.samples}-{self.trained.slug()}"
