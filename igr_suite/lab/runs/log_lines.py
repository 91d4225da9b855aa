"""Log files in the authors' formats: a header, then a line for every evaluated epoch."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import write_atomically

SEPARATOR = " --- "
WAY_OUT = "delete that line to read the rest"


@dataclass(frozen=True)
class Log:
    """A log file: its `Hyper: key: value` header as text, and its lines."""

    hyper: dict[str, str] = field(default_factory=dict)
    lines: list = field(default_factory=list)


@dataclass(frozen=True)
class LogFormat:
    """The log files of one kind of run.

    Attributes:
      format_line: line -> its text.
      parse_line: text -> line; raises UserError for a text that is no line.
      lines_of: (rows of a metrics.jsonl, time=timestamp, further settings) -> lines.
      evaluation: the metric that marks a row as that of an evaluation.
      runs: the runs that have such rows, for the sentence about rows without one.
    """

    format_line: Callable[[Any], str]
    parse_line: Callable[[str], Any]
    lines_of: Callable[..., Iterable[Any]]
    evaluation: str
    runs: str

    def write(
        self,
        rows: Iterable[Mapping[str, Any]],
        path: str | Path,
        *,
        hyper: Mapping[str, Any] | None = None,
        time: datetime | None = None,
        **settings: Any,
    ) -> None:
        """Writes the rows of a metrics.jsonl as a log of the original's format.

        Args:
          rows: `RunFolder(path).metrics.rows()`.
          path: the file; replaced when it is there.
          hyper: values for the header.
          time: timestamp of every line; by default now.
          **settings: what `lines_of` takes beside the rows.
        Raises:
          UserError: there is no evaluation among the rows, or the file cannot be written.
        """
        stamp = f"{time or datetime.now():%Y-%m-%d %H:%M:%S,000}"
        texts = [self.format_line(line) for line in self.lines_of(rows, time=stamp, **settings)]
        if not texts:
            raise UserError(f"nothing to write to {path}: no row holds {self.evaluation}; export a run of {self.runs}")
        header = [f"{stamp}{SEPARATOR}Hyper: {key}: {value}" for key, value in (hyper or {}).items()]
        write_atomically(Path(path), "".join(f"{text}\n" for text in [*header, *texts]).encode())

    def read(self, path: str | Path) -> Log:
        """Returns header and lines of a log file. Other text is passed over, and so is a last line that a crash cut
        off.

        Raises:
          UserError: the file cannot be read, or the line of an epoch is damaged; names file and line.
        """
        path = Path(path)
        try:
            texts = path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
        log = Log()
        for number, text in enumerate(texts, start=1):
            if "Hyper: " in text:
                key, _, value = text.partition("Hyper: ")[2].strip().partition(": ")
                log.hyper[key] = value
            elif "Epoch " in text and "||" in text:
                try:
                    log.lines.append(self.parse_line(text))
                except UserError as error:
                    if number < len(texts) or text.endswith("\n"):
                        raise UserError(f"{path}, line {number} is {error}; {WAY_OUT}") from None
        return log


def number_or_nan(value: float | None) -> float:
    """Returns a number for a log, in which an unknown value is written as nan."""
    return math.nan if value is None else value


def known(text: str | None) -> float | None:
    """Returns a number read from a log; None where it is absent or nan."""
    value = math.nan if text is None else float(text)
    return None if math.isnan(value) else value
