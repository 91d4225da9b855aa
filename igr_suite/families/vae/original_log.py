"""The log lines of the authors' repository: written from our metrics, and read back as numbers.

    2020-02-18 09:30:05,000 --- Hyper: temp: 0.3
    2020-02-18 09:30:15,000 --- Epoch   10 || TeELBO -1.02500e+02 || TeELBOC -1.01900e+02 || N 10 || TrL 1.03100e+02 || ...

A line begins with a timestamp and five separator characters. Te* are negated losses of the test images: TeELBO with a
sampled KL, TeELBOC with the closed-form KL, TeJV and TeJVC the same for the JointVAE loss. N is the mean number of
categories or sticks, TrL the training loss. Source: docs/papers/igr.md, section 3.7.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.log_lines import SEPARATOR, LogFormat, known, number_or_nan


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One evaluated epoch. A measurement that the model does not have is None; it is written as nan, or left out if it
    is one of the JointVAE loss.

    Attributes:
      epoch, step: how far training had come.
      elbo, elbo_closed: test ELBO in nats per image, KL sampled and in closed form.
      joint, joint_closed: negated JointVAE loss of the test images, likewise.
      n_required: mean number of categories or sticks.
      train_loss: of the epoch, negated ELBO.
      seconds: length of the epoch.
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
        f"|| i: {line.step:,d} ||"
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


def lines_of(
    rows: Iterable[Mapping[str, Any]], *, n_required: int = 0, seconds: float | None = None, time: str = ""
) -> list[LogLine]:
    """Returns one line for each evaluation among the rows of a metrics.jsonl.

    Args:
      rows: `RunFolder(path).metrics.rows()`.
      n_required: the model's number of categories; rows of a truncated model hold a number of their own.
      seconds: length of the whole training (`train_seconds` in meta.json), divided evenly among the epochs because
        rows hold no times.
      time: the timestamp of every line.
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
                train_loss=_mean([(steps, loss) for end, steps, loss in losses if epoch - 1 < end <= epoch]),
                time=time,
            )
    seconds_an_epoch = None if seconds is None or not last_epoch else seconds / last_epoch
    return [replace(line, seconds=seconds_an_epoch) for line in lines.values()]


def _mean(weighted: list[tuple[int, float]]) -> float | None:
    """The mean of values given as (weight, value); None where there is none."""
    total = sum(weight for weight, _ in weighted)
    return sum(weight * value for weight, value in weighted) / total if total else None


_FORMAT = LogFormat(format_line, parse_line, lines_of, "test_elbo_relaxed", "igr/discrete_vae or Table 1")
write_log, read_log = _FORMAT.write, _FORMAT.read
