"""Collects the content of the page for every experiment from its results folder."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.analysis import ledger
from igr_suite.lab.analysis.hypotheses import Judged, judge_all
from igr_suite.lab.analysis.results import Results, shared_and_differing
from igr_suite.lab.analysis.verdicts import verdicts_of
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.config import flatten
from igr_suite.lab.runs.store import RunFolder

MEASURES = 5  # numbers of a run's summary that the table shows
NOT_MEASURES = re.compile(r"_se$|^(steps?|epoch|data\..*|image|images|codes)$")
EVALUATIONS = "10⁶ evaluations"
FIGURES = (".svg", ".png")  # the first that exists is shown


@dataclass(frozen=True)
class RunRow:
    """One run: its state, the settings in which the runs of its scale differ, its measurements and its cost."""

    run_id: str
    state: str
    settings: dict[str, Any]
    measured: dict[str, float]
    cost: dict[str, float]


@dataclass(frozen=True)
class ScaleReport:
    """One scale of an experiment.

    Attributes:
      waiting: stage whose runs are not known yet.
      shared: settings that all runs have in common.
      faults: run folder -> why it is not whole; only its state is shown.
      verdicts: reference values beside ours; `no_verdicts` says why there are none.
      environments: description -> number of runs.
      ended: day on which the last run ended, as 2026-11-27; "" where no run says it.
    """

    scale: str
    states: Counter
    waiting: int | None
    figures: list[Path]
    tables: list[Path]
    runs: list[RunRow]
    shared: dict[str, Any]
    faults: dict[str, str]
    verdicts: list[ledger.Verdict] = field(default_factory=list)
    no_verdicts: str = ""
    environments: Counter = field(default_factory=Counter)
    ended: str = ""


@dataclass(frozen=True)
class ItemReport:
    """One experiment with its scales."""

    name: str
    title: str
    scales: list[ScaleReport]


@dataclass(frozen=True)
class PaperReport:
    """The experiments of one paper, and scale -> its claims as the runs of that scale judge them; a scale at which no
    claim is measured is left out."""

    paper: str
    items: list[ItemReport]
    claims: dict[str, list[Judged]]


def collect(names: list[str], scales: list[str], root: Path) -> list[PaperReport]:
    """Returns these experiments by paper, each with those of these scales at which a run has been started."""
    papers = []
    for paper, of_paper in itertools.groupby(names, lambda name: name.partition("/")[0]):
        experiments = {name: discovery.find(name) for name in of_paper}
        results = {
            (name, scale): Results(experiment, scale, root)
            for name, experiment in experiments.items()
            for scale in scales
        }
        items = []
        for name, experiment in experiments.items():
            reports = [_scale(results[name, scale]) for scale in scales]
            items.append(ItemReport(name, experiment.title, [report for report in reports if report is not None]))
        claims = {scale: _claims(paper, {name: results[name, scale] for name in experiments}) for scale in scales}
        papers.append(PaperReport(paper, items, {scale: judged for scale, judged in claims.items() if judged}))
    return papers


def _claims(paper: str, results: Mapping[str, Results]) -> list[Judged]:
    """Returns the paper's claims about these experiments, none unless at least one is measured."""
    if paper not in discovery.with_hypotheses():
        return []
    declared = discovery.hypotheses_module(paper).HYPOTHESES
    about = [claim for claim in declared if {evidence.item for evidence in claim.evidence} <= set(results)]
    judged = judge_all(about, results.__getitem__)
    return judged if any(claim.verdict != "not measured" for claim in judged) else []


def _scale(results: Results) -> ScaleReport | None:
    if not results.folder.exists():
        return None
    expansion = results.expansion
    settings = {run_id: flatten(config.to_dict()) for run_id, config in expansion.runs.items()}
    shared, differing = shared_and_differing(settings)
    rows, environments, ended = [], Counter(), []
    for run_id in expansion.runs:
        folder = RunFolder(results.folder / run_id)
        state, summary, meta = ("not whole", {}, {}) if run_id in results.faults else _read(folder)
        measured, cost = {}, {}
        if state not in ("absent", "not whole"):
            environments[_environment(meta)] += 1
            ended.append(meta.get("ended") or "")
            measured, cost = _measures(summary), _cost(summary, meta, expansion.runs[run_id].evaluations_per_step)
        rows.append(RunRow(run_id, state, {key: settings[run_id].get(key) for key in differing}, measured, cost))
    if all(row.state == "absent" for row in rows):
        return None
    verdicts, reason = verdicts_of(results)
    return ScaleReport(
        scale=results.scale,
        states=Counter(row.state for row in rows),
        waiting=expansion.waiting,
        figures=_figures(results.folder),
        tables=sorted(results.folder.glob("*.md"), key=lambda path: (path.name != "table.md", path.name)),
        runs=rows,
        shared=shared,
        faults=results.faults,
        verdicts=verdicts,
        no_verdicts=reason,
        environments=environments,
        ended=max(ended, default="")[:10],
    )


def _read(folder: RunFolder) -> tuple[str, dict[str, Any], dict[str, Any]]:
    try:
        return folder.status().state, flatten(folder.summary() or {}), folder.meta()
    except UserError:
        return "damaged", {}, folder.meta()


def _measures(summary: dict[str, Any]) -> dict[str, float]:
    numbers = {
        key: number
        for key, value in summary.items()
        if not NOT_MEASURES.search(key) and (number := _number(value)) is not None
    }
    first = [key for key in numbers if key.startswith("test_")]
    return {key: numbers[key] for key in [*first, *(key for key in numbers if key not in first)][:MEASURES]}


def _cost(summary: dict[str, Any], meta: dict[str, Any], evaluations: int | None) -> dict[str, float]:
    """Returns the costs of a run; `evaluations` is its `RunConfig.evaluations_per_step`."""
    steps, training = _number(summary.get("steps")), _number(meta.get("train_seconds"))
    cost = {
        "steps": steps,
        "steps/s": steps / training if steps and training else None,
        EVALUATIONS: evaluations * steps / 1e6 if evaluations and steps else None,
        "wall s": meta.get("wall_seconds"),
        "peak MB": meta.get("peak_memory_mb"),
        "parameters": meta.get("parameters"),
    }
    return {
        key: number for key, value in cost.items() if (number := _number(value)) is not None and math.isfinite(number)
    }


def _number(value: object) -> float | None:
    """Returns the value as a float; None for anything but a number, and for an integer that is too large."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return None if isinstance(value, int) and abs(value) >= 1 << 1000 else float(value)


def _environment(meta: dict[str, Any]) -> str:
    versions, git = meta.get("versions") or {}, meta.get("git") or {}
    packages = ", ".join(f"{name} {versions[name]}" for name in ("tensorflow", "keras", "numpy") if versions.get(name))
    commit = (
        f"commit {git['commit'][:8]}{' with changes' if git.get('dirty') else ''}" if git.get("commit") else "no commit"
    )
    threads, device = meta.get("threads"), meta.get("device")
    where = (
        f"{meta.get('cores', '?')} cores, {threads} thread{'s' * (threads != 1)} a run{f', {device}' if device else ''}"
    )
    return f"Python {meta.get('python', '?')}, {packages}; {commit}; {where}; {meta.get('platform', '?')}"


def _figures(folder: Path) -> list[Path]:
    figures = {path.stem: path for suffix in reversed(FIGURES) for path in folder.glob(f"*{suffix}")}
    return sorted(figures.values(), key=lambda path: (path.stem != "figure", path.name))
