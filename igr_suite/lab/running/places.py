"""Where things are: reproductions, the results root, the folder of one experiment at one scale."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import igr_suite
from igr_suite.errors import UserError
from igr_suite.lab.running.experiment import DATA_KEY, Experiment
from igr_suite.lab.running.grids import Settings

PACKAGE = Path(igr_suite.__file__).resolve().parent  # a wheel has `reproductions/` in it


def repository() -> Path:
    """Returns the checkout: the folder of this package where it has `reproductions/`, else the nearest one that has it
    from the working folder upwards, else the working folder."""
    return next((folder for folder in (PACKAGE.parent, *_upwards(Path.cwd())) if _has_experiments(folder)), Path.cwd())


def reproductions_root() -> Path:
    """Returns the folder that holds <paper>/<item>/run.py: IGR_REPRODUCTIONS, else the checkout's, else that of the
    installed package."""
    if own := os.environ.get("IGR_REPRODUCTIONS"):
        return Path(own)
    place = repository()
    return (place if _has_experiments(place) else PACKAGE) / "reproductions"


def import_places() -> list[str]:
    """Returns the folders that workers import from: the one of this package, and the one of `reproductions/`, beside
    which modules of one's own may lie."""
    own = reproductions_root().resolve().parent
    return [str(PACKAGE.parent), *([str(own)] if own not in (PACKAGE, PACKAGE.parent) else [])]


def results_root(option: str | Path | None = None) -> Path:
    """Returns where results go: the --results option, else IGR_RESULTS, else results/ of the checkout or, without one,
    of the working folder."""
    return Path(option or os.environ.get("IGR_RESULTS") or repository() / "results").expanduser()


def _has_experiments(folder: Path) -> bool:
    return (folder / "reproductions").is_dir()


def _upwards(folder: Path) -> tuple[Path, ...]:
    return folder, *folder.parents


def scale_folder(root: Path, experiment: Experiment, scale: str, settings: Settings | None = None) -> Path:
    """Returns results/<paper>/<item>/<scale>, or <scale>+<settings> beside it, so that changed runs never mix with the
    plain ones."""
    return root / experiment.paper / experiment.item / (scale + settings_suffix(settings or {}))


def settings_suffix(settings: Settings) -> str:
    """Returns '+data.name=mnist', or a hash of the settings when that would be long or no file name; '' without
    settings."""
    texts = {path: text if isinstance(text, str) else ";".join(text) for path, text in settings.items()}
    text = ",".join(f"{path}={texts[path]}" for path in sorted(texts))
    if not text:
        return ""
    plain = re.fullmatch(r"[A-Za-z0-9._=,+-]{1,60}", text)
    return "+" + (text if plain else hashlib.sha256(text.encode()).hexdigest()[:8])


def parse_settings(
    pairs: Sequence[str], data: str | None = None, from_file: Sequence[str] = ()
) -> dict[str, str | tuple[str, ...]]:
    """Returns {"model.temperature": "0.3"} from `--set model.temperature=0.3 ...`, `--data NAME` and a file's pairs.

    A path that is set several times has all of these values, {"model.temperature": ("0.3", "0.7")}; they are the values
    of a grid (see `grids`), or several data sets.

    Raises:
      UserError: a pair without '=', or one path in two places with different values.
    """
    settings: dict[str, str | tuple[str, ...]] = {}
    for place in (from_file, pairs, [f"{DATA_KEY}={data}"] if data else []):
        for path, texts in _by_path(place).items():
            value = texts[0] if len(texts) == 1 else ",".join(texts) if path == DATA_KEY else texts
            if settings.get(path, value) != value:
                raise UserError(f"'{path}' is set twice, to '{_shown(settings[path])}' and to '{_shown(value)}'")
            settings[path] = value
    return settings


def _by_path(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Returns path -> its different texts, in order."""
    texts: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise UserError(f"--set takes path=value, such as --set seed=3, got '{pair}'")
        texts[path] = tuple(dict.fromkeys((*texts.get(path, ()), text)))
    return texts


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else "', '".join(value)
