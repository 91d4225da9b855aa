"""What a sweep leaves beside its runs, so that others find it: the file sweep.json of its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.grids import Settings
from igr_suite.lab.running.places import scale_folder
from igr_suite.lab.runs.files import write_json, writing
from igr_suite.lab.runs.reading import json_object

FILE = "sweep.json"
SCHEMA = 1


@dataclass(frozen=True)
class Sweep:
    """A grid of settings whose runs are in one folder.

    Attributes:
      settings: all `--set` values, as they were given.
      varied: path -> its values, for the paths with several.
      only: the patterns of `--only`; without any, the sweep has all runs of the experiment.
    """

    settings: Settings
    varied: Mapping[str, tuple[str, ...]]
    only: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """'model.temperature=0.3,0.7 x seed=1,2'."""
        return " x ".join(f"{path}={','.join(texts)}" for path, texts in self.varied.items())


def record(folder: Path, sweep: Sweep) -> None:
    """Writes a folder's sweep.json; patterns of an earlier invocation are kept.

    Raises:
      UserError: the folder cannot be written.
    """
    earlier = read(folder)
    only = sweep.only
    if earlier is not None:
        only = tuple(dict.fromkeys((*earlier.only, *sweep.only))) if earlier.only and sweep.only else ()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lists = {path: list(texts) for path, texts in sweep.varied.items()}
    settings = {path: text if isinstance(text, str) else list(text) for path, text in sweep.settings.items()}
    write_json(folder / FILE, {"schema": SCHEMA, "settings": settings, "varied": lists, "only": list(only)})


def read(folder: Path) -> Sweep | None:
    """Returns the sweep of a folder; None where it has no sweep.json, or one that is damaged."""
    content = json_object(folder / FILE)
    settings, varied, only = content.get("settings"), content.get("varied"), content.get("only")
    if not isinstance(settings, dict) or not isinstance(varied, dict) or not _texts(only):
        return None
    if not varied or not all(_texts(texts) for texts in varied.values()):
        return None
    if not all(isinstance(text, str) or _texts(text) for text in settings.values()):
        return None
    own = {path: text if isinstance(text, str) else tuple(text) for path, text in settings.items()}
    return Sweep(own, {path: tuple(texts) for path, texts in varied.items()}, tuple(only))


def sweeps_of(root: Path, experiment: Experiment, scale: str) -> list[Sweep]:
    """Returns the sweeps of an experiment at a scale, in the order of their folders' names."""
    plain = scale_folder(root, experiment, scale)
    folders = sorted(path.parent for path in plain.parent.glob(f"{plain.name}+*/{FILE}"))
    pairs = [(folder, read(folder)) for folder in folders]
    return [
        sweep for folder, sweep in pairs if sweep and scale_folder(root, experiment, scale, sweep.settings) == folder
    ]


def beside(root: Path, experiment: Experiment, scale: str, settings: Settings) -> list[Path]:
    """Returns the other folders of an experiment's scale that may hold runs with equal configs: those of its sweeps;
    for a sweep also those of single settings and of none."""
    own, plain = scale_folder(root, experiment, scale, settings), scale_folder(root, experiment, scale)
    others = [path.parent for path in sorted(plain.parent.glob(f"{plain.name}+*/{FILE}"))]
    if read(own) is not None:
        others += [plain, *sorted(plain.parent.glob(f"{plain.name}+*"))]
    return [folder for folder in dict.fromkeys(others) if folder != own and folder.is_dir()]


def _texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(text, str) for text in value)
