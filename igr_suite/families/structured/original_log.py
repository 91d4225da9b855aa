"""The log line of the authors' structured output prediction: written from our metrics, and read back as numbers.

    2020-02-18 09:30:15,000 --- Epoch   10 || Test_Recon 7.21000e+01 || Train_Recon 8.10000e+01 || Temp 0.67 || GS || 0.001 || Time  9.4 sec

Test_Recon and Train_Recon are losses in nats per image; the fields behind the temperature are model and learning rate,
without names. Files are those of `original_log`: `read_log(path, parse_line)` reads them. Source: docs/papers/igr.md,
section 4, which gives the fields and not their digits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.log_lines import SEPARATOR, known, number_or_nan, write_lines

EVALUATION = "test_nll_discrete"  # of a metrics row


@dataclass(frozen=True, kw_only=True)
class StructuredLine:
    """One evaluated epoch; None is a number that is not known, written as nan.

    Attributes:
      epoch: how far training was.
      test, train: negative log-likelihood of the test images (rounded units here) and training loss, nats per image.
      temperature: of the units; None where none is used.
      model: name of the distribution.
      learning_rate: of the first step.
      seconds: of the epoch.
      time: the timestamp as it stood in the file, "" without one.
    """

    epoch: int
    test: float
    train: float | None
    temperature: float | None
    model: str
    learning_rate: float
    seconds: float | None = None
    time: str = ""


def format_line(line: StructuredLine) -> str:
    """Returns the text of one evaluated epoch, with its timestamp when it has one; `parse_line` reads it."""
    return (
        f"{line.time + SEPARATOR if line.time else ''}Epoch {line.epoch:4d} || Test_Recon {line.test:.5e} || "
        f"Train_Recon {number_or_nan(line.train):.5e} || Temp {number_or_nan(line.temperature):g} || {line.model} || "
        f"{line.learning_rate:g} || "
        f"Time {number_or_nan(line.seconds):4.1f} sec"
    )


def parse_line(text: str) -> StructuredLine:
    """Returns the numbers of one line, with any five characters between timestamp and "Epoch".

    Raises:
      UserError: it is not the line of an evaluated epoch.
    """
    before, _, rest = text.partition("Epoch ")
    try:
        epoch, test, train, temperature, model, rate, seconds = (part.strip() for part in rest.split("||"))
        return StructuredLine(
            epoch=int(epoch),
            test=float(_after("Test_Recon", test)),
            train=known(_after("Train_Recon", train)),
            temperature=known(_after("Temp", temperature)),
            model=model,
            learning_rate=float(rate),
            seconds=known(_after("Time", seconds).removesuffix("sec")),
            time=before[: -len(SEPARATOR)].strip(),
        )
    except ValueError:
        raise UserError(
            f"not a line 'Epoch ... || Test_Recon ... || Train_Recon ... || ... || Time ... sec': {text.strip()!r}"
        ) from None


def lines_of(
    rows: Iterable[Mapping[str, Any]],
    *,
    model: str,
    temperature: float | None,
    learning_rate: float,
    seconds: float | None = None,
    time: str = "",
) -> list[StructuredLine]:
    """Returns one line for each evaluation among the rows of a metrics.jsonl.

    Args:
      rows: `RunFolder(path).metrics.rows()`.
      model, temperature, learning_rate: of the run's config.
      seconds: of the whole training (`train_seconds` in meta.json), spread evenly over epochs; rows hold no times.
      time: timestamp of every line.
    """
    rows = list(rows)
    training = [row for row in rows if "train_loss" in row]
    last = max((row["epoch"] for row in training), default=0)
    lines = []
    for row in rows:
        if EVALUATION not in row:
            continue
        epoch = round(row["epoch"])
        # rows divide an epoch evenly
        losses = [other["train_loss"] for other in training if epoch - 1 < other["epoch"] <= epoch]
        lines.append(
            StructuredLine(
                epoch=epoch,
                test=row[EVALUATION],
                train=sum(losses) / len(losses) if losses else None,
                temperature=temperature,
                model=model,
                learning_rate=learning_rate,
                seconds=seconds / last if seconds is not None and last else None,
                time=time,
            )
        )
    return lines


def write_log(
    rows: Iterable[Mapping[str, Any]],
    path: str | Path,
    *,
    hyper: Mapping[str, Any] | None = None,
    time: datetime | None = None,
    **more: Any,
) -> None:
    """Writes the rows of a metrics.jsonl as a log of the original's format.

    Args:
      rows, **more: as in `lines_of`.
      path: the file; replaced when it is there.
      hyper: its header.
      time: timestamp of every line; by default now.
    Raises:
      UserError: there is no evaluation among the rows, or the file cannot be written.
    """
    write_lines(
        path,
        lambda stamp: map(format_line, lines_of(rows, time=stamp, **more)),
        hyper,
        time,
        nothing=f"nothing to write to {path}: no row holds {EVALUATION}; export a run of igr/table_3_structured_output",
    )


def _after(name: str, text: str) -> str:
    """What follows a field's name and its blank."""
    found, _, value = text.partition(" ")
    if found != name:
        raise ValueError(text)
    return value.strip()
