"""No value of `igr submit` becomes a line or an option of the job script: each is one word in its place, or refused in
a sentence."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from igr_suite import terminal
from igr_suite.cli.main import main
from igr_suite.cluster import plan as plans
from igr_suite.cluster import script, submission
from igr_suite.errors import UserError

NAME = "igr/counting"
SUBMIT = ("submit", NAME, "--scale", "smoke", "--dry-run")
CONTROLS = ("\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u202e")
NASTY = (
    "x --wrap=id",
    "a#b",
    "# --wrap=id",
    'q"u"o\'te',
    "back\\slash\\",
    "$(touch owned)",
    "`touch owned`",
    "; touch owned #",
    "-x",
    "{folder} %j %% %a",
    "*?[a]~",
    "ü ±",
)


def written(**changes) -> str:
    """The script of harmless values, but for some."""
    resources = script.Resources(
        partition=changes.pop("partition", "main"), more=tuple(changes.pop("more", ("--account=me",)))
    )
    values = {
        "title": "2 runs",
        "again": "igr submit",
        "folder": Path("/r/item/smoke"),
        "jobs": Path("/r/item/smoke/jobs/1"),
    }
    values |= {
        "count": 2,
        "resources": resources,
        "worker": ["python", "-m", "worker"],
        "variables": {"IGR_RESULTS": "/r"},
    }
    return script.write(**{**values, **changes})


def words_of(text: str) -> list[str]:
    """The words of the lines that begin with #SBATCH as SLURM reads them: spaces, quotes, backslashes, # before a
    word."""
    found = []
    for line in text.split("\n"):
        if line.startswith("#SBATCH"):
            rest, word, quote, escaped = line.removeprefix("#SBATCH"), None, "", False
            for character in rest:
                if escaped:
                    word, escaped = (word or "") + character, False
                elif character == "\\":
                    escaped = True
                elif quote:
                    word, quote = (
                        (word or "") + ("" if character == quote else character),
                        "" if character == quote else quote,
                    )
                elif character in "\"'":
                    word, quote = word or "", character
                elif character.isspace():
                    found, word = [*found, *([] if word is None else [word])], None
                elif character == "#" and word is None:
                    break
                else:
                    word = (word or "") + character
            assert not quote and not escaped, line
            found += [] if word is None else [word]
    return found


def shell(text: str, folder: Path) -> tuple[list[str], str]:
    """Runs a script on its first task; returns what it printed, split at NUL, and what it said of itself."""
    code = text.encode()
    subprocess.run(["bash", "-n"], input=code, check=True)
    environment = {"PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash"], input=code, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    said, _, printed = done.stdout.decode().partition("\n")
    return printed.split("\0"), said


@pytest.mark.parametrize("word", NASTY)
def test_every_value_is_one_word_in_its_place(tmp_path, word):
    folder = tmp_path / word / "smoke"
    jobs = tmp_path / "jobs" if "\\" in word else folder / "jobs" / "1"  # SLURM's --output takes no backslash
    jobs.mkdir(parents=True)
    (jobs / "runs.txt").write_text("count-1\n", encoding="utf-8")
    values = {"title": word, "again": shlex.join(["igr", word]), "folder": folder, "jobs": jobs}
    worker = ["bash", "-c", 'printf "%s\\0" "$VALUE" "$@"', "bash", word]
    text = written(
        **values,
        worker=worker,
        variables={"VALUE": word},
        more=(f"--comment={word}", f"--comment {word}", f"-A {word}"),
    )
    harmless = written(more=("--comment=b", "--comment b", "-A b"), variables={"VALUE": "b"})

    lines, expected = text.split("\n"), harmless.split("\n")
    assert len(lines) == len(expected)
    changed = [(a, b) for a, b in zip(lines, expected) if a != b]
    known = (
        "# 2 runs",
        "# Written by: ",
        "#SBATCH --job-name=",
        "#SBATCH --output=",
        "#SBATCH --comment",
        "#SBATCH -A ",
    )
    known += ("folder=", "jobs=", "export VALUE=", "python -m worker")
    assert all(b.startswith(known) for _, b in changed), changed
    assert all(a.startswith(b[:1]) or b.startswith("python") for a, b in changed), "comments stay comments"

    found, usual = words_of(text), words_of(harmless)
    assert found[-5:] == [f"--comment={word}", "--comment", word, "-A", word]
    assert f"--job-name=igr-{word}" in found and f"--output={str(jobs).replace('%', '%%')}/%a.log" in found
    assert [one.split("=")[0] for one in found[:-5]] == [one.split("=")[0] for one in usual[:-5]], "no option more"
    printed, said = shell(text, tmp_path)
    assert printed == [word, word, "--folder", f"{folder}/count-1", ""] and "count-1 on" in said
    assert not list(tmp_path.rglob("owned"))


def test_slurm_reads_the_words_as_they_are_meant(slurm, tmp_path):
    """What `words_of` assumes of SLURM, asked of SLURM."""
    for word in (*NASTY, "a  b", "'"):
        path = tmp_path / "job.sh"
        path.write_text(written(more=(f"--comment={word}", "--hold")), encoding="utf-8")
        job = (
            subprocess.run(["sbatch", "--parsable", path], env=slurm, capture_output=True, check=True)
            .stdout.decode()
            .strip()
        )
        shown = subprocess.run(
            ["scontrol", "show", "job", job], env=slurm, capture_output=True, check=True
        ).stdout.decode()
        subprocess.run(["scancel", job], env=slurm, check=True)
        assert f"\n   Comment={word}" in shown.replace(" \n", "\n") and "JobName=igr-item" in shown


def test_a_folder_with_a_backslash_is_refused():
    with pytest.raises(UserError, match="whose path holds a backslash; choose another folder with --results"):
        written(jobs=Path("/r/a\\b/jobs/1"))


@pytest.mark.parametrize("control", CONTROLS)
def test_no_script_holds_a_control_character(control):
    """Not even where the caller has not checked the values."""
    text, path = f"a{control}#SBATCH --wrap=id", Path(f"/r/a{control}#SBATCH --wrap=id")
    places = [
        {"title": text},
        {"again": text},
        {"folder": path},
        {"jobs": path},
        {"worker": [text]},
        {"variables": {"A": text}},
    ]
    for change in (*places, {"partition": text}, {"more": [f"--comment={text}"]}, {"more": [f"-A {text}"]}):
        with pytest.raises(UserError, match="holds a control character") as refused:
            written(**change)
        assert terminal.line(control) in str(refused.value) and control not in str(refused.value)


@pytest.mark.parametrize("word", ["x --wrap=id", "x y", "", " x", "x\u00a0y"])
def test_a_partition_is_one_word(word):
    with pytest.raises(UserError, match="--partition takes one word"):
        script.Resources(partition=word)


def test_digits_of_other_scripts_are_no_time_and_no_memory():
    with pytest.raises(UserError, match="--time"):
        script.Resources(time="\u0669\u0660")
    with pytest.raises(UserError, match="--memory"):
        script.Resources(memory="\u0664G")


@pytest.mark.parametrize("control", ["\n", "\x1b", "\x00", "\x85"])
@pytest.mark.parametrize(
    "option",
    [
        "--partition",
        "--results",
        "--data-dir",
        "--image",
        "--set",
        "--only",
        "--data",
        "--config",
        "--sbatch",
        "--time",
        "--memory",
        "--strategy",
    ],
)
def test_control_characters_are_refused_before_anything_is_written(igr, monkeypatch, capsys, tmp_path, option, control):
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(igr.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(igr.results))
    value = {"--set": "until=", "--sbatch": "--comment="}.get(
        option, str(tmp_path / "x")
    ) + f"{control}#SBATCH --wrap=id"
    assert main([*SUBMIT, f"{option}={value}"]) == 2
    err = capsys.readouterr().err
    assert (
        err.startswith("igr: ") and err.count("\n") == 1 and option.strip("-") in err and terminal.line(control) in err
    )
    assert not igr.results.exists() and not [path for path in tmp_path.iterdir() if path != igr.reproductions]


@pytest.mark.parametrize("name", ["IGR_RESULTS", "IGR_REPRODUCTIONS", "TFDS_DATA_DIR", "PYTHONPATH"])
def test_so_are_those_of_the_environment(igr, monkeypatch, capsys, name):
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(igr.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(igr.results))
    monkeypatch.setenv(name, f"/tmp/a\n{igr.reproductions}")
    assert main([*SUBMIT]) == 2
    assert f"igr: {name} holds a control character" in capsys.readouterr().err


def test_the_words_of_the_command_line_are_refused_too(igr, tmp_path):
    code, out, err = igr(*SUBMIT, "--set", "pace.name=a\n#SBATCH --wrap=id")
    assert code == 2 and not out and "--set holds a control character" in err
    (tmp_path / "a\nb").mkdir()
    code, out, err = igr(*SUBMIT, IGR_RESULTS=str(tmp_path / "a\nb" / "results"))
    assert code == 2 and not out and "IGR_RESULTS holds a control character" in err


def test_nasty_settings_come_through_as_they_are(igr):
    """--set of a value with quotes and options, as far as the run: one comment line, and the config holds it."""
    word = "x'; touch owned #\" --wrap=id"
    code, out, err = igr(
        *SUBMIT, "--set", f"pace.name={word}", "--set=seed=-1", "--only=-s-1", "--sbatch", f"--comment={word}"
    )
    assert code == 0, err
    assert (
        len([line for line in out.split("\n") if "owned" in line and line.startswith("# Written by: igr submit")]) == 1
    )
    assert words_of(out)[-1] == f"--comment={word}"
    again = next(line for line in err.split("\n") if "follows when" in line).partition(": igr ")[2]
    assert shlex.split(again)[:-1] == [*SUBMIT[:-1], "--set", f"pace.name={word}", "--set", "seed=-1", "--only=-s-1"]


def test_a_path_that_a_container_would_split_is_refused():
    for path in ("/data:/etc", "/a,/etc"):
        with pytest.raises(UserError, match="splits paths at ':' and ','"):
            plans.bound([Path("/r"), Path(path)])


def test_a_plan_is_one_line_of_harmless_characters():
    plan = plans.Plan("/r", {"a": "partial"}, notes=["\x1b\x7f\n\x9b\u202e"])
    assert plans.to_json(plan).isprintable() and plans.Plan(**json.loads(plans.to_json(plan))) == plan


@pytest.mark.parametrize("run", ["a\nb", "../a", "a b", "", ".", "a/b"])
def test_a_run_list_holds_names_of_runs_only(tmp_path, run):
    with pytest.raises(UserError, match="is not a run's name"):
        submission.write(tmp_path, ["count-3-s0-072510eb", run], "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", ["[]", "null", '{"job": 1, "runs": []}', '{"job": "1", "runs": {"a": 1}}', '{"job": "1", "runs": [1]}']
)
def test_a_submission_that_is_none_is_a_sentence(tmp_path, content):
    (tmp_path / "jobs/1").mkdir(parents=True)
    (tmp_path / "jobs/1/job.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged .not a submission's.; delete its folder"):
        submission.fates(tmp_path)
