"""Where things are: reproductions, the results root, the folder of one experiment at one scale."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.lab.running.experiment import DATA_KEY, Experiment


def repository() -> Path:
    """Returns the checkout: the nearest folder with `reproductions/` above this package, else above the working folder,
    else the working folder."""
    for start in (Path(__file__).resolve().parent, Path.cwd()):
        for folder in (start, *start.parents):
            if (folder / "reproductions").is_dir():
                return folder
    return Path.cwd()


def reproductions_root() -> Path:
    """Returns the folder that holds <paper>/<item>/run.py: IGR_REPRODUCTIONS, else the checkout's."""
    return Path(os.environ.get("IGR_REPRODUCTIONS") or repository() / "reproductions")


def results_root(option: str | Path | None = None) -> Path:
    """Returns where results go: the --results option, else IGR_RESULTS, else the checkout's results/."""
    return Path(option or os.environ.get("IGR_RESULTS") or repository() / "results").expanduser()


def scale_folder(root: Path, experiment: Experiment, scale: str, settings: Mapping[str, str] | None = None) -> Path:
    """Returns results/<paper>/<item>/<scale>, or <scale>+<settings> beside it, so that changed runs never mix with the
    plain ones."""
    return root / experiment.paper / experiment.item / (scale + settings_suffix(settings or {}))


def settings_suffix(settings: Mapping[str, str]) -> str:
    """Returns '+data.name=mnist', or a hash of the settings when that would be long or no file name; '' without
    settings."""
    text = ",".join(f"{path}={settings[path]}" for path in sorted(settings))
    if not text:
        return ""
    plain = re.fullmatch(r"[A-Za-z0-9._=,+-]{1,60}", text)
    return "+" + (text if plain else hashlib.sha256(text.encode()).hexdigest()[:8])


def parse_settings(pairs: list[str], data: str | None = None) -> dict[str, str]:
    """Returns {"model.temperature": "0.3"} from `--set model.temperature=0.3 ...` and `--data NAME`.

    Raises:
      UserError: a pair without '=', or two values for one path.
    """
    settings: dict[str, str] = {}
    for pair in [*pairs, *([f"{DATA_KEY}={data}"] if data else [])]:
        path, equals, value = pair.partition("=")
        if not equals or not path:
            raise UserError(f"--set takes path=value, such as --set seed=3, got '{pair}'")
        if settings.get(path, value) != value:
            raise UserError(f"'{path}' is set twice, to '{settings[path]}' and to '{value}'")
        settings[path] = value
    return settings
