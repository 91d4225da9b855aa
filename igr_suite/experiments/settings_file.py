"""Settings from a file: `--config FILE` is the same as one `--set` for each of its keys."""

import json
import tomllib
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments.config import flatten

READERS = {".json": json.loads, ".toml": tomllib.loads}


def read_pairs(path: str | Path) -> list[str]:
    """Returns ["model.temperature=0.3", ...] from a JSON or TOML file; keys may be dotted or nested.

    Raises:
      UserError: the file cannot be read, has another format, or holds what no setting can be.
    """
    path = Path(path).expanduser()
    if path.suffix not in READERS:
        yaml = " (PyYAML is not among the requirements)" if path.suffix in (".yaml", ".yml") else ""
        raise UserError(f"--config takes a .json or .toml file{yaml}, got '{path}'")
    try:
        content = READERS[path.suffix](path.read_text())
    except OSError as error:
        raise UserError(f"cannot read --config {path}: {error.strerror}") from None
    except ValueError as error:  # both formats' errors, and bytes that are no text
        raise UserError(f"--config {path} is not {path.suffix[1:].upper()}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f'--config {path} must hold keys and values, such as {{"temp": 0.3}}')
    return [f"{key}={_text(value, key)}" for key, value in flatten(content).items()]


def _text(value: Any, key: str) -> str:
    if isinstance(value, tuple) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(_text(item, key) for item in value) or "()"
    if isinstance(value, bool | None):
        return str(value).lower()
    if isinstance(value, (int, float, str)):
        return str(value)
    raise UserError(f"'{key}' in --config must be a number, a word, true, false, null or a list of them, got {value}")
