"""A sweep from the command line: run, status, export, and what is refused."""

import csv

SWEEP = ("igr/counting", "--scale", "smoke", "--set", "until=4,5", "--set", "pace.seconds=0,1e-3")
FOLDER = "igr/counting/smoke+pace.seconds=0,1e-3,until=4,5"


def table(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_runs_and_is_listed_and_exported(igr, tmp_path):
    code, out, err = igr("run", *SWEEP, "--only", "s0", "--only", "zzz")
    assert code == 0 and "4 runs; " in err and "--sweep --out sweep.csv" in out, err
    assert len(list((igr.results / FOLDER).glob("*/summary.json"))) == 4
    code, out, err = igr("status")
    assert code == 0 and "smoke, until=4,5 x pace.seconds=0,1e-3" in out
    assert out.splitlines()[1].split()[-2:] == ["4", "0+"], "what --only left out is not missing"
    code, out, err = igr("status", "igr/counting")
    assert code == 0 and "a sweep: igr status igr/counting --scale smoke --set until=4,5" in out
    code, out, err = igr("status", *SWEEP)
    assert code == 0 and "igr/counting, smoke: 4 finished" in out
    code, out, err = igr("export", "igr/counting", "--scale", "smoke", "--sweep", "--out", str(tmp_path / "all.csv"))
    assert code == 0 and "summaries of 4 runs" in out, err
    rows = table(tmp_path / "all.csv")
    assert list(rows[0])[:6] == ["experiment", "scale", "run_id", "until", "pace.seconds", "total"]
    assert [(row["until"], row["total"]) for row in rows] == [("4", "4"), ("4", "4"), ("5", "5"), ("5", "5")]
    code, out, err = igr("export", *SWEEP, "--sweep", "--out", str(tmp_path / "this.csv"))
    assert code == 0 and table(tmp_path / "this.csv") == rows

    more = [word.replace("until=4,5", "until=4,5,6") for word in SWEEP]
    code, out, err = igr("run", *more, "--only", "s0")
    assert code == 0 and err.count("copied count-") == 4 and "4 already finished" in err, "a larger grid copies"
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--set", "until=5", "--set", "pace.seconds=1e-3")
    assert code == 0 and "copied count-5-s0" in err and "draw again" in out, "one point is drawn"


def test_what_a_sweep_is_not_for_is_refused(igr, tmp_path):
    for words in (("plot", *SWEEP), ("check", *SWEEP)):
        code, out, err = igr(*words)
        assert code == 2 and "until and pace.seconds have several values" in err and "--set until=4" in err
    out_file = ("--out", str(tmp_path / "a.csv"))
    code, out, err = igr("export", "igr/counting", "--scale", "smoke", "--sweep", *out_file)
    assert code == 2 and "no sweep at scale smoke" in err
    code, out, err = igr("export", "igr/counting", "--scale", "smoke", "--set", "until=5", "--sweep", *out_file)
    assert code == 2 and "takes settings with several values" in err
    code, out, err = igr("run", *SWEEP, "--dry-run")
    assert code == 0 and "to do" in out and not (igr.results / FOLDER).exists()
