"""Configuration of a simplex-proximity run: one distribution, some temperatures (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, two_values

TABLE_TEMPERATURES = (0.05, 0.1, 0.15, 0.25, 0.5, 0.67, 1.0)  # docs/papers/igr.md, section 2.4


def linspace(first: float, last: float, number: int) -> tuple[float, ...]:
    """Returns evenly spaced temperatures, rounded to 9 decimals so that they read well in a config."""
    return tuple(round(first + (last - first) * i / max(number - 1, 1), 9) for i in range(number))


@dataclass(frozen=True, kw_only=True)
class SimplexProximity(RunConfig):
    """Distances of a distribution's samples to the nearest vertex, at one temperature after the other.

    The distribution is the one that treats all categories alike, `uniform_prior` of its class: equal logits for GS, the
    unit-scale Gaussian whose argmax is exactly uniform for IGR-I (closed form; -1.4274 at K = 50), equal mean pieces
    for the stick-breaking distributions. delta is 1; with IGR-I's closed form another delta would shift all logits
    equally and change nothing.
    """

    executor: ClassVar[str] = "igr_suite.studies.simplex.train:execute"

    relaxation: Literal["GS", "IGR_I", "IGR_SB_Finite", "IGR_SB_Log"]
    """Distribution that is sampled."""
    temperatures: tuple[float, ...]
    """Temperatures, one after the other."""
    samples: int
    """Number of samples at each."""
    categories: int = 50
    """Number of categories."""
    seed: int = 0
    """Seed of the noise."""

    def validate(self) -> None:
        if not self.temperatures:
            raise UserError("temperatures is empty; give at least one, such as 0.5")
        if len(set(self.temperatures)) < len(self.temperatures):
            raise UserError("temperatures names one of them twice; each is a row of the results")
        for temperature in self.temperatures:
            if not temperature > 0:
                raise UserError(f"temperatures must be positive, got {temperature} (IGR-SB works from about 0.01)")
        if self.samples < 2:
            raise UserError(f"samples must be at least 2, got {self.samples}")
        if self.categories < 2:
            raise UserError(f"categories must be at least 2, got {self.categories}")

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        expected = len(self.temperatures)
        if rows != expected or last["step"] != expected - 1:
            return f"metrics.jsonl has {rows} rows, not {expected}: one a temperature"
        shown = [f"{temperature:g}" for temperature in self.temperatures if temperature in TABLE_TEMPERATURES]
        distances = summary.get("distance", {})
        if sorted(distances) != sorted(shown):
            return "summary.json is of other temperatures"
        median = distances.get(f"{last['temperature']:g}", last)["p50"]
        return "" if median == last["p50"] else two_values("the median distance", median, last["p50"])

    def slug(self) -> str:
        return f"{self.relaxation}-K{self.categories}-{len(self.temperatures)}x{self.samples}-s{self.seed}"
