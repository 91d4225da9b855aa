"""Whether the files of a finished run are all there and belong together: a partial copy laid over a run looks finished
too."""

import contextlib
import hashlib
import json
import operator
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, config_from_json, two_values
from igr_suite.lab.runs.config_classes import UnknownClass, class_of
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.metrics_log import SCHEMA
from igr_suite.lab.runs.reading import ABSENT, LARGEST, json_object, open_regular, parse_json, plain, read_regular

WAY_OUT = "copy the whole run over it (`igr merge`), or delete its folder to run it again"
FILES = ("config.json", "summary.json", "metrics.jsonl")
HEAD = b'{"schema": %d, "step": ' % SCHEMA  # how `MetricsLog` begins every row
_SEVERAL = operator.methodcaller("count", HEAD)  # rows in a line: two where what lay between them was cut out
_FIRST_NAME = re.compile(rb'"(?!schema"|step"|epoch")([^"]*)": ')
BLOCK = 1 << 20  # bytes read at once
# what all rows of one step have; everything else is measured once a step
BESIDE = frozenset({"schema", "step", "epoch"})
# what unexpected content raises
CONTENT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
INDEX = ".whole.json"  # in a scale's folder, see `remembered`
# (folder, whether it has to have the run's name, whether its class may be unknown)
# -> (its files' sizes and times, whether every line was parsed, the fault)
_known: dict[tuple[Path, bool, bool], tuple[tuple, bool, str]] = {}


class _Fault(Exception):
    """What speaks against a run, in a sentence."""


def fault_of(
    folder: Path, thorough: bool = False, config: RunConfig | None = None, named: bool = True, foreign: bool = False
) -> str:
    """Returns what speaks against a finished run, in a sentence; "" where nothing does, and for a run that is not
    finished.

    A run is whole when its config.json is of the run that its folder is named for, the steps of metrics.jsonl rise
    (rows of one step measure different things) up to the step that summary.json names, and both files agree on what
    they both hold. The metrics are read once, block by block; a run whose files have not changed since is not read
    again by this process.

    Args:
      folder: of the run.
      thorough: parse every line, and compute the config's name again; without it lines are told by their beginning and
        end, ten times faster, which misses damage inside a line that leaves both as they were.
      config: of the run that is to be there, where it is known; spares reading config.json into one.
      named: whether the folder has to have the run's name; not where a caller says which folder it means.
      foreign: whether a run of a class that nothing loaded here defines may pass; only what all runs have in common is
        looked at then.
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
        except _Fault as found:
            fault = str(found)
        except OSError as error:
            fault = f"{error.filename or folder} cannot be read: {error.strerror}"
        _known[folder, named, foreign] = known = files, thorough, fault
    return known[2]


@contextlib.contextmanager
def remembered(scale: Path) -> Iterator[None]:
    """Keeps what a quick look at the runs of a scale's folder says in a file there, so that the next process need not
    look again.

    What is kept of a run counts as long as size, dates and inode of its files are the same, so a copy of the folder is
    looked at anew.
    """
    path = scale / INDEX
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        for name, (files, fault) in parse_json(read_regular(path)).items():
            states = tuple(None if file is None else tuple(file) for file in files)
            _known.setdefault((scale / str(name), True, False), (states, False, str(fault)))
    before = {
        folder: known
        for (folder, named, foreign), known in _known.items()
        if named and not foreign and folder.parent == scale
    }
    yield
    now = {
        folder: known
        for (folder, named, foreign), known in _known.items()
        if named and not foreign and folder.parent == scale
    }
    if now != before or not path.exists():
        kept = {folder.name: (files, fault) for folder, (files, _, fault) in sorted(now.items()) if folder.exists()}
        with contextlib.suppress(UserError):  # a folder that one may only read
            write_atomically(path, json.dumps(kept).encode())


def name_fault(folder: Path) -> str:
    """Returns a sentence where a folder's config.json is of a run of another name: the folder was renamed; ""
    elsewhere."""
    try:
        _settings(folder)
    except _Fault as found:
        return str(found)
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
        return True  # what it is cannot be known, and why is said by those who read it


def _check(folder: Path, thorough: bool, config: RunConfig | None, named: bool, foreign: bool) -> None:
    settings, text = _settings(folder, named)
    try:
        kind = class_of(str(settings["kind"]), str(settings["module"]))
        if thorough or (config is None and kind.contradiction is not RunConfig.contradiction):
            config = config_from_json(text.decode(), "config.json")
    except UserError as error:
        if not (foreign and isinstance(error, UnknownClass)):
            raise _Fault(str(error)) from None
        kind = RunConfig
    except CONTENT as error:  # checks of a class on values that such a run never had
        raise _Fault(f"config.json holds what no run of its kind has ({type(error).__name__} {error})") from None
    if thorough and config is not None and config.run_id != settings["run_id"]:
        raise _Fault(f"config.json holds the settings of the run {config.run_id}")
    summary, _ = _json(folder / "summary.json")
    sealed, change = _seal_of(folder, thorough)
    rows, last = _scan(folder / "metrics.jsonl", kind.fitted, thorough and (change != "" or not sealed))
    _compare(summary, last, kind.fitted)
    if change:
        raise _Fault(change)
    if config is not None:
        try:
            words = config.contradiction(summary, last, rows)
        except CONTENT as error:
            words = f"summary.json or metrics.jsonl lacks what such a run writes ({type(error).__name__} {error})"
        if words:
            raise _Fault(words)


def _settings(folder: Path, named: bool = True) -> tuple[Mapping[str, Any], bytes]:
    """Content and text of config.json, which names the folder's run."""
    content, text = _json(folder / "config.json")
    kinds = {"kind": str, "module": str, "run_id": str, "config": dict}
    if not all(isinstance(content.get(name), kind) for name, kind in kinds.items()):
        raise _Fault("config.json is not a run's")
    if named and content["run_id"] != folder.absolute().name:
        raise _Fault(f"config.json is of the run {content['run_id']}")
    return content, text


