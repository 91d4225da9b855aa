"""The log lines of the authors' repository: written from our metrics, and read back as numbers.

    2020-02-18 09:30:05,000 --- Hyper: temp: 0.3
    2020-02-18 09:30:15,000 --- Epoch   10 || TeELBO -1.02500e+02 || TeELBOC -1.01900e+02 || N 10 || TrL 1.03100e+02 || ...

A line begins with a timestamp and five separator characters. Te* are negated losses of the test images (TeELBO: sampled
KL; TeELBOC: closed-form KL; TeJV, TeJVC: the same of the JointVAE loss), N the mean number of categories or sticks, TrL
the training loss. Source: docs/papers/igr.md, section 3.7.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.log_lines import SEPARATOR, known, number_or_nan, write_lines

WAY_OUT = "delete that line to read the rest"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One evaluated epoch; None is a measurement that the model does not have, written as nan (or left out: the
    JointVAE ones).

    Attributes:
      epoch, step: how far training was.
      elbo, elbo_closed: test ELBO in nats per image, KL sampled and in closed form.
      joint, joint_closed: negated JointVAE loss of the test images, likewise.
      n_required: mean number of categories or sticks.
      train_loss: of the epoch, negated ELBO.
      seconds: of the epoch.
      time: the timestamp as it stood in the file, "" without one.
    """

    epoch: int
    step: int
    elbo: float | None
    elbo_closed: float | None = None
    joint: float | None = None
    joint_closed: float | None = None
    n_required: int = 0
    train_loss: float | None = None
    seconds: float | None = None
    time: str = ""


@dataclass(frozen=True)
class Log:
    """A log file: its `Hyper: key: value` header as text, and its lines."""

    hyper: dict[str, str] = field(default_factory=dict)
    lines: list = field(default_factory=list)


def format_line(line: LogLine) -> str:
    """Returns the text of one evaluated epoch, with its timestamp when it has one; `parse_line` reads it."""
    joint = (
        f"TeJV {number_or_nan(line.joint):.5e} || TeJVC {number_or_nan(line.joint_closed):.5e} || "
        if line.joint is not None
        else ""
    )
    return (
        f"{line.time + SEPARATOR if line.time else ''}Epoch {line.epoch:4d} || "
        f"TeELBO {number_or_nan(line.elbo):.5e} || TeELBOC {number_or_nan(line.elbo_closed):.5e} || {joint}"
        f"N {line.n_required:2d} || TrL {number_or_nan(line.train_loss):.5e} || {number_or_nan(line.seconds):4.1f} sec "
        f"|| i: "
        f"{line.step:,d} ||"
    )


def parse_line(text: str) -> LogLine:
    """Returns the numbers of one line, with any five characters between timestamp and "Epoch".

    Raises:
      UserError: it is not the line of an evaluated epoch.
    """
    before, epoch, rest = text.partition("Epoch ")
    tokens = {}
    for part in (epoch + rest).split("||"):
        name, _, value = part.strip().partition(" ")  # a name ends at its blank, so TeELBO is not TeELBOC
        if value.strip() == "sec":
            name, value = "sec", name
        tokens[name] = value.strip()
    try:
        return LogLine(
            epoch=int(tokens["Epoch"]),
            step=int(tokens["i:"].replace(",", "")),
            elbo=known(tokens["TeELBO"]),
            elbo_closed=known(tokens.get("TeELBOC")),
            joint=known(tokens.get("TeJV")),
            joint_closed=known(tokens.get("TeJVC")),
            n_required=int(tokens["N"]),
            train_loss=known(tokens["TrL"]),
            seconds=known(tokens.get("sec")),
            time=before[: -len(SEPARATOR)].strip(),
        )
    except (KeyError, ValueError):
        raise UserError(f"not a line 'Epoch ... || TeELBO ... || ... || i: ... ||': {text.strip()!r}") from None


def read_log(path: str | Path, parse: Callable[[str], Any] = parse_line) -> Log:
    """Returns header and lines of a log file; what else was logged is passed over, and so is a last line that a crash
    cut off.

    Args:
      path: the file.
      parse: reads one line; that of structured output prediction is in `original_structured_log`.
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
                log.lines.append(parse(text))
            except UserError as error:
                if number < len(texts) or text.endswith("\n"):
                    raise UserError(f"{path}, line {number} is {error}; {WAY_OUT}") from None
    return log


def lines_of(
    rows: Iterable[Mapping[str, Any]], *, n_required: int = 0, seconds: float | None = None, time: str = ""
) -> list[LogLine]:
    """Returns one line for each evaluation among the rows of a metrics.jsonl.

    Args:
      rows: `RunFolder(path).metrics.rows()`.
      n_required: of the model; rows of a truncated model hold their own.
      seconds: of the whole training (`train_seconds` in meta.json), spread evenly over epochs; rows hold no times.
      time: timestamp of every line.
    """
    lines, losses, trained_to, last_epoch = {}, [], 0, 0
    for row in rows:
        if "train_elbo" in row:
            losses.append((row["epoch"], row["step"] - trained_to, -row.get("train_jointvae", row["train_elbo"])))
            trained_to, last_epoch = row["step"], max(last_epoch, row["epoch"])
        if "test_elbo_relaxed" in row:
            epoch = round(row["epoch"])
            lines[row["step"]] = LogLine(
                epoch=epoch,
                step=row["step"],
                elbo=row["test_elbo_relaxed"],
                elbo_closed=row.get("test_elbo_relaxed_closed"),
                joint=row.get("test_jointvae"),
                joint_closed=row.get("test_jointvae_closed"),
                n_required=round(row.get("test_n_required", n_required)),
                train_loss=_mean([(steps, loss) for at, steps, loss in losses if epoch - 1 < at <= epoch]),
                time=time,
            )
    each = None if seconds is None or not last_epoch else seconds / last_epoch
    return [LogLine(**{**vars(line), "seconds": each}) for line in lines.values()]


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
      rows: as in `lines_of`.
      path: the file; replaced when it is there.
      hyper: its header.
      time: timestamp of every line; by default now.
      **more: `n_required` and `seconds` of `lines_of`.
    Raises:
      UserError: there is no evaluation among the rows, or the file cannot be written.
    """
    write_lines(
        path,
        lambda stamp: map(format_line, lines_of(rows, time=stamp, **more)),
        hyper,
        time,
        nothing=f"nothing to write to {path}: no row holds test_elbo_relaxed; export a run of igr/discrete_vae or "
        f"Table 1",
    )


def _mean(weighted: list[tuple[int, float]]) -> float | None:
    total = sum(weight for weight, _ in weighted)
    return sum(weight * value for weight, value in weighted) / total if total else None
