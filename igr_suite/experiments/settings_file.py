"""Settings from a file: `--config FILE` is the same as one `--set` for each of its keys."""

import json
import tomllib
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments.config import flatten


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # the safe one takes the last of two equal keys without a word
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = [key for key in keys if keys.count(key) > 1]
            if twice:
                raise ValueError(f"the key '{twice[0]}' stands there twice")
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


READERS = {".json": json.loads, ".toml": tomllib.loads, ".yaml": _yaml, ".yml": _yaml}


def read_pairs(path: str | Path) -> list[str]:
    """Returns ["model.temperature=0.3", ...] from a JSON, TOML or YAML file; keys may be dotted or nested.

    Tuples are written as lists, YAML's !!python/tuple is refused.

    Raises:
      UserError: the file cannot be read, has another format, or holds what no setting can be.
    """
    path = Path(path).expanduser()
    if path.suffix not in READERS:
        raise UserError(f"--config takes a {', '.join(READERS)} file, got '{path}'")
    try:
        content = READERS[path.suffix](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read --config {path}: {error.strerror}") from None
    except ValueError as error:  # all formats' errors, and bytes that are no text
        name = path.suffix[1:].upper().replace("YML", "YAML")
        raise UserError(f"--config {path} is not {name}: {error}") from None
    _check_keys(content, path)
    if not isinstance(content, dict):
        raise UserError(f'--config {path} must hold keys and values, such as {{"temp": 0.3}}')
    return [f"{key}={_text(value, key)}" for key, value in flatten(content).items()]


def _check_keys(content: Any, path: Path) -> None:
    """YAML's keys may be numbers, or words such as `on` that it takes for true."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise UserError(f"--config {path} has the key {key!r}, which is no text; write it in quotes")
            _check_keys(value, path)


def _text(value: Any, key: str) -> str:
    if isinstance(value, tuple) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(_text(item, key) for item in value) or "()"
    if isinstance(value, bool | None):
        return str(value).lower()
    if isinstance(value, (int, float, str)):
        return str(value)
    raise UserError(f"'{key}' in --config must be a number, a word, true, false, null or a list of them, got {value}")
