"""`igr export`: values come back equal from every kind of file, bytes are stable, selections select, and bad input is a
sentence."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from igr_process import Igr

from igr_suite.cli.main import main
from igr_suite.lab.analysis import table_files
from igr_suite.lab.analysis.export import fits
from igr_suite.lab.runs.event_records import crc32c

NAME = "igr/counting"
FIRST, SECOND, BEST = RUNS = ("count-3-s0-072510eb", "count-3-s1-004bb02c", "count-4-s1-a0ebcd3a")
EXPORT = ("export", NAME, "--scale", "smoke")


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Three finished runs; the first one's summary holds a list, numbers that are none and a name of its config."""
    igr = Igr(tmp_path_factory.mktemp("counted"))
    assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    folder = igr.results / NAME / "smoke" / FIRST
    (folder / "meta.json").unlink()  # it holds the checksums of what is changed now
    (folder / "summary.json").write_text(
        '{"total": 3, "seed": 0, "p": [0.1, "NaN"], "worst": "-Infinity", "group": {"share": 0.3}}'
    )
    with (folder / "metrics.jsonl").open("a") as log:
        log.write(
            '{"schema": 1, "step": 4, "value": "NaN", "p": [0.1, 1e-300], "group": {"share": 0.30000000000000004}}\n'
        )
    return igr


@pytest.fixture
def export(counted, monkeypatch, capsys):
    """`igr export` of the counted runs in this process: (words) -> exit code, stdout, stderr."""
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(counted.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(counted.results))

    def run(*words: str, names=(NAME,)) -> tuple[int, str, str]:
        code = main(["export", *names, "--scale", "smoke", *words])
        return code, *capsys.readouterr()

    return run


