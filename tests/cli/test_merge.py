"""`igr merge`: the best copy of every run, and nothing lost, chosen silently or left half way."""

import shutil
from pathlib import Path

import pytest
from dummy_runs import Count, execute

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.lab.analysis import merging
from igr_suite.lab.runs.store import RunFolder

RUNS = [Count(until=4, seed=seed) for seed in range(3)]
PLACE = "igr/counting/smoke"
FIRST, SECOND, THIRD = (f"{PLACE}/{config.run_id}" for config in RUNS)


def finished(root: Path, number: int) -> Path:
    with RunFolder(root / PLACE / RUNS[number].run_id).open(RUNS[number]) as folder:
        execute(RUNS[number], folder)
    return folder.path


def begun(root: Path, number: int, steps: int, checkpoint: int | None = None) -> Path:
    with RunFolder(root / PLACE / RUNS[number].run_id).open(RUNS[number]) as folder:
        for step in range(1, steps + 1):
            folder.metrics.append(step, value=step * (number + 1))
        if checkpoint is not None:
            folder.checkpoints.mkdir()
            (folder.checkpoints / f"step_{checkpoint:09d}.ckpt").write_bytes(b"weights")
    return folder.path


def doubled(path: Path) -> Path:
    metrics = path / "metrics.jsonl"
    metrics.write_bytes(2 * metrics.read_bytes())
    return path


def different(path: Path) -> Path:
    (path / "summary.json").write_text((path / "summary.json").read_text().replace('"total": ', '"total": 1'))
    return path


def content(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture
def roots(tmp_path):
    return tmp_path / "a", tmp_path / "b", tmp_path / "out"


@pytest.fixture
def merge(roots, capsys):
    """`igr merge A B --out OUT` in this process: (more words) -> exit code, stdout, stderr; sources must stay as they
    are."""
    a, b, out = roots

    def run(*words: str) -> tuple[int, str, str]:
        before = [content(root) for root in (a, b)]
        code = main(["merge", *(str(root) for root in (a, b) if root.exists()), "--out", str(out), *words])
        assert [content(root) for root in (a, b)] == before
        assert not list(out.rglob(".merging*"))
        return code, *capsys.readouterr()

    return run


def test_runs_of_two_machines_come_together(roots, merge):
    a, b, out = roots
    finished(a, 0), finished(b, 1), begun(b, 2, steps=2)
    (a / PLACE / "figure.csv").write_text("not a run")
    code, said, _ = merge("--dry-run")
    assert code == 0 and "would be: 3 copied" in said and not out.exists()
    code, said, err = merge()
    assert code == 0 and f"{PLACE}: 3 copied" in said and err == ""
    assert {path.name for path in (out / PLACE).iterdir()} == {config.run_id for config in RUNS}
    assert (
        RunFolder(out / FIRST).whole
        and RunFolder(out / SECOND).whole
        and RunFolder(out / THIRD).status() == ("partial", 2)
    )
    assert {name: text for name, text in content(out).items() if FIRST in name} == {
        n: t for n, t in content(a).items() if FIRST in n
    }
    before = content(out)
    code, said, _ = merge()
    assert code == 0 and "0 copied, 0 replaced, 3 kept, 0 not merged" in said and content(out) == before


@pytest.mark.parametrize(
    "damage", [doubled, lambda path: (path / "metrics.jsonl").write_bytes(b"") or path, shutil.rmtree]
)
def test_a_worse_run_never_goes_over_a_better_one(roots, merge, damage):
    """Whatever lies where: the finished whole run wins, in OUT and among the sources."""
    a, b, out = roots
    finished(a, 0), damage(finished(b, 0)), finished(b, 1)
    finished(out, 0)
    before = content(out)
    assert merge()[0] == 0
    after = content(out)
    assert {name: after[name] for name in before} == before and RunFolder(out / SECOND).whole
    shutil.rmtree(out)
    begun(out, 0, steps=3)
    code, said, _ = merge()
    assert code == 0 and f"{FIRST}: {a} (finished) in place of a worse one" in said and RunFolder(out / FIRST).whole
    if damage is shutil.rmtree:
        return
    shutil.rmtree(out)
    damage(finished(out, 0))
    code, said, err = merge()
    assert code == 0 and RunFolder(out / FIRST).whole and "passed over" in err and "not whole" in err


def test_of_unfinished_runs_the_later_checkpoint_wins_then_the_later_row(roots, merge):
    a, b, out = roots
    begun(a, 0, steps=3, checkpoint=1), begun(b, 0, steps=2, checkpoint=2)
    begun(a, 1, steps=1), begun(b, 1, steps=3), begun(out, 1, steps=2)
    begun(a, 2, steps=1), begun(out, 2, steps=1)
    (out / THIRD / "worker.log").write_text("mine")
    code, said, _ = merge()
    assert code == 0 and "1 copied, 1 replaced, 1 kept" in said
    assert (out / FIRST / "checkpoints/step_000000002.ckpt").exists() and RunFolder(out / SECOND).status().step == 3
    assert (out / THIRD / "worker.log").read_text() == "mine"


def test_two_different_results_are_named_and_left_as_they_are(roots, merge):
    a, b, out = roots
    finished(a, 0), different(finished(b, 0)), finished(a, 1), finished(b, 1)
    (b / SECOND / "meta.json").write_text('{"host": "another"}')
    code, said, err = merge()
    assert code == 1 and f"{FIRST} finished with different results in {a} and {b}" in err and "1 copied" in said
    assert not (out / FIRST).exists() and RunFolder(out / SECOND).whole, (
        "two equal results are one, whatever machine made them"
    )
    shutil.copytree(b / FIRST, out / FIRST)
    before = content(out)
    code, _, err = merge()
    assert code == 1 and "different results" in err and content(out) == before
    shutil.rmtree(b / FIRST)
    assert merge()[0] == 1, "also of OUT and one source"
    assert content(out) == before


def test_a_run_that_is_nowhere_whole_is_named_and_not_copied(roots, merge):
    a, b, out = roots
    doubled(finished(a, 0)), finished(b, 1)
    code, said, err = merge()
    assert (
        code == 1
        and f"{FIRST} is nowhere whole: {a} (not whole: line 5 of metrics.jsonl has step 1 after step 4" in err
    )
    assert not (out / FIRST).exists() and (out / SECOND).exists()
    begun(b, 0, steps=2)
    assert merge()[0] == 0 and RunFolder(out / FIRST).status() == ("partial", 2)
    shutil.rmtree(out / FIRST)
    doubled(finished(out, 0))
    before = content(out)
    code, _, err = merge()
    assert code == 1 and "nowhere whole" in err and content(out) == before, (
        "an unfinished run does not replace what may be repaired"
    )
    finished(a, 2).rename(a / PLACE / "renamed")
    assert f"{PLACE}/renamed is nowhere whole" in merge()[2] and not (out / PLACE / "renamed").exists()


def test_a_running_run_is_let_alone(roots, merge):
    a, b, out = roots
    finished(a, 0), begun(b, 1, steps=1)
    with RunFolder(out / FIRST).open(RUNS[0]), RunFolder(b / SECOND).open(RUNS[1]):
        code, _, err = merge()
    assert code == 1 and f"{FIRST} is running in {out}" in err and f"{SECOND} is running in {b}" in err
    assert not (out / FIRST / "summary.json").exists() and not (out / SECOND).exists()
    assert merge()[0] == 0 and RunFolder(out / FIRST).whole


def test_a_merge_that_breaks_off_leaves_what_was_there(roots, merge, monkeypatch):
    """The copy fails half way, or the second of the two renames does; a killed merge's rest is removed by the next
    one."""
    a, _, out = roots
    finished(a, 0), finished(a, 1)
    begun(out, 0, steps=2)
    before = content(out)

    def half(source, target, **options):
        Path(target).mkdir(parents=True)
        (Path(target) / "summary.json").write_text("{}")
        raise OSError(28, "No space left on device")

    rename = Path.rename

    def only_away(self, target):
        if Path(target).name.startswith("count") and self.parent.name.startswith(".merging") and self.name != "before":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    for place, name, broken in ((shutil, "copytree", half), (Path, "rename", only_away)):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, broken)
            code, _, err = merge()
        assert code == 2 and "cannot write" in err and content(out) == before
    left = out / PLACE / ".merging-1" / RUNS[1].run_id
    shutil.copytree(a / SECOND, left)
    assert merge()[0] == 0 and RunFolder(out / FIRST).whole and RunFolder(out / SECOND).whole


