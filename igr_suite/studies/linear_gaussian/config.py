"""Configuration of a measurement of gradients on the linear-Gaussian model (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, two_values
from igr_suite.objectives.names import check_samples


@dataclass(frozen=True, kw_only=True)
class LinearGaussianGradients(RunConfig):
    """Means and variances of gradient estimates at fixed parameters near the optimum, all objectives on the same draws.

        z ~ N(theta, I),  x|z ~ N(z, I),  q(z|x) = N(A x + b, proposal_variance I);
        an estimate is the mean over all points

    Fields:
      objectives: names of the objectives, which have their default options.
      samples: number K of samples.
      repetitions: number R of independent estimates; the signal-to-noise ratio of pure noise is about
        sqrt(2 / (pi R)).
      dimension: dimension of the data, which are drawn from the model at a theta ~ N(0, I).
      points: number of data points.
      perturbation: standard deviation of the noise that is added to the optimum's theta, A and b.
      proposal_variance: variance of q, which is not trained.
      seed: seed of data, perturbation and draws; the first two are the same for all K and R.

    Source: Rainforth et al. (2018); Tucker et al. (2019), Figure 1; docs/papers/dreg.md, section 1.5.
    """

    executor: ClassVar[str] = "igr_suite.studies.linear_gaussian.train:execute"

    objectives: tuple[str, ...] = ("iwae", "stl", "dreg", "rws", "rws-dreg", "jk", "jk-dreg")
    samples: int = 8
    repetitions: int = 1000
    dimension: int = 20
    points: int = 1024
    perturbation: float = 0.01
    proposal_variance: float = 2 / 3
    seed: int = 0

    def validate(self) -> None:
        for field, least in (("repetitions", 2), ("dimension", 2), ("points", 2), ("samples", 1)):
            if getattr(self, field) < least:
                raise UserError(f"{field} must be at least {least}, got {getattr(self, field)}")
        for field in ("perturbation", "proposal_variance"):
            if not getattr(self, field) > 0:
                raise UserError(f"{field} must be positive, got {getattr(self, field)}")
        if not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise UserError(f"objectives must name each objective once, got {', '.join(self.objectives) or 'none'}")
        for name in self.objectives:
            check_samples(name, self.samples, {"form": "closed"} if name.startswith("jk") else None)

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        if rows != 1 or last["step"] != self.repetitions:
            return f"metrics.jsonl has {rows} rows, not one of {self.repetitions} repetitions"
        different = [name for name in ("bound", "ess") if summary.get(name) != last[name]]
        return two_values(different[0], summary.get(different[0]), last[different[0]]) if different else ""

    def slug(self) -> str:
        return f"linear-gaussian-K{self.samples}-R{self.repetitions}-D{self.dimension}-N{self.points}-s{self.seed}"