def _json(path: Path) -> tuple[Mapping[str, Any], bytes]:
    try:
        text = read_regular(path, LARGEST)
        content = parse_json(text)
    except ABSENT:
        raise _Fault(f"{path.name} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise _Fault(f"{path.name} is damaged (not JSON)" if text else f"{path.name} is empty") from None
    except ValueError as error:
        raise _Fault(f"{path.name} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise _Fault(f"{path.name} is damaged: it is not a JSON object")
    return content, text


def _compare(summary: Mapping[str, Any], last: Mapping[str, Any] | None, fitted: bool) -> None:
    """Raises _Fault where summary and last row do not go together."""
    steps = summary.get("steps")
    if last is None:
        if fitted and steps:
            raise _Fault(f"metrics.jsonl is missing, and summary.json is of step {steps}")
        return
    if fitted and type(steps) is not int:
        raise _Fault("summary.json does not say after how many steps the run ended")
    if type(steps) is int and last["step"] != steps:
        raise _Fault(f"metrics.jsonl ends at step {last['step']}, and summary.json is of step {steps}")
    if not fitted:
        return
    both = [name for name in last if name in summary and name not in BESIDE]
    if not both:
        raise _Fault("summary.json holds nothing of what the last row of metrics.jsonl measured")
    for name in both:
        if summary[name] != last[name]:
            raise _Fault(two_values(name, summary[name], last[name]))


def seal(folder: Path) -> dict[str, Any]:
    """Returns what meta.json keeps of a run's files once it has ended: checksums of summary.json and metrics.jsonl,
    size of the latter."""
    sealed = {name: _checksum(folder / name) for name in FILES[1:]}
    return {**sealed, "bytes": sealed["metrics.jsonl"] and (folder / "metrics.jsonl").stat().st_size}


def _checksum(path: Path) -> str | None:
    """SHA-256 of a file, None where it is absent."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except ABSENT:
        return None


def _seal_of(folder: Path, thorough: bool) -> tuple[bool, str]:
    """Whether a run has a seal (older runs and those without meta.json have none), and a sentence where a file is not
    as it was then.

    Where there is a seal, no such sentence, and `thorough` was asked for, every byte is as the run wrote it: no line
    need be parsed.
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


def _scan(path: Path, regular: bool, thorough: bool) -> tuple[int, Mapping[str, Any] | None]:
    """Number of rows, and the last one (not decoded); (0, None) where there is no file. Raises _Fault.

    Args:
      path: of the metrics.
      regular: distances between steps never shrink: where one is larger than a later one, rows are missing.
      thorough: parse every line.
    """
    rows, step, line = 0, None, b""
    largest, widest = 0, 0  # the largest distance so far, and the step that it ends at
    names: frozenset[str] | None = None  # what the rows of this step measured, where there are several
    try:
        file = open_regular(path)
    except ABSENT:
        return 0, None
    with file:
        for lines in _blocks(file):
            for index, now in enumerate(_steps(lines, rows, thorough)):
                if step is None or now > step:
                    distance = now - (step or 0)
                    if regular and distance + 1 < largest:
                        raise _Fault(f"metrics.jsonl lacks rows before step {widest}")
                    if distance > largest:
                        largest, widest = distance, now
                    step, names = now, None
                    continue
                number = rows + index + 1
                if now < step:
                    raise _Fault(
                        f"line {number} of metrics.jsonl has step {now} after step {step}: rows are doubled, or in "
                        f"another order"
                    )
                if names is None:
                    names = _names(lines[index - 1] if index else line, number - 1, thorough)
                more = _names(lines[index], number, thorough)
                if not more or more & names:
                    what = f" of {min(more & names)}" if more else ""
                    raise _Fault(f"line {number} of metrics.jsonl is a second row{what} at step {step}")
                names |= more
            rows, line = rows + len(lines), lines[-1]
    if not rows:
        raise _Fault("metrics.jsonl is empty")
    return rows, _row(line, rows)


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a file, block by block. Raises _Fault."""
    while block := file.read(BLOCK):
        block += file.readline()
        if b"\0" in block:
            raise _Fault("metrics.jsonl holds zero bytes, as a power cut leaves them")
        lines = block.split(b"\n")
        if lines.pop():
            raise _Fault("metrics.jsonl ends within a line")
        yield lines


def _steps(lines: list[bytes], before: int, thorough: bool) -> list[int]:
    """The steps of rows; of lines that look as `MetricsLog` writes them without parsing these, unless `thorough`.

    Args:
      lines: without their ends.
      before: number of lines before these.
      thorough: parse all.
    """
    if thorough:
        try:
            content = b"[" + b",".join(lines) + b"]"
            parsed = json.loads(content)
            right = len(parsed) == len(lines) and all(
                row["schema"] == SCHEMA and type(row["step"]) is int for row in parsed
            )
            if right and plain(content, parsed):
                return [row["step"] for row in parsed]
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
            pass  # some line is none: the loop below names it
    else:
        begin = len(HEAD)
        heads = [
            line[begin : line.find(b",", begin)] for line in lines if line.startswith(HEAD) and line.endswith(b"}")
        ]
        if len(heads) == len(lines) and all(map(bytes.isdigit, heads)) and sum(map(_SEVERAL, lines)) == len(lines):
            with contextlib.suppress(ValueError):  # more digits than Python converts
                return list(map(int, heads))
    return [_row(line, before + index)["step"] for index, line in enumerate(lines, start=1)]


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = parse_json(line)
        if row["schema"] == SCHEMA and type(row["step"]) is int:
            return row
        reason = ""
    except json.JSONDecodeError:
        reason = ""
    except ValueError as error:
        reason = f": {error}"
    except (KeyError, TypeError):
        reason = ""
    raise _Fault(f"line {number} of metrics.jsonl is not a metrics row{reason}")


def _names(line: bytes, number: int, thorough: bool) -> frozenset[str]:
    """What a row measures; unless `thorough`, the first of these names, which rows of one step do not share either."""
    if not thorough and (found := _FIRST_NAME.search(line)):
        return frozenset({found[1].decode(errors="replace")})
    return frozenset(_row(line, number)) - BESIDE
