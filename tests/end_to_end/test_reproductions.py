"""Every reproduction from the command line: it runs, skips finished runs, draws and checks; committed results
redraw."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import seed_counts
from sweeps import few

from igr_suite.cli.main import main
from igr_suite.lab.analysis.references import read_references
from igr_suite.lab.running import discovery
from igr_suite.lab.running.discovery import find, names, with_hypotheses
from igr_suite.lab.running.experiment import SCALES, expand
from igr_suite.lab.runs.store import RunFolder

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "results"
REDRAWN = {  # at every change; all of them in the sweep
    *("dni/table_1", "igr/figure_3_elbo_curves", "igr/neurips_table_relax", "igr/table_3_structured_output"),
    *("rebar/table_1_final_bounds", "rebar/tracking", "suite/estimators"),
}
# a folder without a table holds finished runs of an item that is not complete yet
COMMITTED = sorted(f"{path.parents[2].name}/{path.parents[1].name}" for path in RESULTS.glob("*/*/quick/table.md"))


def igr(
    *words: str, results: Path, program: tuple[str, ...] = ("-m", "igr_suite.cli.main")
) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "TFDS_DATA_DIR"}
    command = [sys.executable, *program, *words, "--results", str(results)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPOSITORY, check=False)


def test_table_1_from_the_first_run_to_the_table(tmp_path, golden):
    name = "igr/table_1_vae_likelihood"
    first = igr("run", name, "--scale", "smoke", results=tmp_path)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / name / "smoke"
    golden("discrete_vae", *(RunFolder(path.parent) for path in sorted(folder.glob("*/summary.json"))))
    table = (folder / "table.md").read_text()
    assert table.split("\n\n")[0] in first.stdout
    assert "figure.png" in first.stdout
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["GS", "IGR-I", "IGR-SB-Finite", "IGR-Planar"]
    # a bound on 0/1 images of 784 pixels: negative, and not far below that of a coin (-543) after an epoch
    for row in rows:
        assert -1200 < float(row["test_elbo_relaxed_mean"]) < -100
        assert float(row["test_iw_relaxed_10_mean"]) > float(row["test_elbo_relaxed_mean"])
    with (folder / "table_search.csv").open() as file:
        found = {
            (r["model"], float(r["temperature"])): float(r["validation_elbo_relaxed_mean"])
            for r in csv.DictReader(file)
        }
    for row in rows:
        mine = {temperature: elbo for (model, temperature), elbo in found.items() if model == row["model"]}
        assert float(row["temperature"]) == max(mine, key=mine.get)

    drawn = {path.name: path.read_bytes() for path in folder.glob("figure.*")}
    again = igr("run", name, "--scale", "smoke", results=tmp_path)
    assert again.returncode == 0
    assert "start " not in again.stdout + again.stderr, "finished runs are skipped"
    assert {path.name: path.read_bytes() for path in folder.glob("figure.*")} == drawn, "equal results draw equal files"
    direct = igr("--scale", "smoke", "--dry-run", results=tmp_path, program=(f"reproductions/{name}/run.py",))
    assert direct.stdout == igr("run", name, "--scale", "smoke", "--dry-run", results=tmp_path).stdout
    assert "0 of 6 runs to do" in direct.stdout


@pytest.mark.parametrize("name", few(COMMITTED, REDRAWN.__contains__))
def test_committed_results_redraw_and_are_judged(tmp_path, name, capsys, monkeypatch):
    """Equal tables; every curve says as many seeds at each x as the drawn rows have. In this process: two new ones for
    each item would take most of the time to import pandas and matplotlib."""
    shutil.copytree(
        RESULTS / name / "quick",
        tmp_path / name / "quick",
        ignore=shutil.ignore_patterns("checkpoints", "figure*", "table*"),
    )
    calls = seed_counts.watched(discovery.plot_module(name), monkeypatch)
    assert main(["plot", name, "--scale", "quick", "--results", str(tmp_path)]) == 0, capsys.readouterr().err
    seed_counts.check(calls)
    for file in ("figure.png", "figure.csv", "table.md"):
        assert (tmp_path / name / "quick" / file).exists()
    for drawn in [tmp_path / name / "quick" / "table.csv", *(tmp_path / name / "quick").glob("figure*.csv")]:
        assert drawn.read_bytes() == (RESULTS / name / "quick" / drawn.name).read_bytes(), drawn.name
    capsys.readouterr()
    # 1: a value differs, as the item's README says
    assert main(["check", name, "--scale", "quick", "--results", str(tmp_path)]) in (0, 1)
    checked = capsys.readouterr().out
    with (REPOSITORY / "reproductions" / name / "published.csv").open() as file:
        judged = len(list(csv.DictReader(file)))
    assert ("No reference value." in checked) if judged == 0 else (tmp_path / name / "quick" / "ledger.csv").exists()


@pytest.mark.parametrize("paper", few(with_hypotheses(), lambda paper: paper == "igr"))
def test_the_page_of_findings_is_what_the_committed_results_say(tmp_path, paper):
    page, kept = tmp_path / "page.md", (REPOSITORY / "docs" / f"{paper}_findings.md").read_text()
    scale = re.search(r"--scale (\w+)", kept)[1]
    written = igr("findings", paper, "--scale", scale, "--write", str(page), results=RESULTS)
    assert written.returncode == 0, written.stderr
    assert page.read_text() == kept, f"igr findings {paper} --scale {scale} --write docs/{paper}_findings.md"


def test_findings_of_an_unknown_paper_name_the_nearest():
    unknown = igr("findings", "igs", results=RESULTS)
    assert unknown.returncode == 2 and "did you mean 'igr'" in unknown.stderr


def test_every_reproduction_has_its_files_and_runs_at_every_scale(tmp_path):
    for name in names():
        folder = REPOSITORY / "reproductions" / name
        for file in ("run.py", "plot.py", "README.md", "published.csv"):
            assert (folder / file).exists(), f"{name} has no {file}"
        references = read_references(folder / "published.csv")
        assert bool(references) != bool(find(name).no_reference), (
            f"{name}: no_reference says why published.csv has no rows"
        )
        for scale in SCALES:
            assert expand(find(name), scale, tmp_path).runs, f"{name} has no runs at {scale}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "model.name=IGR_Dis"], "did you mean 'IGR_I_Dis'"),
        (["--set", "model.temperatur=1"], "did you mean 'model.temperature'"),
        (["--set", "model.temperature=0"], "temperature must be positive, got 0.0"),
        (["--set", "model.temperature=-1"], "temperature must be positive, got -1.0"),
        (["--set", "model.delta=0.1"], "model.delta=0.1 is not used by GS_Dis"),
        (["--data", "celeb_a"], "celeb_a is not prepared"),
        (["--data", "mnits"], "unknown dataset 'mnits'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path, words, sentence):
    refused = igr("run", "igr/table_1_vae_likelihood", "--scale", "smoke", *words, results=tmp_path)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("config.json")), "nothing was started"


def test_an_unwritable_results_folder_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused = igr("run", "igr/table_1_vae_likelihood", "--scale", "smoke", results=tmp_path / "file")
    assert refused.returncode == 2
    assert "file" in refused.stderr
    assert "Traceback" not in refused.stderr
