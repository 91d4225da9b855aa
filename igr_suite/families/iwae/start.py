"""Where the weights of a DReG run come from: fresh ones, or those of a finished run (never imports TensorFlow)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from igr_suite.errors import UserError
from igr_suite.training import checkpoints


@dataclass(frozen=True, kw_only=True)
class DReGStartConfig:
    """Where a run takes its first weights from, and which weights it trains."""

    checkpoint: str | None = None
    """Checkpoint file, run folder or run id that weights are taken from; fresh ones where it is not given."""
    train: Literal["all", "inference"] = "all"
    """"inference" trains the encoder alone."""
    keep_optimizer: bool = False
    """Whether Adam's averages and the step are taken over too."""

    def __post_init__(self):
        if self.checkpoint is None and self.keep_optimizer:
            raise UserError(
                "start.keep_optimizer takes over the optimiser of a checkpoint; name one with start.checkpoint"
            )

    def check(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Reads a checkpoint that is given as an absolute path, so that a wrong one is refused before anything starts.

        Args:
          shapes: of the model's weights, in the order of its state.
        Raises:
          UserError: as `read`.
        """
        if self.checkpoint is not None and Path(self.checkpoint).is_absolute():
            self.read(shapes, Path("/"))

    def read(self, shapes: Sequence[tuple[int, ...]], neighbours: Path) -> checkpoints.State | None:
        """The state of the checkpoint; None for a fresh start.

        Args:
          shapes: of the model's weights, in the order of its state.
          neighbours: folder of the runs beside this one.
        Raises:
          UserError: the checkpoint is absent, damaged, or of another architecture.
        """
        if self.checkpoint is None:
            return None
        path = neighbours / self.checkpoint
        if path.is_dir():
            files = checkpoints.paths(path / "checkpoints") or checkpoints.paths(path)
            if not files:
                raise UserError(f"{path} holds no checkpoint to start from; train that run first, or name a .ckpt file")
            path = files[-1]
        if not path.is_file():
            raise UserError(
                f"start.checkpoint={self.checkpoint} is not there ({path}); give a .ckpt file, a run's folder or a "
                f"run's name"
            )
        state = checkpoints.load(path)
        held = [
            array.shape if array.dtype == "float32" else (*array.shape, array.dtype.name)
            for array in state.arrays[: len(shapes)]
        ]
        if held != list(shapes):
            pairs = [(a, b) for a, b in zip(held, shapes) if a != b] or [(len(held), len(shapes))]
            raise UserError(
                f"the checkpoint {path} is of another architecture: it has {pairs[0][0]} where the model has "
                f"{pairs[0][1]}; give the same model.latents, model.hidden and model.task as its run, or another "
                f"checkpoint"
            )
        return state
