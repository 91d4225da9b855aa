"""Checks that the files of a finished run are complete and belong together: a partial copy over another run looks
finished too."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, config_from_json, two_values
from igr_suite.lab.runs.config_classes import UnknownClass, class_of
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.metrics_scan import BESIDE, Fault, scan
from igr_suite.lab.runs.reading import ABSENT, LARGEST, json_object, open_regular, parse_json, read_regular

WAY_OUT = "copy the whole run over it (`igr merge`), or delete its folder to run it again"
FILES = ("config.json", "summary.json", "metrics.jsonl")
# exceptions that unexpected content raises
CONTENT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
INDEX = ".whole.json"  # in a scale's folder, see `remembered`
# (folder, whether it must have the run's name, whether its class may be unknown)
# -> (its files' sizes and times, whether every line was parsed, the fault)
_known: dict[tuple[Path, bool, bool], tuple[tuple, bool, str]] = {}


def fault_of(
    folder: Path, thorough: bool = False, config: RunConfig | None = None, named: bool = True, foreign: bool = False
) -> str:
    """Returns the fault of a finished run's files in a sentence; "" where there is none, and for a run that is not
    finished.

    A run is whole when config.json belongs to the run that its folder is named for, the steps of metrics.jsonl rise
    (rows of one step hold different quantities) up to the step in summary.json, and these two files agree on what both
    hold. The metrics are read once, block by block; a run whose files have not changed is not read again by this
    process.

    Args:
      folder: the run's folder.
      thorough: whether to parse every line and compute the run's name again. Otherwise only the beginning and the end
        of each line are checked, which is ten times faster and misses damage between them.
      config: the config of the expected run, where it is known, which saves building it from config.json.
      named: whether the folder must have the run's name; not where the user names the folder.
      foreign: whether a run whose class no loaded code defines may pass; only what all runs have in common is then
        checked.
    """
    files = tuple(_state(folder / name) for name in FILES)
    if files[1] is None:
        return (
            "there is a file or a broken link in the place of its folder"
            if os.path.lexists(folder) and not _is_folder(folder)
            else ""
        )
    known = _known.get((folder, named, foreign))
    if known is None or known[0] != files or (thorough and not known[1] and not known[2]):
        try:
            _check(folder, thorough, config, named, foreign)
            fault = ""
        except Fault as error:
            fault = str(error)
        except OSError as error:
            fault = f"{error.filename or folder} cannot be read: {error.strerror}"
        _known[folder, named, foreign] = known = files, thorough, fault
    return known[2]


@contextlib.contextmanager
def remembered(scale: Path) -> Iterator[None]:
    """Keeps the results of quick checks of a scale's runs in a file of its folder, so that the next process need not
    repeat them.

    A result holds as long as the size, dates and inode of the run's files are the same, so a copy of the folder is
    checked anew.
    """
    path = scale / INDEX
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        for name, (files, fault) in parse_json(read_regular(path)).items():
            states = tuple(None if file is None else tuple(file) for file in files)
            _known.setdefault((scale / str(name), True, False), (states, False, str(fault)))
    before = _known_below(scale)
    yield
    after = _known_below(scale)
    if after != before or not path.exists():
        kept = {folder.name: (files, fault) for folder, (files, _, fault) in sorted(after.items()) if folder.exists()}
        with contextlib.suppress(UserError):  # a folder that one may only read
            write_atomically(path, json.dumps(kept).encode())


def _known_below(scale: Path) -> dict[Path, tuple[tuple, bool, str]]:
    """Returns what is known of the runs of a scale that have their own names and a class that is known."""
    return {
        folder: known
        for (folder, named, foreign), known in _known.items()
        if named and not foreign and folder.parent == scale
    }


def name_fault(folder: Path) -> str:
    """Returns a sentence where a folder was renamed, so that its config.json belongs to a run of another name; ""
    elsewhere."""
    try:
        _settings(folder)
    except Fault as error:
        return str(error)
    except OSError:
        pass
    return ""


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        state = path.stat()
    except ABSENT:
        return None
    except OSError as error:
        return error.errno or 0, 0, 0, 0
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True  # unknown; reading it reports the reason


def _check(folder: Path, thorough: bool, config: RunConfig | None, named: bool, foreign: bool) -> None:
    settings, text = _settings(folder, named)
    try:
        kind = class_of(str(settings["kind"]), str(settings["module"]))
        if thorough or (config is None and kind.contradiction is not RunConfig.contradiction):
            config = config_from_json(text.decode(), "config.json")
    except UserError as error:
        if not (foreign and isinstance(error, UnknownClass)):
            raise Fault(str(error)) from None
        kind = RunConfig
    except CONTENT as error:  # raised by a class's checks for values that no such run has
        raise Fault(f"config.json holds what no run of its kind has ({type(error).__name__} {error})") from None
    if thorough and config is not None and config.run_id != settings["run_id"]:
        raise Fault(f"config.json holds the settings of the run {config.run_id}")
    summary, _ = _json(folder / "summary.json")
    sealed, change = _seal_of(folder, thorough)
    rows, last = scan(folder / "metrics.jsonl", kind.fitted, thorough and (change != "" or not sealed))
    _compare(summary, last, kind.fitted)
    if change:
        raise Fault(change)
    if config is not None:
        try:
            words = config.contradiction(summary, last, rows)
        except CONTENT as error:
            words = f"summary.json or metrics.jsonl lacks what such a run writes ({type(error).__name__} {error})"
        if words:
            raise Fault(words)


def _settings(folder: Path, named: bool = True) -> tuple[Mapping[str, Any], bytes]:
    """Returns the content and the text of config.json. Raises Fault."""
    content, text = _json(folder / "config.json")
    kinds = {"kind": str, "module": str, "run_id": str, "config": dict}
    if not all(isinstance(content.get(name), kind) for name, kind in kinds.items()):
        raise Fault("config.json is not a run's")
    if named and content["run_id"] != folder.absolute().name:
        raise Fault(f"config.json is of the run {content['run_id']}")
    return content, text


def _json(path: Path) -> tuple[Mapping[str, Any], bytes]:
    try:
        text = read_regular(path, LARGEST)
        content = parse_json(text)
    except ABSENT:
        raise Fault(f"{path.name} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Fault(f"{path.name} is damaged (not JSON)" if text else f"{path.name} is empty") from None
    except ValueError as error:
        raise Fault(f"{path.name} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise Fault(f"{path.name} is damaged: it is not a JSON object")
    return content, text


def _compare(summary: Mapping[str, Any], last: Mapping[str, Any] | None, fitted: bool) -> None:
    """Raises Fault where the summary and the last row contradict each other."""
    steps = summary.get("steps")
    if last is None:
        if fitted and steps:
            raise Fault(f"metrics.jsonl is missing, and summary.json is of step {steps}")
        return
    if fitted and type(steps) is not int:
        raise Fault("summary.json does not say after how many steps the run ended")
    if type(steps) is int and last["step"] != steps:
        raise Fault(f"metrics.jsonl ends at step {last['step']}, and summary.json is of step {steps}")
    if not fitted:
        return
    both = [name for name in last if name in summary and name not in BESIDE]
    if not both:
        raise Fault("summary.json holds nothing of what the last row of metrics.jsonl measured")
    for name in both:
        if summary[name] != last[name]:
            raise Fault(two_values(name, summary[name], last[name]))


def seal(folder: Path) -> dict[str, Any]:
    """Returns the seal that meta.json keeps of an ended run: the checksums of summary.json and metrics.jsonl, and the
    size of the latter."""
    sealed = {name: _checksum(folder / name) for name in FILES[1:]}
    return {**sealed, "bytes": sealed["metrics.jsonl"] and (folder / "metrics.jsonl").stat().st_size}


def _checksum(path: Path) -> str | None:
    """Returns the SHA-256 of a file, None where it is absent."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except ABSENT:
        return None


def _seal_of(folder: Path, thorough: bool) -> tuple[bool, str]:
    """Returns whether a run has a seal (older runs and those without meta.json have none), and a sentence where a file
    does not match it.

    Where a thorough check finds that the seal matches, every byte is as the run wrote it, and no line need be parsed.
    """
    sealed = json_object(folder / "meta.json").get("sealed")
    if not isinstance(sealed, dict):
        return False, ""
    metrics = folder / "metrics.jsonl"
    same = {
        "summary.json": sealed.get("summary.json") == _checksum(folder / "summary.json"),
        "metrics.jsonl": sealed.get("bytes") == (metrics.stat().st_size if metrics.exists() else None)
        and (not thorough or sealed.get("metrics.jsonl") == _checksum(metrics)),
    }
    changed = [name for name, equal in same.items() if not equal]
    return (
        True,
        f"{changed[0]} has been changed since the run ended (meta.json holds another checksum)" if changed else "",
    )