def test_a_source_that_changes_while_it_is_copied_is_not_taken(roots, monkeypatch):
    a, _, out = roots
    path = finished(a, 0)
    copytree = shutil.copytree

    def slow(source, target, *words, **options):
        copytree(source, target, *words, **options)
        if source == path:
            doubled(path)

    monkeypatch.setattr(shutil, "copytree", slow)
    assert "changed in" in merging.merge([a], out).problems[FIRST] and not (out / FIRST).exists()


def test_out_may_be_one_of_the_sources_and_wrong_folders_are_sentences(roots, capsys):
    a, b, out = roots
    finished(a, 0), finished(b, 1)
    assert main(["merge", str(a), str(b), "--out", str(a)]) == 0
    assert RunFolder(a / SECOND).whole and RunFolder(a / FIRST).whole and "1 copied" in capsys.readouterr().out
    for wrong, words in ((a / PLACE, "holds no run"), (a / "absent", "there is no folder")):
        assert main(["merge", str(wrong), "--out", str(out)]) == 2 and words in capsys.readouterr().err
        assert not out.exists()
    with pytest.raises(UserError, match="cannot write"):
        merging.merge([a], Path("/dev/null/out"))


def test_a_partial_copy_laid_over_a_run_is_mended_by_a_merge(roots, merge):
    """What `cp -a` of another machine's unfinished run leaves: its metrics under this one's summary."""
    a, b, out = roots
    finished(out, 0), finished(a, 0), begun(b, 0, steps=2)
    for file in (b / FIRST).iterdir():
        if file.is_file():
            shutil.copy2(file, out / FIRST / file.name)
    (out / FIRST / "summary.json").write_text('{"steps": 4, "total": 4, "seed": 0}')
    (a / FIRST / "summary.json").write_text('{"steps": 4, "total": 4, "seed": 0}')
    assert RunFolder(out / FIRST).fault() == "metrics.jsonl ends at step 2, and summary.json is of step 4"
    assert merge()[0] == 0 and RunFolder(out / FIRST).whole and len(RunFolder(out / FIRST).metrics.rows()) == 4
