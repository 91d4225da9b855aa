"""Writes docs/reproductions.md, the costs of every reproduction at each scale: `python -m
igr_suite.report.reproductions`.

Times come from the committed runs (`lab/running/estimates.py`), so the page has to be written again when longer runs
have been added.
"""

from pathlib import Path

import pandas as pd

from igr_suite.lab.running import discovery
from igr_suite.lab.running.estimates import estimate, hours, measured_runs
from igr_suite.lab.running.experiment import Experiment, expand
from igr_suite.lab.running.places import repository, scale_folder
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.tables import markdown
from igr_suite.report.papers import paper_title

PLACE = Path(__file__).parents[2] / "docs" / "reproductions.md"
HEAD = """# Reproductions and what they cost

Written by `python -m igr_suite.report.reproductions`; do not edit.

`smoke` takes seconds and shows that everything is in its place, `quick` takes minutes and is what most of the committed results are, and
`paper` has the published number of steps, seeds and temperatures. The columns describe the paper scale: the number of runs that are
finished here and in all, the processor hours of all runs together, and the memory of one run. Every run uses one thread. Hours are
estimated from the measured times of finished runs of the same kind, on two cores of a server of 2026; where only short runs are finished
the estimate may be wrong by a factor of two, because the start of a run weighs heavily in them. A plus sign means that a later stage adds
runs which depend on the results of the first.

    igr run NAME --scale paper --dry-run      # the same estimate for what is left to do, and every run's state
    igr run NAME --scale paper --jobs 8       # on one machine; stop it at any moment and start the same command again

On a cluster every run is one task of a job array ([docs/cluster.md](cluster.md)); `HH` is about twice the
time of the longest run, and a task that needs longer saves itself and goes on in a new one:

    igr submit NAME --scale paper --image igr_suite.sif --time HH:00:00 --memory MEMORY
"""


def document() -> str:
    """Returns the text of the page."""
    papers: dict[str, list[Experiment]] = {}
    for name in discovery.names():
        experiment = discovery.find(name)
        papers.setdefault(experiment.paper, []).append(experiment)
    return HEAD + "".join(_section(paper, experiments) for paper, experiments in papers.items())


def _section(paper: str, experiments: list[Experiment]) -> str:
    rows = [row(experiment) for experiment in experiments]
    lines = [line for cells in rows if (line := cells.pop("submit"))]
    submit = "\n    ".join(lines)
    return f"\n## {paper_title(paper)}\n\n{markdown(pd.DataFrame(rows))}" + (f"\n    {submit}\n" if lines else "")


def row(experiment: Experiment) -> dict[str, str]:
    """Returns the cells of one reproduction, by column; "submit" is the command line, empty where nothing is left to
    run."""
    root = repository() / "results"
    folder = scale_folder(root, experiment, "paper")
    expansion = expand(experiment, "paper", folder)
    finished = sum(RunFolder(folder / run_id).finished for run_id in expansion.runs)
    measured = measured_runs(experiment, root)
    whole = estimate(expansion.runs, {}, measured)
    memory = max((run.memory for run in measured if run.memory is not None), default=None)
    known = whole.unknown < whole.runs
    return {
        "reproduction": f"[{experiment.name}](../reproductions/{experiment.name}/README.md)",
        "what it shows": experiment.title,
        "smoke / quick, min": " / ".join(_minutes(experiment.minutes.get(scale)) for scale in ("smoke", "quick")),
        "runs": f"{finished} of {len(expansion.runs)}{'+' * (expansion.waiting is not None)}",
        "processor time": hours(whole.seconds) if known else "-",
        "longest run": hours(whole.longest) if known else "-",
        "memory": "-" if memory is None else f"{memory / 1024:.1f} GB",
        "submit": _submit(experiment.name, whole.longest, memory) if known and finished < len(expansion.runs) else "",
    }


def _minutes(minutes: float | None) -> str:
    return "-" if minutes is None else f"{minutes:g}"


def _submit(name: str, longest: float, memory: int | None) -> str:
    limit = min(48, max(1, round(2 * longest / 3600)))
    wanted = 2 if memory is None else round(memory / 1024 + 1)
    return f"igr submit {name} --scale paper --image igr_suite.sif --time {limit}:00:00 --memory {wanted}G"


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
