"""Temperature selection on the validation split: the stages that pick one, and the same rules for plots."""

from collections.abc import Mapping

from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.lab.analysis.selection import finished_by_temperature
from igr_suite.lab.running.experiment import StageResults
from igr_suite.measuring.distances import NEAR

NEAR_SHARE = 75  # percent of the posterior's codes that have to lie within NEAR of a vertex: the paper's "_20" sets


def distance_runs(
    results: StageResults, candidates: Mapping[float, TrainVAE], samples: int = 100
) -> dict[float, PosteriorDistance]:
    """Returns the runs that measure the candidates' posteriors on validation images, by temperature, for the stage
    before `near_vertex_temperature`.

    The stage ends here while a candidate is not finished; candidates that diverged are left out.
    """
    return {
        temperature: PosteriorDistance(trained=run, samples=samples, split="validation")
        for temperature, run in finished_by_temperature(results, candidates).items()
    }


def near_vertex_temperature(results: StageResults, candidates: Mapping[float, TrainVAE], samples: int = 100) -> float:
    """Returns the highest temperature at which three quarters of the posterior's codes lie within 0.2 of a vertex
    ("_20").

    The stage ends here while one of the candidates' `distance_runs`, which an earlier stage returns, is not finished.

    Raises:
      UserError: no candidate brings the codes so near, or all of them diverged.
    """
    statistics = near_statistics(results, candidates, samples)
    temperature = highest_near(statistics)
    if temperature is None:
        lowest = min(statistics)
        raise UserError(
            f"no temperature of {', '.join(f'{t:g}' for t in sorted(statistics))} brings {NEAR_SHARE}% of the codes of "
            f"{next(iter(candidates.values())).model.name} within {NEAR} of a vertex: at {lowest:g} that share is "
            f"within {statistics[lowest]:.3g}; add lower temperatures"
        )
    return temperature


def near_statistics(
    results: StageResults, candidates: Mapping[float, TrainVAE], samples: int = 100
) -> dict[float, float]:
    """Returns the distance within which three quarters of the validation codes lie, by temperature; see
    `near_vertex_temperature`."""
    runs = distance_runs(results, candidates, samples)
    summaries = results.all(list(runs.values()))
    return {temperature: summary["sample"][f"p{NEAR_SHARE}"] for temperature, summary in zip(runs, summaries)}


def highest_near(statistics: Mapping[float, float]) -> float | None:
    """Returns the highest temperature whose statistic is at most 0.2, whatever the statistics of lower ones; None where
    there is none."""
    return max((temperature for temperature, distance in statistics.items() if distance <= NEAR), default=None)


def between(statistics: Mapping[float, float]) -> float | None:
    """Returns the temperature to try next: halfway between the highest near one and the next candidate above it, to
    three digits.

    None where there is no such temperature: no candidate is near, the highest candidate is, or the two are neighbours
    at three digits.
    """
    near = highest_near(statistics)
    above = [temperature for temperature in statistics if near is not None and temperature > near]
    if not above:
        return None
    middle = float(f"{(near + min(above)) / 2:.3g}")
    return middle if near < middle < min(above) else None
