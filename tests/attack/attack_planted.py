"""A results folder that contains code: every verb reads it, and none of the code runs.

The planted files write a mark when they are imported, unpickled or constructed; the marks must stay absent.
"""

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

from attack_common import NAME, READERS, SCALE, Row, World, placed

MARK = (
    "from pathlib import Path\nPath({mark!r}).mkdir(parents=True, exist_ok=True)\n(Path({mark!r}) / (__name__ + "
    "'.mark')).touch()\n"
)
CLASS = """
from dataclasses import dataclass
from typing import ClassVar
from igr_suite.lab.runs.config import RunConfig

@dataclass(frozen=True, kw_only=True)
class Count(RunConfig):
    executor: ClassVar[str] = "results.planted:execute"
    until: int = 3
    seed: int = 0
"""
MODULES = (
    "results.planted",
    "planted",
    "results.igr.counting.smoke.planted",
    "smoke.planted",
    "results",
    "igr.planted",
    "sitecustomize",
)
MODULE_NAMES = ("__init__", "planted", "sitecustomize", "usercustomize", "conftest", "dummy_runs", "numpy", "yaml")
NAMES = tuple(f"{name}.py" for name in MODULE_NAMES)
PICKLES = (
    "pictures.npz",
    "model.keras",
    "checkpoints/step_000000003.ckpt",
    "checkpoints/step_000000004.ckpt",
    "metrics.pkl",
    "x.npy",
)
VERBS = (
    *READERS,
    ("plot", "--all", *SCALE),
    ("run", NAME, *SCALE, "--dry-run"),
    ("run", NAME, *SCALE, "--no-plot"),
    ("list",),
    ("merge", "RESULTS", "--out", "OUT/merged"),
    ("pictures", "RUN"),
    ("variance", "RUN"),
    ("status", NAME, "--config", "RUN/settings.yaml"),
)


class _Touch:
    """A pickle that makes a mark when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def plant(world: World, module: str, mark: Path) -> None:
    """Puts code into the results folder and names it in the first run's config.json."""
    code = MARK.format(mark=str(mark)) + CLASS
    run = world.folder / world.ids[0]
    folders = [
        world.results,
        world.results / "igr",
        world.results / "igr" / "counting",
        world.folder,
        run,
        run / "checkpoints",
    ]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        for name in NAMES:
            (folder / name).write_text(code)
        (folder / "planted.pth").write_text(f"import os; os.makedirs({str(mark)!r}, exist_ok=True)\n")
    evil = pickle.dumps(_Touch(mark / "pickle"))
    mark.mkdir(parents=True, exist_ok=True)
    for name in PICKLES:
        (run / name).write_bytes(evil)
    with zipfile.ZipFile(run / "pictures.npz", "w") as archive:
        # an array of Python objects
        head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00v\x00" + head + evil)
    (run / "settings.yaml").write_text(f"until: !!python/object/apply:os.mkdir [{str(mark / 'yaml')!r}]\n")
    content = json.loads((run / "config.json").read_bytes())
    (run / "config.json").write_text(json.dumps({**content, "module": module, "executor": "results.planted:execute"}))
    index = {name: [[None, None, None], ""] for name in world.ids}
    (world.folder / ".whole.json").write_text(json.dumps(index))


def attack(place: Path, step: int = 1) -> Row:
    """Runs every verb as a process in the folder above `results/`, with every name under which a planted module could
    be imported."""
    row = Row("results folder with planted code")
    out = place / "out"
    cases = [(module, verb) for module in MODULES for verb in VERBS]
    for number, (module, verb) in enumerate(cases[::step]):
        row.tried += 1
        world, mark = World(place / f"world{number}").finish(), place / "marks" / str(number)
        plant(world, module, mark)
        out.mkdir(exist_ok=True)
        places = {"OUT": out, "RESULTS": world.results, "RUN": world.folder / world.ids[0]}
        process = world.process(*placed(verb, places), IGR_FRESH_WORKERS="1")
        text = process.communicate()[0].decode(errors="replace")
        what = f"igr {' '.join(verb)} with the module {module}"
        marks = sorted(path.name for path in mark.iterdir())
        if marks:
            row.bad("wrong", f"{what}: planted code has run ({', '.join(marks)})")
        if "Traceback" in text or process.returncode not in (0, 1, 2):
            row.bad("tracebacks", f"{what}: exit code {process.returncode}: {text[-600:]}")
        elif verb[0] in ("status", "export") and "--config" not in verb and len(verb) > 1 and process.returncode == 2:
            row.bad("lost", f"{what}: the other runs are hidden: {text[-300:]}")
        shutil.rmtree(world.place)
        shutil.rmtree(out)
    return row
