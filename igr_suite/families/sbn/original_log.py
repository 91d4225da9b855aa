"""What the REBAR authors' script prints, an epoch at a time: written from our metrics, and read back as numbers.

    Step 2084: [-231.03 0.371 1 1.04 1.02 1.05 1.03 1 1 1 1]
    -3.647
    Valid 41680: [-110.2]
    Test 41680: [-109.8]

The vector holds means over the epoch; which ones depends on the model (`vector`). The second line is the log of the
epoch's mean variance of the gradient; in tracking mode it holds one "name: value" for each estimator, ordered by name.
Valid and Test hold the multi-sample bound. Digits and line breaks are ours: the reader takes vectors over several
lines, as NumPy prints long ones, and skips whatever else a script printed. Source: docs/papers/rebar.md, section 3.1.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.families.sbn.config import SHORT_NAMES, TRACKED, SBNConfig
from igr_suite.lab.analysis.epoch_means import epoch_means

HEAD = re.compile(r"(Step|Valid|Test) (\d+): (\[.*)")
NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf|nan)"
PAIR = re.compile(rf"(\w+): ({NUMBER})")
BOUNDS = {"Valid": "validation", "Test": "test"}
MEANS = {
    "reinforce": ("elbo", "signal_rms"),
    "nvil": ("elbo",),
    "simple_muprop": ("elbo", "mean_field"),
    "muprop": ("elbo", "mean_field"),
    "concrete": ("elbo", "relaxed"),
    "rebar": ("elbo",),
    "dynamic_rebar": ("elbo", "temperature"),
    "track": (
        "elbo",
        "temperature",
        "temperature_slope",
        "temperature_slope_square",
        *[f"deviation_{name}" for name in TRACKED],
    ),
}


@dataclass(frozen=True)
class EpochEntry:
    """One "Step" line and the line after it.

    Attributes:
      step: at the epoch's end.
      vector: numbers of the model.
      log_variance: by estimator; {"": value} where there is one estimator.
    """

    step: int
    vector: tuple[float, ...]
    log_variance: Mapping[str, float]


@dataclass(frozen=True)
class BoundEntry:
    """One "Valid" or "Test" line.

    Attributes:
      split: "Valid" or "Test".
      step: of the evaluation.
      values: its numbers, the first of which is the multi-sample bound.
    """

    split: str
    step: int
    values: tuple[float, ...]


def variable_names(config: SBNConfig) -> list[str]:
    """Every variable's name in the authors' order: prior, q_0_W, q_0_b, ..., p_1_W, p_1_b, p_0_W, p_0_b."""
    tensors = [f"{kind}{number}" for number in ((1, 2, 3) if config.nonlinear else ("",)) for kind in ("W", "b")]
    predicts = config.task == "sp"
    without_prior = predicts and (config.sp_generator == "historical" or config.layers == 1)
    prior = [] if without_prior else [f"prior_{tensor}" for tensor in tensors] if predicts else ["prior"]
    networks = [f"q_{k}" for k in range(config.layers)] + [
        f"p_{k}" for k in reversed(range(1 if without_prior else config.layers))
    ]
    return [*prior, *[f"{network}_{tensor}" for network in networks for tensor in tensors]]


def vector(config: SBNConfig, row: Mapping[str, Any]) -> tuple[float, ...]:
    """The numbers after "Step": means over the epoch of what `MEANS` names; then REBAR's etas, one per variable, or,
    for tracking, the log of the squared mean gradient.

    Args:
      config: of the model; REBAR's has an eta for each variable.
      row: of `epoch_means`.
    """
    numbers = [row[f"train_{name}"] for name in MEANS[config.estimator]]
    if config.estimator in ("rebar", "dynamic_rebar"):
        # the generator's etas stay at 1 and are not logged
        numbers += [row.get(f"train_eta_{name}", 1.0) for name in variable_names(config)]
    if config.estimator == "track":
        numbers.append(row.get("log_train_mean_square", -math.inf))
    return tuple(numbers)


def entries_of(config: SBNConfig, rows: Iterable[Mapping[str, Any]]) -> list[EpochEntry | BoundEntry]:
    """What the script would have printed of a run, in order.

    Args:
      config: of the model.
      rows: `RunFolder(path).metrics.rows()`.
    Raises:
      UserError: the script has no such model (RELAX), or none with etas of that scope.
    """
    if config.estimator not in MEANS or config.eta_scope not in (None, "variable"):
        what = f"model.eta_scope={config.eta_scope}" if config.estimator in MEANS else f"estimator {config.estimator}"
        raise UserError(f"the authors' script has no {what}, so that its lines cannot be written; read metrics.jsonl")
    rows, entries = list(rows), []
    for mean in epoch_means(rows):
        names = {SHORT_NAMES[name]: name for name in TRACKED} if config.estimator == "track" else {"": ""}
        logs = {
            shown: mean.get("log_train_variance" + (f"_{name}" if name else ""), -math.inf)
            for shown, name in sorted(names.items())
        }
        entries.append(EpochEntry(mean["step"], vector(config, mean), logs))
        for split, site in BOUNDS.items():
            values = [_most_samples(row, f"{site}_iw_bound_") for row in rows if row["step"] == mean["step"]]
            entries += [BoundEntry(split, mean["step"], (value,)) for value in values if value is not None]
    return entries


def format_entry(entry: EpochEntry | BoundEntry) -> str:
    """The text of an entry, which `parse` reads."""
    if isinstance(entry, BoundEntry):
        return f"{entry.split} {entry.step}: {_array(entry.values)}"
    logs = entry.log_variance
    second = (
        f"{logs['']:.9g}" if list(logs) == [""] else ", ".join(f"{name}: {value:.9g}" for name, value in logs.items())
    )
    return f"Step {entry.step}: {_array(entry.vector)}\n{second}"


def parse(text: str) -> list[EpochEntry | BoundEntry]:
    """Returns the entries of a log, without a last one that a crash cut off.

    Raises:
      UserError: a vector or a log variance is damaged; it names the line.
    """
    lines, entries, i = text.splitlines(), [], 0
    while i < len(lines):
        first, head = i, HEAD.match(lines[i].strip())
        i += 1
        if not head:
            continue
        array = head[3]
        while "]" not in array and i < len(lines) and not HEAD.match(lines[i].strip()):
            array, i = f"{array} {lines[i].strip()}", i + 1
        logs = None
        if head[1] == "Step" and "]" in array and i < len(lines):
            logs, i = lines[i].strip(), i + 1
        if i >= len(lines) and ("]" not in array or (head[1] == "Step" and logs is None)):
            break
        try:
            if not array.endswith("]"):
                raise ValueError
            numbers, step = tuple(float(word) for word in array.strip("[]").split()), int(head[2])
            entries.append(
                EpochEntry(step, numbers, _logs(logs)) if head[1] == "Step" else BoundEntry(head[1], step, numbers)
            )
        except ValueError:
            raise UserError(
                f"line {first + 1} is not '{head[1]} N: [numbers]' with its log variance: {lines[first]!r}"
            ) from None
    return entries


def read_log(path: str | Path) -> list[EpochEntry | BoundEntry]:
    """Returns the entries of a log file.

    Raises:
      UserError: the file cannot be read or is damaged; it names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        return parse(text)
    except UserError as error:
        raise UserError(f"{path}, {error}; delete that entry to read the rest") from None


def _array(values: Iterable[float]) -> str:
    return f"[{' '.join(f'{value:.9g}' for value in values)}]"


def _logs(text: str) -> dict[str, float]:
    pairs = PAIR.findall(text)
    return {name: float(value) for name, value in pairs} if pairs else {"": float(text)}


def _most_samples(row: Mapping[str, Any], prefix: str) -> float | None:
    """The bound with the most samples in a row; None where the row has no bound."""
    names = [name for name in row if name.startswith(prefix) and not name.endswith("_se")]  # not their standard errors
    return row[max(names, key=lambda name: int(name.removeprefix(prefix)))] if names else None
