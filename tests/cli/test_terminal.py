"""No verb sends a control character of a results folder to the terminal: not of names, not of messages, not of values
or logs."""

import io
import json
import re
import subprocess
import sys

import pytest
from igr_process import Igr

from igr_suite import terminal
from igr_suite.cli.main import main

NAME = "igr/counting"
RAW = re.compile("(?!\n)[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202egpj.exe"
ESCAPED = "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\x7f\\u202egpj.exe"
LINE = f"{EVIL}\nigr: all is well\r"  # a name that would begin a line of its own
ONE_LINE = f"{ESCAPED}\\nigr: all is well\\r"
PLOT = """
def plot(results, out):
    (out / "table.md").write_text("".join(f"| {row.seed} | {row.remark} |\\n" for row in results.runs.itertuples()), encoding="utf-8")
    return [out / "table.md"]

def ours(results):
    return {("total", f"seed {row.seed}"): (float(row.total), 0.1, 3) for row in results.runs.itertuples()}
"""
CLAIMS = """
TITLE, INTRODUCTION, HYPOTHESES = "t", "at {scale}", []
"""
LOUD = f"""
from dummy_runs import Count as Plain, Pace
class Count(Plain):
    executor = "loud_runs:execute"
def execute(*_):
    print({LINE!r})
    raise ValueError({LINE!r})
"""
FIRST = "count-3-s0-072510eb"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Finished runs whose files, names and neighbours hold control characters wherever a file system and JSON take
    them."""
    igr = Igr(tmp_path_factory.mktemp("hostile"))
    assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    item = igr.reproductions / NAME
    (item / "plot.py").write_text(PLOT, encoding="utf-8")
    published = (item / "published.csv").read_text(encoding="utf-8").splitlines()
    (item / "published.csv").write_text(
        "\n".join([*published, f'total,"{EVIL}",3,,"{EVIL}",paper,exact,read,0.5', ""]), encoding="utf-8"
    )
    (igr.reproductions / "igr" / "hypotheses.py").write_text(CLAIMS, encoding="utf-8")
    scale = igr.results / NAME / "smoke"
    for folder in scale.glob("count-*"):
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        (folder / "summary.json").write_text(json.dumps(summary | {"remark": EVIL, EVIL: 1.0}), encoding="utf-8")
        meta = {
            "exit": {"reason": "error", "message": LINE},
            "python": LINE,
            "platform": EVIL,
            "device": LINE,
            "versions": {"numpy": EVIL},
        }
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    with (scale / FIRST / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"schema": 1, "step": 4, EVIL: 2.0}) + "\n")
    stranger = scale / f"count-{LINE}"
    stranger.mkdir()
    for name in ("config.json", "summary.json"):
        (stranger / name).write_bytes((scale / FIRST / name).read_bytes())
    (scale / f"figure{EVIL}.svg").write_text("<svg/>", encoding="utf-8")
    (scale / f"table{EVIL}.md").write_text(f"| {EVIL} |\n", encoding="utf-8")
    (scale.parent / f"smoke+{LINE}").mkdir()
    return igr


@pytest.fixture
def igr(hostile, monkeypatch, capfd):
    """`igr` of the hostile folder, in this process: (words) -> exit code, stdout and stderr, in which nothing is
    raw."""
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(hostile.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(hostile.results))

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(list(words))
        except SystemExit as error:  # argparse
            code = error.code
        out, err = capfd.readouterr()
        assert not RAW.search(out + err), RAW.findall(out + err)
        assert not re.search("^igr: all is well", out + err, re.MULTILINE)
        return code, out, err

    return run


def test_what_control_characters_look_like():
    assert terminal.line(LINE + "\t\x00\u2066\udc80ü±") == ONE_LINE + "\\t\\x00\\u2066\\udc80ü±"
    assert terminal.shown(f"a\tb\n{EVIL}\r\n") == f"a\tb\n{ESCAPED}\\r\n"


def test_a_guarded_stream_is_the_stream_in_all_else(monkeypatch):
    behind = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", behind)
    terminal.guard()
    terminal.guard()
    assert sys.stdout is not behind and terminal.unguarded(sys.stdout) is behind, "guarded once"
    assert print("\x1b±") is None and sys.stdout.write("\x1b") == 1
    sys.stdout.writelines(["\x9b", "\n"])
    with terminal.drawing():
        sys.stdout.write("\r\x1b[A")
    sys.stdout.flush()
    assert behind.buffer.getvalue() == b"\\x1b\\xb1\n\\x1b\\x9b\n\r\x1b[A"
    assert (sys.stdout.encoding, sys.stdout.isatty()) == ("ascii", False)


@pytest.mark.parametrize("verb", ["status", "plot", "check", "report", "list", "run", "submit", "temperature"])
def test_no_verb_prints_one_raw(igr, hostile, tmp_path, verb):
    options = {"run": ("--dry-run",), "submit": ("--dry-run",), "report": ("--out", str(tmp_path / "r.html"))}.get(
        verb, ()
    )
    words = ("--scale", "smoke", "--dry-run") if verb == "temperature" else (NAME, "--scale", "smoke", *options)
    code, out, err = igr(verb, *(words if verb != "list" else ()))
    if verb in ("status", "plot", "check", "report"):
        assert code == 1 and ONE_LINE in out + err, "the renamed folder is named"
    if verb == "plot":
        assert f"| 0 | {ESCAPED}" in out or f"| 1 | {ESCAPED}" in out, "the table shows what the summaries hold"
    if verb == "check":
        assert ESCAPED in out
    if verb == "report":
        assert not re.search("(?![\n\t])" + RAW.pattern, (tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Traceback" not in err


def test_all_scales_and_the_overview_too(igr):
    assert f"also there, with --set: smoke+{ONE_LINE}" in igr("status", NAME)[1]
    assert ONE_LINE in igr("status")[1]
    assert igr("plot", "--all", "--scale", "smoke")[0] == 1
    assert igr("check", "--scale", "smoke")[0] == 1


def test_findings_export_and_merge(igr, hostile, tmp_path):
    assert igr("findings", "igr", "--scale", "smoke")[0] == 0
    for what in ("summaries", "metrics", "configs"):
        assert ONE_LINE in igr("export", NAME, "--scale", "smoke", "--what", what, "--out", str(tmp_path / "x.csv"))[2]
    assert ONE_LINE in "".join(igr("merge", str(hostile.results), "--out", str(tmp_path / "out"))[1:])


@pytest.mark.parametrize(
    "words",
    [
        ("run", LINE),
        ("status", NAME, "--scale", LINE),
        ("run", NAME, "--set", f"{EVIL}=1"),
        ("run", NAME, "--config", LINE),
        ("run", NAME, f"--{EVIL}"),
        (EVIL,),
        ("pictures", LINE),
        ("variance", LINE),
        ("plot", NAME, "--results", f"/tmp/{LINE}"),
        ("export", NAME, "--scale", "smoke", "--where", f"seed={LINE}", "--out", "x.csv"),
        ("export", NAME, "--scale", "smoke", "--out", LINE),
    ],
)
def test_sentences_about_bad_input_are_one_line(igr, words):
    code, out, err = igr(*words)
    assert code == 2 and "\\x1b]0;owned" in err


def test_failures_logs_and_tracebacks_of_runs_are_escaped(hostile):
    """A run's own messages, in the log, from the runner and from `status`; and the traceback of a defect in plot.py."""
    item = hostile.reproductions / "igr" / "failing"
    item.mkdir()
    text = (
        (hostile.reproductions / NAME / "run.py")
        .read_text(encoding="utf-8")
        .replace('item="counting"', 'item="failing"')
    )
    (item / "run.py").write_text(text.replace("from dummy_runs", "from loud_runs"), encoding="utf-8")
    (hostile.reproductions.parent / "loud_runs.py").write_text(LOUD, encoding="utf-8")
    path = f"{hostile.environment['PYTHONPATH']}:{hostile.reproductions.parent}"
    code, out, err = hostile("run", "igr/failing", "--scale", "smoke", "--no-plot", PYTHONPATH=path)
    assert code == 1 and f"ValueError: {ONE_LINE}" in err and not RAW.search(out + err)
    logs = [log.read_text(encoding="utf-8") for log in (hostile.results / "igr/failing/smoke").glob("*/worker.log")]
    assert len(logs) == 2 and all(log.count(ESCAPED) >= 2 and not RAW.search(log) for log in logs)
    code, out, err = hostile("status", "igr/failing", PYTHONPATH=path)
    assert f"ValueError: {ONE_LINE}" in out and not RAW.search(out + err)
    (item / "plot.py").write_text(f"raise OSError({EVIL!r})", encoding="utf-8")
    code, out, err = hostile("check", "igr/failing", PYTHONPATH=path)
    assert code != 0 and not RAW.search(out + err)


def test_a_table_on_a_terminal_shows_names_and_draws(tmp_path):
    """The live table's own codes reach the terminal, those of folder names, progress files and messages do not."""
    pytest.importorskip("pty")
    script = f"""
import json, pathlib, sys
from igr_suite import terminal
from igr_suite.lab.running import reporter
from igr_suite.lab.runs.progress import Progress
terminal.guard()
reporter.DRAW_EVERY = 0.0
folder = pathlib.Path(sys.argv[1]) / {EVIL!r}
folder.mkdir()
(folder / "progress.json").write_text(json.dumps({{"step": 1, "total": 2, "left": 1.0, "scalars": {{{EVIL!r}: 1.0}}}}))
live = reporter.LiveReporter()
live.begin(folder, 2, 0, 1, 1)
live.look([folder], 1)
live.ended({EVIL!r}, "error", {LINE!r}, 1.0)
print("[red]" + {EVIL!r})
live.end()
with Progress(folder) as bar:
    bar.update(1, 2, **{{{EVIL!r}: 1.0}})
"""
    wrapper = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", wrapper, sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert "\x1b[" in text and text.count("\\x1b]0;owned") >= 4, "it draws"
    for part in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\x7f", "\u202e"):
        assert part not in text
