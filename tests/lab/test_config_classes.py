"""Reading a results folder runs nothing of it: a config's class is looked up, never imported because a file names
it."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dummy_runs import Count

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.lab.runs.config import config_from_json, config_to_json
from igr_suite.lab.runs.config_classes import UnknownClass, class_of, own_modules, package_classes
from igr_suite.studies.toy.config import ToyRun

ROOT = Path(__file__).resolve().parents[2]
NAME = "igr/counting"
PLANT = 'import os\nfrom pathlib import Path\nPath(os.environ["PLANTED"]).write_text(__name__)\n'
OWN = '''"""Counts with a config of its own."""
from dataclasses import dataclass
from typing import ClassVar
from igr_suite.lab import Experiment
from igr_suite.lab.runs.config import RunConfig

@dataclass(frozen=True, kw_only=True)
class Own(RunConfig):
    """A run of its own."""

    executor: ClassVar[str] = "reproductions.igr.own.run:execute"
    until: int = 3

    def slug(self):
        return f"own-{self.until}"

def execute(config, folder):
    folder.metrics.append(config.until, value=1.0)
    folder.write_summary({"steps": config.until})

EXPERIMENT = Experiment(paper="igr", item="own", title="Own", runs=lambda scale: [Own(until=3)])
'''


def defined_in_the_package() -> dict[str, str]:
    """Class -> module of all public run configs, from the sources' text."""
    bases, places = {}, {}
    for path in sorted((ROOT / "igr_suite").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {
                    base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases
                }
                places[node.name] = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    configs = {"RunConfig"}
    while more := {name for name, parents in bases.items() if parents & configs} - configs:
        configs |= more
    bases_of_families = {"RunConfig", "TrainingRun", "EstimatedRun"}
    return {name: places[name] for name in configs - bases_of_families if not name.startswith("_")}


def test_every_config_of_the_package_is_found_by_its_name():
    found = {kind: cls.__module__ for kind, cls in package_classes().items() if not kind.startswith("_")}
    assert found == defined_in_the_package() and len(found) >= 16
    code = (
        "import sys; from igr_suite.lab.runs.config_classes import class_of; print(class_of('TrainSBN', "
        "'igr_suite.gone'), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "TrainSBN" in done.stdout and "tensorflow" not in done.stdout.split()


def test_a_config_written_by_a_version_that_kept_its_class_elsewhere_is_read():
    config = ToyRun(estimator="reinforce")
    text = config_to_json(config).replace("igr_suite.studies.toy.config", "igr_suite.somewhere.before")
    assert config_from_json(text) == config


@pytest.mark.parametrize("module", ["planted", "results.planted", "igr_suite_evil", "os", "__main__"])
def test_no_module_is_imported_because_a_file_names_it(module, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED", str(tmp_path / "ran"))
    (tmp_path / "results").mkdir()
    for name in ("planted", "results/planted", "igr_suite_evil"):
        (tmp_path / f"{name}.py").write_text(PLANT)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = json.dumps({"schema": 1, "kind": "Planted", "module": module, "run_id": "x", "config": {}})
    with pytest.raises(UnknownClass, match="no experiment here has the run config 'Planted'"):
        config_from_json(text)
    assert not (tmp_path / "ran").exists()


def test_a_class_of_the_package_that_does_not_exist_is_said_to_be_unknown():
    with pytest.raises(UnknownClass, match="igr_suite has no run config 'TrainGAN'"):
        class_of("TrainGAN", "igr_suite.families.vae.config")


@pytest.mark.parametrize(
    ("key", "value"), [("kind", ["ToyRun"]), ("module", None), ("module", {}), ("config", []), ("config", None)]
)
def test_a_config_of_another_shape_is_damaged(key, value):
    content = json.loads(config_to_json(ToyRun(estimator="reinforce"))) | {key: value}
    with pytest.raises(UserError, match="not a readable run config"):
        config_from_json(json.dumps(content))


def test_own_modules_are_those_outside_the_package():
    assert own_modules([ToyRun(estimator="reinforce"), ToyRun(estimator="reinforce", seed=1)]) == ""
    assert own_modules([ToyRun(estimator="reinforce"), Count(), Count(seed=1)]) == "dummy_runs"


@pytest.mark.parametrize("fresh", ["", "1"], ids=["forked", "fresh"])
def test_an_own_experiment_outside_the_checkout_runs_from_any_folder(fresh, igr, tmp_path):
    """Its config is defined in its run.py, which nothing but the name on the command line points to."""
    item = igr.reproductions / "igr/own"
    item.mkdir()
    (item / "run.py").write_text(OWN)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "igr_suite.cli.main", "run", "igr/own", "--scale", "smoke", "--no-plot"]
    environment = igr.environment | ({"IGR_FRESH_WORKERS": fresh} if fresh else {})
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (folder,) = (igr.results / "igr/own/smoke").glob("own-3*")
    assert json.loads((folder / "config.json").read_text())["module"] == "reproductions.igr.own.run"
    assert json.loads((folder / "summary.json").read_text()) == {"steps": 3}
    code, out, err = igr("status", "igr/own", "--scale", "smoke")
    assert code == 0 and "1 finished" in out


@pytest.fixture
def hostile(igr, tmp_path):
    """A results folder of four finished runs, two of which name planted modules; planted are also the names that Python
    looks for."""
    code, _, err = igr("run", NAME, "--scale", "smoke", "--no-plot")
    assert code == 0, err
    scale = igr.results / NAME / "smoke"
    real = sorted(path.parent for path in scale.glob("*/config.json"))
    for index, module in enumerate(("results.igr.counting.smoke.planted", "planted")):
        folder = scale / f"count-9-s{index}-deadbeef"
        shutil.copytree(real[index], folder)
        config = json.loads((folder / "config.json").read_text())
        config |= {"module": module, "kind": "Planted", "run_id": folder.name}
        (folder / "config.json").write_text(json.dumps(config))
    # a run that the experiment knows, whose class a file says to be a planted one
    config = json.loads((real[0] / "config.json").read_text()) | {"module": "planted"}
    (real[0] / "config.json").write_text(json.dumps(config))
    for folder in (scale, igr.results, *scale.glob("count-*"), igr.results / "igr", igr.results / NAME):
        for name in (
            "__init__",
            "planted",
            "run",
            "plot",
            "sitecustomize",
            "usercustomize",
            "dummy_runs",
            "pandas",
            "config",
        ):
            (folder / f"{name}.py").write_text(PLANT)
    return igr


HYPOTHESES = """
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis
TITLE, INTRODUCTION = "Counts", "Read."
EVIDENCE = [Evidence(item="igr/counting", what="t", value="total", of={"until": 3}, against={"until": 4}, expected="lower")]
HYPOTHESES = [Hypothesis(claim="more is more", source="nobody", evidence=EVIDENCE)]
"""
READING = [
    ("status", NAME),
    ("plot", NAME),
    ("check", NAME),
    ("export", NAME),
    ("report", NAME),
    ("list",),
    ("run", NAME, "--dry-run"),
    ("submit", NAME, "--dry-run"),
]


def test_every_verb_reads_a_hostile_folder_and_runs_nothing_of_it(hostile, tmp_path, monkeypatch, capsys):
    """In this process, with the folder that holds results/ on Python's path, as it is where a checkout is started with
    `python -m`."""
    for name in ("IGR_REPRODUCTIONS", "IGR_RESULTS"):
        monkeypatch.setenv(name, hostile.environment[name])
    monkeypatch.setenv("PLANTED", str(tmp_path / "ran"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for verb, *words in READING:
        more = [] if verb == "list" else ["--scale", "smoke"]
        more += (
            ["--out", str(tmp_path / f"out.{'html' if verb == 'report' else 'csv'}")]
            if verb in ("report", "export")
            else []
        )
        code = main([verb, *words, *more])
        said = capsys.readouterr()
        assert not (tmp_path / "ran").exists(), f"igr {verb} ran {(tmp_path / 'ran').read_text()}"
        assert code in (0, 1, 2) and "Traceback" not in said.err
        if verb in ("status", "plot", "check", "export"):
            assert code == 1 and "no experiment here has the run config 'Count' of planted" in said.out + said.err, (
                verb,
                code,
                said,
            )
    code = main(["merge", str(hostile.results), "--out", str(tmp_path / "merged")])
    assert code == 0 and not (tmp_path / "ran").exists()
    assert (tmp_path / "merged" / NAME / "smoke/count-9-s0-deadbeef/summary.json").exists(), (
        "somebody's own run is taken along unread"
    )
    for folder in sorted((hostile.results / NAME / "smoke").glob("count-*")):
        for verb in ("pictures", "variance"):
            assert main([verb, str(folder)]) == 2
            assert not (tmp_path / "ran").exists()
    capsys.readouterr()
    (hostile.reproductions / "igr/hypotheses.py").write_text(HYPOTHESES)
    code, said = main(["findings", "igr", "--scale", "smoke"]), capsys.readouterr()
    assert code == 1 and "of planted" in said.out + said.err and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("fresh", ["", "1"], ids=["forked", "fresh"])
def test_a_worker_that_is_started_inside_a_hostile_folder_runs_nothing_of_it(fresh, hostile, tmp_path):
    """As `igr`, which does not put the current folder on Python's path, started in the folder that planted modules lie
    in."""
    scale = hostile.results / NAME / "smoke"
    for path in scale.glob("count-*/summary.json"):
        path.unlink()
    environment = (
        hostile.environment | {"PLANTED": str(tmp_path / "ran")} | ({"IGR_FRESH_WORKERS": fresh} if fresh else {})
    )
    environment.pop("PYTHONSAFEPATH", None)
    command = [Path(sys.executable).parent / "igr", "run", NAME, "--scale", "smoke", "--no-plot", "--jobs", "2"]
    done = subprocess.run(command, cwd=scale, env=environment, capture_output=True, text=True, timeout=120)
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert done.returncode != 0 and "of planted" in done.stderr + done.stdout, (
        "the run whose config was changed is named"
    )
