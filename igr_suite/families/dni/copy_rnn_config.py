"""Configuration of one LSTM on the copy task, by truncated back-propagation with or without synthetic gradients (never
imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.training.ranges import check_at_least, check_positive

SYNTHETIC_OPTIONS = {"sg_hidden": (256,), "sg_use_factor": 0.1}  # defaults; the factor is the paper's


@dataclass(frozen=True, kw_only=True)
class CopyTaskConfig:
    """Repeat random bits in their order after a delimiter, at first of one time step, then of ever more.

    The length grows by one step when the running mean over episodes (decay 0.9) of the cross-entropy of a target bit
    falls below `threshold`, up to `longest`.
    """

    bits: int = 4
    """Number of bits a time step."""
    threshold: float = 0.15
    """Mean cross-entropy of a bit, in bits, below which sequences grow by one step."""
    longest: int = 60
    """Greatest number of time steps of a sequence."""

    def __post_init__(self):
        check_at_least(self, "task", bits=1, longest=1)
        if not 0 < self.threshold < 1:
            raise UserError(f"task.threshold must be between 0 and 1 bit (a coin's), got {self.threshold}")


@dataclass(frozen=True, kw_only=True)
class CopyRNNConfig(WithOptions):
    """The LSTM, the window of truncated back-propagation, and what replaces the gradient that arrives at its end."""

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = {
        key: Option(
            default,
            read=lambda config: config.method == "dni",
            unread="is read by model.method=dni only",
            dropped=True,
        )
        for key, default in SYNTHETIC_OPTIONS.items()
    }

    units: int = 64
    """Number of LSTM units."""
    window: int = 4
    """Number of time steps that gradients flow back through."""
    method: Literal["bptt", "dni"] = "dni"
    """Truncated back-propagation, or a synthetic gradient at the window's end."""
    sg_hidden: tuple[int, ...] | None = None
    """Widths of the synthesiser's hidden layers."""
    sg_use_factor: float | None = None
    """Factor of the synthetic gradient."""

    def __post_init__(self):
        check_at_least(self, "model", units=1, window=1)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class TrainCopyRNN(RunConfig):
    """One LSTM trained with one seed for so many windows."""

    executor: ClassVar[str] = "igr_suite.families.dni.train_copy_rnn:execute"
    fitted: ClassVar[bool] = True

    model: CopyRNNConfig = field(default_factory=CopyRNNConfig)
    task: CopyTaskConfig = field(default_factory=CopyTaskConfig)
    learning_rate: float = 1e-3
    """Step size of Adam."""
    batch_size: int = 32
    """Number of sequences side by side."""
    windows: int = 20_000
    """Number of windows, each of which is one step."""
    seed: int = 0
    """Seed of weights, sequences and noise."""

    def validate(self) -> None:
        check_positive(self, "", "learning_rate")
        check_at_least(self, "", batch_size=1, windows=1)

    def slug(self) -> str:
        return f"copy-{self.model.method}-T{self.model.window}-lr{self.learning_rate:g}-s{self.seed}"