def read(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def logged(igr, run_id) -> list[dict]:
    return [
        json.loads(line) for line in (igr.results / NAME / "smoke" / run_id / "metrics.jsonl").read_text().splitlines()
    ]


def test_metrics_come_back_equal_in_long_form(counted, export, tmp_path):
    code, out, err = export("--what", "metrics", "--out", str(tmp_path / "new/metrics.csv"))
    assert code == 0 and "metrics of 3 runs, 14 rows" in out, err
    rows = read(tmp_path / "new/metrics.csv")
    assert list(rows[0]) == ["experiment", "scale", "run_id", "until", "seed", "step", "quantity", "value"], (
        "until and seed differ"
    )
    assert {(row["experiment"], row["scale"]) for row in rows} == {(NAME, "smoke")}
    assert {row["run_id"]: (row["until"], row["seed"]) for row in rows} == {
        FIRST: ("3", "0"),
        SECOND: ("3", "1"),
        BEST: ("4", "1"),
    }
    for run_id in (SECOND, BEST):
        found = [(int(row["step"]), row["quantity"], float(row["value"])) for row in rows if row["run_id"] == run_id]
        assert found == [(row["step"], "value", float(row["value"])) for row in logged(counted, run_id)]
    last = {row["quantity"]: row["value"] for row in rows if row["run_id"] == FIRST and row["step"] == "4"}
    assert last == {"value": "nan", "p[0]": "0.1", "p[1]": "1e-300", "group.share": "0.30000000000000004"}


def test_summaries_have_one_row_a_run(export, tmp_path):
    assert export("--out", str(tmp_path / "runs.csv"))[0] == 0
    assert (tmp_path / "runs.csv").read_text().splitlines() == [
        "experiment,scale,run_id,until,seed,total,summary.seed,p,worst,group.share",
        f'{NAME},smoke,{FIRST},3,0,3,0,"[0.1, ""NaN""]",-inf,0.3',
        f"{NAME},smoke,{SECOND},3,1,6,1,,,",
        f"{NAME},smoke,{BEST},4,1,8,1,,,",
    ]


def test_configs_have_every_setting(export, tmp_path):
    assert export("--what", "configs", "--only", "count-4", "--out", str(tmp_path / "configs.csv"))[0] == 0
    (row,) = read(tmp_path / "configs.csv")
    config = {"until": "4", "seed": "1", "pace.seconds": "0.0", "pace.fail": "no", "pace.marks": "[]", "pace.name": ""}
    assert row == {"experiment": NAME, "scale": "smoke", "run_id": BEST, "kind": "Count"} | config


@pytest.mark.parametrize("what", ["summaries", "metrics", "configs"])
def test_a_second_call_writes_equal_bytes(counted, export, tmp_path, what):
    """In another process, whose sets have another order."""
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, of the extra [parquet]")
    for suffix in ("csv", "parquet"):
        paths = [tmp_path / f"{number}.{suffix}" for number in (1, 2)]
        words = ("--what", what, "--out")
        assert counted(*EXPORT, *words, str(paths[0]))[0] == 0 and export(*words, str(paths[1]))[0] == 0
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_parquet_holds_what_csv_holds_with_types(export, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow, of the extra [parquet]")
    for name in ("metrics.csv", "metrics.parquet"):
        assert export("--what", "metrics", "--out", str(tmp_path / name))[0] == 0
    table = parquet.read_table(tmp_path / "metrics.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["run_id"], types["seed"], types["step"], types["value"]) == ("string", "int64", "int64", "double")
    rows = read(tmp_path / "metrics.csv")
    assert table.column_names == list(rows[0])
    np.testing.assert_array_equal(table["value"].to_numpy(), [float(row["value"]) for row in rows])
    assert [str(value) for value in table["step"].to_pylist()] == [row["step"] for row in rows]


def test_conditions_on_one_path_are_alternatives_and_on_several_all_hold(export, tmp_path):
    def chosen(*words: str) -> set[str]:
        code, out, err = export(*words, "--out", str(tmp_path / "chosen.csv"))
        assert code == 0, err
        return {row["run_id"] for row in read(tmp_path / "chosen.csv")}

    assert chosen() == set(RUNS)
    assert chosen("--where", "seed=1") == {SECOND, BEST}
    assert chosen("--where", "seed=1", "--where", "until=4.0") == {BEST}
    assert chosen("--where", "seed=0", "--where", "seed=1", "--where", "until=3") == {FIRST, SECOND}
    assert chosen("--where", "kind=Count", "--where", "pace.name=none", "--only", "s0") == {FIRST}


def test_text_fits_a_value_of_its_type():
    good = [(0.5, "5e-1"), (3, "3.0"), (True, "yes"), (None, "none"), ((1, 2), "1, 2"), ((), ""), ("a,b", "a,b")]
    bad = [(0.5, "a half"), (3, "3.5"), (True, "1.0"), (None, "0"), ((1, 2), "1"), ("GS", "gs")]
    assert all(fits(value, text) for value, text in good) and not any(fits(value, text) for value, text in bad)


def test_several_experiments_go_into_one_table(counted, export, tmp_path):
    other = counted.reproductions / "igr" / "again"
    if not other.exists():
        other.mkdir()
        (other / "run.py").write_text(
            (other.parent / "counting/run.py").read_text().replace('item="counting"', 'item="again"')
        )
    assert counted("run", "igr/again", "--scale", "smoke", "--no-plot", "--only", "s0")[0] == 0
    assert export("--where", "seed=0", "--out", str(tmp_path / "both.csv"), names=("igr/again", NAME, NAME))[0] == 0
    assert [(row["experiment"], row["run_id"]) for row in read(tmp_path / "both.csv")] == [
        ("igr/again", FIRST),
        (NAME, FIRST),
    ]


def test_tensorflow_reads_the_event_files(export, tmp_path):
    """Records with their checksums, and every number in float32 at its step."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    for _ in range(2):  # the second call replaces the first one's file
        code, out, err = export("--tensorboard", str(tmp_path))
        assert code == 0 and "event files of 3 runs" in out, err
    found = {path.parent.name: path for path in tmp_path.rglob("*tfevents*")}
    assert set(found) == set(RUNS) and found[FIRST].parent == tmp_path / NAME / "smoke" / FIRST
    events = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(found[FIRST]))]
    assert events[0].file_version == "brain.Event:2"
    scalars = [(event.step, value.tag, value.simple_value) for event in events[1:] for value in event.summary.value]
    assert scalars[:3] == [(step, "value", float(step)) for step in (1, 2, 3)]
    p, share = float(np.float32(0.1)), float(np.float32(0.3))
    assert scalars[4:7] == [(4, "p[0]", p), (4, "p[1]", 0.0), (4, "group.share", share)] and np.isnan(scalars[3][2])
    names = [(step, tag) for step, tag, _ in scalars[7:]]
    assert names == [(4, f"summary/{name}") for name in ("total", "seed", "p[0]", "p[1]", "worst", "group.share")]
    assert [scalars[i][2] for i in (7, 8, 11, 12)] == [3.0, 0.0, -np.inf, share]


def test_checksum_of_the_standard_s_example():
    """RFC 3720, appendix B.4, and the check value of CRC-32C."""
    assert crc32c(b"123456789") == 0xE3069283 and crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43


def test_nothing_heavy_is_imported(counted, tmp_path):
    lines = (
        f"import sys; from igr_suite.cli.main import main; assert main({[*EXPORT, '--out', str(tmp_path / 'a.csv')]}) "
        f"== 0; "
        f"assert main({[*EXPORT, '--tensorboard', str(tmp_path)]}) == 0; "
        "heavy = {'tensorflow', 'keras', 'tensorboard', 'pandas', 'scipy', 'pyarrow'} & set(sys.modules); assert not "
        "heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", lines], env=counted.environment, check=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "say where to write: --out runs.csv, --out runs.parquet or --tensorboard FOLDER"),
        (("--out", "runs.txt"), "a table is written to a file that ends in .csv or .parquet, got 'runs.txt'"),
        (("--out", "x.csv", "--where", "untill=3"), "no run has the column 'untill' of --where: did you mean 'until'?"),
        (("--out", "x.csv", "--where", "until=5"), "no run with until=5 is left; there are until=3, 4"),
        (("--out", "x.csv", "--where", "until"), "--where takes path=value"),
        (("--out", "x.csv", "--only", "zzz"), "no finished run matches --only 'zzz'"),
        (("--out", "x.csv", "--scale", "quick"), "no finished run in"),
        (("--out", "x.csv", "--scale", "smok"), "did you mean 'smoke'?"),
        (("--out", "/dev/null/x.csv"), "cannot write /dev/null/x.csv: File exists; choose another file with --out"),
        (("--tensorboard", "/dev/null/x"), "choose another folder with --tensorboard"),
    ],
)
def test_bad_input_of_export_is_a_sentence(export, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    code, out, err = export(*words)
    assert code == 2 and err.startswith("igr: ") and sentence in err and not list(tmp_path.iterdir())


def test_an_unknown_experiment_is_a_sentence(export):
    code, out, err = export("--out", "x.csv", names=(NAME, "igr/countin"))
    assert code == 2 and "unknown experiment 'igr/countin': did you mean 'igr/counting'?" in err


def test_what_parquet_needs_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    way_out = re.escape("needs pyarrow, which is not installed: pip install 'igr-suite[parquet]', or name a .csv file")
    with pytest.raises(table_files.UserError, match=way_out):
        table_files.write_table(tmp_path / "a.parquet", [{"a": 1}])
    table_files.write_table(tmp_path / "a.csv", [{"a": 1}, {"b": True, "a": 0.5}])
    assert (tmp_path / "a.csv").read_text() == "a,b\n1.0,\n0.5,true\n"
