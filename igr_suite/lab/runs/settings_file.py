"""Settings from a file: `--config FILE` is the same as one `--set` for each of its keys."""

import json
import tomllib
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError

DEEPEST, MOST = 20, 100_000  # levels and values of a file of settings; a run has some dozens, three levels deep

MERGE = "tag:yaml.org,2002:merge"  # the key `<<`


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # SafeLoader silently takes the last of two equal keys
        def construct_mapping(self, node, deep=False):
            _once(self.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE)
            return super().construct_mapping(node, deep)

        def flatten_mapping(self, node):
            super().flatten_mapping(node)  # expands what `<<` refers to, which may have references of its own
            if len(node.value) > MOST:
                raise ValueError(f"its references make a list of more than {MOST:,} values")

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _json(text: str) -> Any:
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _once(key for key, _ in pairs)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=mapping)


def _once(keys: Iterable[Any]) -> None:
    """Raises ValueError for a key that occurs twice, of which both formats would silently take the last."""
    seen = set()
    for key in keys:
        if isinstance(key, Hashable):  # the parser itself refuses all other keys
            if key in seen:
                raise ValueError(f"the key '{key}' occurs twice")
            seen.add(key)


READERS = {".json": _json, ".toml": tomllib.loads, ".yaml": _yaml, ".yml": _yaml}


def read_pairs(path: str | Path) -> list[str]:
    """Returns ["model.temperature=0.3", ...] from a JSON, TOML or YAML file; keys may be dotted or nested.

    Tuples are written as lists; YAML's !!python/tuple is refused.

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
    except ValueError as error:  # syntax errors of all formats, and bytes that are not UTF-8
        name = path.suffix[1:].upper().replace("YML", "YAML")
        raise UserError(f"--config {path} is not {name}: {error}") from None
    except RecursionError:
        raise UserError(f"--config {path} is nested too deeply; settings are nested {DEEPEST} levels at most") from None
    _check_size(content, path)
    _check_keys(content, path)
    if not isinstance(content, dict):
        raise UserError(f'--config {path} must hold keys and values, such as {{"temp": 0.3}}')
    flat = list(_leaves(content))
    try:
        _once(key for key, _ in flat)  # a dotted key and a nested one may be the same
    except ValueError as error:
        raise UserError(f"in --config {path}, {error}; leave one of them out") from None
    return [f"{key}={_text(value, key)}" for key, value in flat]


def _leaves(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields dotted keys and their values, lists as tuples."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, tuple(value) if isinstance(value, list) else value


def _check_size(content: Any, path: Path) -> None:
    """Refuses content that is too large for settings: YAML's references can make a short file endless or arbitrarily
    large."""
    waiting, count = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > DEEPEST or count > MOST:
            what = f"nested more than {DEEPEST} levels" if depth > DEEPEST else f"longer than {MOST:,} values"
            raise UserError(f"--config {path} is {what}, which no settings of a run are; name the file you mean")
        if isinstance(value, (dict, list, tuple)):
            waiting += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]


def _check_keys(content: Any, path: Path) -> None:
    """Refuses keys that are not text: in YAML they may be numbers, or words such as `on`, which means true."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise UserError(f"--config {path} has the key {key!r}, which is not text; write it in quotes")
            _check_keys(value, path)


def _text(value: Any, key: str) -> str:
    if isinstance(value, tuple) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(_text(item, key) for item in value) or "()"
    if isinstance(value, bool | None):
        return str(value).lower()
    if isinstance(value, (int, float, str)):
        return str(value)
    raise UserError(f"'{key}' in --config must be a number, a word, true, false, null or a list of them, got {value}")
