"""Golden values: the last numbers of one tiny run a model family, committed, so that a change that moves results is
noticed.

    make golden                              writes tests/golden/*.json again; CONTRIBUTING.md says what a change that
                                             moves them owes
    pytest --rewrite-golden=FOLDER           writes them elsewhere: on another machine, with other threads
    python tests/golden_values.py FOLDER     prints by how much those differ

A test asks for the fixture `golden` and hands it a finished run: `golden("sbn", folder)`. The runs are those that the
tests of a family make anyway.
"""

import json
import math
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from igr_suite.lab.runs.config import flatten
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import fault_of

PLACE = Path(__file__).parent / "golden"
# Measured in tests/golden/README.md: what other threads and instruction sets move, and what a learning rate 1% higher
# moves. Numbers next to 0 (a percentile of distances, a scale that has just left 0) take ABSOLUTE.
RELATIVE, ABSOLUTE = 2e-4, 1e-6
DIGITS = 9


def numbers_of(run: RunFolder) -> dict[str, float]:
    """What a run measured: its summary, and the last metrics row with training losses; numbers only, nothing of the
    data."""
    rows = [row for row in run.metrics.rows() if any(name.startswith("train_") for name in row)]
    flat = flatten({"summary": run.summary(), "last": rows[-1] if rows else {}})
    return {
        key: value
        for name, values in flat.items()
        if not name.startswith("summary.data.")
        for key, value in _numbered(name, values)
    }


def _numbered(name: str, values: object) -> list[tuple[str, float]]:
    if isinstance(values, (tuple, list)):
        return [pair for i, value in enumerate(values) for pair in _numbered(f"{name}.{i}", value)]
    return [(name, values)] if isinstance(values, (int, float)) and not isinstance(values, bool) else []


def differences(numbers: Mapping[str, float], golden: Mapping[str, float]) -> list[str]:
    """One line for each number that is absent, new or moved."""
    lines = [f"{name}: golden {golden[name]:.9g}, absent now" for name in golden if name not in numbers]
    lines += [f"{name}: {numbers[name]:.9g}, not among the golden ones" for name in numbers if name not in golden]
    for name in golden.keys() & numbers.keys():
        if not math.isclose(numbers[name], golden[name], rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            lines.append(f"{name}: golden {golden[name]:.9g}, now {numbers[name]:.9g}")
    return sorted(lines)


def largest_differences(folder: Path, other_folder: Path) -> dict[str, tuple[float, str]]:
    """{family: (largest difference relative to max(|value|, ABSOLUTE / RELATIVE), its number)} of two folders of golden
    values."""
    largest = {}
    for path in sorted(folder.glob("*.json")):
        runs, others = (json.loads((place / path.name).read_text()) for place in (folder, other_folder))
        sizes = {
            f"{run} {name}": abs(value - others[run][name]) / max(abs(value), ABSOLUTE / RELATIVE)
            for run, values in runs.items()
            for name, value in values.items()
        }
        name = max(sizes, key=sizes.get)
        largest[path.stem] = (sizes[name], name)
    return largest


def fault_of_run(run: RunFolder) -> str:
    """The fault of a finished run, whatever its folder is called: `wholeness.fault_of` in a folder of the right
    name."""
    with tempfile.TemporaryDirectory() as place:
        link = Path(place) / run.config().run_id
        link.symlink_to(run.path.absolute())
        return fault_of(link, thorough=True)


def check_loading(run: RunFolder) -> None:
    """Asserts that `load_run` gives the networks of a run that trains some, that they measure what the run measured
    last, and that the run's folder stays as it is."""
    if not run.config().fitted:
        return
    import igr_suite  # with TensorFlow, which not all users of this file need
    from igr_suite.training import checkpoints, loading

    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    model = igr_suite.load_run(run.path)
    saved = checkpoints.latest(run.checkpoints).arrays
    assert len(saved) == len(model.state_variables()) > 0
    for variable, array in zip(model.state_variables(), saved):
        assert (variable.numpy() == array).all(), variable.name
    last = run.metrics.rows()[-1]
    measured = loading.loaded(run.path).evaluate(last["step"])
    assert measured, "the run's last row is that of an evaluation"
    for name, value in measured.items():
        assert math.isclose(value, last[name], rel_tol=RELATIVE, abs_tol=ABSOLUTE), (name, value, last[name])
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()} == before


class Whole:
    """`Golden` for runs that a test has made: they must be whole, too, as readers of results see it, and their networks
    must load."""

    def __init__(self, golden: "Golden"):
        self.golden = golden

    def __call__(self, name: str, *runs: RunFolder, leave_out: Collection[str] = ()) -> None:
        """Arguments as of `Golden`."""
        assert not [fault for fault in map(fault_of_run, runs) if fault]
        check_loading(runs[0])
        self.golden(name, *runs, leave_out=leave_out)


class Golden:
    """Compares runs with the committed values, or writes these again.

    Args:
      rewrite: whether to write.
      place: folder of the files.
    """

    def __init__(self, rewrite: bool, place: Path = PLACE):
        self.rewrite, self.place = rewrite, place

    def __call__(self, name: str, *runs: RunFolder, leave_out: Collection[str] = ()) -> None:
        """Asserts that the runs' numbers are those of <name>.json.

        Args:
          name: of the file; a family, or a family and a variant.
          runs: finished ones.
          leave_out: numbers that another CPU changes, for a reason that the caller says.
        Raises:
          AssertionError: names every number that moved.
        """
        numbers = {
            run.config().run_id: {key: value for key, value in numbers_of(run).items() if key not in leave_out}
            for run in runs
        }
        assert all(numbers.values()), f"{name}: a run without numbers"
        path = self.place / f"{name}.json"
        if self.rewrite:
            rounded = {
                run: {key: float(f"{value:.{DIGITS}g}") for key, value in values.items()}
                for run, values in numbers.items()
            }
            path.write_text(json.dumps(rounded, indent=1, sort_keys=True) + "\n")
            return
        assert path.exists(), f"{path} is absent; `make golden` writes it"
        golden = json.loads(path.read_text())
        assert sorted(golden) == sorted(numbers), (
            f"{name} holds {sorted(golden)}, and {sorted(numbers)} were run: a config has changed"
        )
        moved = [f"{run}  {line}" for run in golden for line in differences(numbers[run], golden[run])]
        shown = "\n".join(moved[:20])
        rule = "CONTRIBUTING.md, 'When results change'"
        assert not moved, (
            f"{len(moved)} of {sum(map(len, golden.values()))} golden values of {name} moved; {rule}\n{shown}"
        )


if __name__ == "__main__":
    for family, (size, name) in largest_differences(PLACE, Path(sys.argv[1])).items():
        print(f"{family:20} {size:.1e}  {name}")
