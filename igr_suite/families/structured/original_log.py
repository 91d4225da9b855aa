"""The log line of the authors' structured output prediction: written from our metrics, and read back as numbers.

    2020-02-18 09:30:15,000 --- Epoch   10 || Test_Recon 7.21000e+01 || Train_Recon 8.10000e+01 || Temp 0.67 || GS || 0.001 || Time  9.4 sec

Test_Recon and Train_Recon are losses in nats per image; the two fields after the temperature, model and learning rate,
have no names. Source: docs/papers/igr.md, section 4, which gives the fields but not their digits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.log_lines import SEPARATOR, LogFormat, known, number_or_nan

EVALUATION = "test_nll_discrete"  # the metric that marks a row as that of an evaluation


@dataclass(frozen=True, kw_only=True)
class StructuredLine:
    """One evaluated epoch. A number that is not known is None and written as nan.

    Attributes:
      epoch: how far training had come.
      test: negative log-likelihood of the test images, of rounded units in our runs, in nats per image.
      train: training loss in nats per image.
      temperature: temperature of the units; None where none is used.
      model: name of the distribution.
      learning_rate: learning rate of the first step.
      seconds: length of the epoch.
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
        f"{line.learning_rate:g} || Time {number_or_nan(line.seconds):4.1f} sec"
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
      model, temperature, learning_rate: those of the run's config.
      seconds: length of the whole training (`train_seconds` in meta.json), divided evenly among the epochs because
        rows hold no times.
      time: the timestamp of every line.
    """
    rows = list(rows)
    training = [row for row in rows if "train_loss" in row]
    last = max((row["epoch"] for row in training), default=0)
    lines = []
    for row in rows:
        if EVALUATION not in row:
            continue
        epoch = round(row["epoch"])
        # a plain mean, since the rows of an epoch cover equally many steps
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


def _after(name: str, text: str) -> str:
    """The text after a field's name; ValueError where the field has another name."""
    own_name, _, value = text.partition(" ")
    if own_name != name:
        raise ValueError(text)
    return value.strip()


_FORMAT = LogFormat(format_line, parse_line, lines_of, EVALUATION, "igr/table_3_structured_output")
write_log, read_log = _FORMAT.write, _FORMAT.read
