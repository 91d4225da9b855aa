"""The `igr` command as users meet it: output, exit codes, sentences, and no TensorFlow where none is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from igr_suite.cli import doctor


def test_a_new_user_walks_through(igr):
    code, out, err = igr("list")
    assert code == 0 and "igr/counting" in out and "0/2+ 6 s" in out
    assert (
        "nothing has been run yet; start with `igr run igr/counting --scale smoke`" in igr("status", "igr/counting")[1]
    )
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--dry-run")
    assert code == 0 and "2 of 2 runs to do" in out and "stage 2 follows" in out and not igr.results.exists()
    assert igr("run", "igr/counting", "--scale", "smoke")[0] == 0
    assert "3/3 6 s" in igr("list")[1]
    assert "igr/counting, smoke: 3 finished" in igr("status", "igr/counting")[1]
    code, out, err = igr("plot", "igr/counting", "--scale", "smoke")
    assert code == 0 and "| 0 | 3 |" in out
    code, out, err = igr("check", "igr/counting", "--scale", "smoke")
    assert code == 1 and "together: 1 pass, 1 fail, 2 not comparable" in out
    assert (igr.results / "igr/counting/smoke/ledger.csv").exists()
    log = igr.results / "igr/counting/smoke/count-3-s0-072510eb/metrics.jsonl"
    log.write_text("garbage\n" + log.read_text() + "more\n")
    code, out, err = igr("status", "igr/counting")
    assert code == 1 and "count-3-s0-072510eb: line 1 of metrics.jsonl is not a metrics row" in out
    (log.parent / "summary.json").unlink()
    code, out, err = igr("status", "igr/counting")
    assert code == 2 and "line 5 is not a metrics row" in out, "unfinished: the run would go on from these rows"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "igr/countin"), "unknown experiment 'igr/countin': did you mean 'igr/counting'?"),
        (("run", "igr/counting", "--scale", "quik"), "unknown scale 'quik': did you mean 'quick'?"),
        (("run", "igr/counting", "--set", "pace.secs=1"), "did you mean 'pace.seconds'?"),
        (("run", "igr/counting", "--set", "until"), "--set takes path=value"),
        (("run", "igr/counting", "--set", "until=1,x"), "until must be an integer, got '1,x'"),
        (("run", "igr/counting", "--only", "zzz"), "matches --only 'zzz'"),
        (("run", "igr/counting", "--jobs", "0"), "--jobs must be at least 1, got 0"),
        (("run", "igr/counting", "--results", "/dev/null/x"), "cannot write /dev/null/x"),
        (("plot", "igr/counting"), "no finished run in"),
        (("check", "igr/counting"), "no finished run in"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(igr, words, sentence):
    code, out, err = igr(*words)
    assert code == 2 and "igr: " in err and sentence in err and "Traceback" not in err


def test_a_file_of_settings_is_as_good_as_set(igr, tmp_path):
    for name, text in (
        ("a.json", '{"until": 4, "pace": {"seconds": 0, "marks": [1, 2], "name": null}}'),
        ("a.toml", "until = 4\npace.seconds = 0"),
        ("a.yaml", "until: 4  # steps\npace:\n  seconds: 0\n  marks: [1, 2]\n  name: null\n"),
        ("a.yml", "until: 4\npace.seconds: 0e-3"),  # which YAML 1.1 takes for text
    ):
        (tmp_path / name).write_text(text)
        again = ("igr/counting", "--scale", "smoke", "--config", str(tmp_path / name))
        code, out, err = igr("run", *again, "--set", "seed=1", "--set", "until=4")
        assert code == 0, err
        assert "count-4-s1" in igr("status", *again, "--set", "seed=1")[1]
    assert (igr.results / "igr/counting/smoke+pace.seconds=0,seed=1,until=4").exists()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", '{"until": 4, "pace.secs": 1}', "did you mean 'pace.seconds'?"),
        ("a.json", '{"until": 5}', "'until' is set twice, to '5' and to '4'"),
        ("a.json", '{"until": ', "a.json is not JSON"),
        ("a.json", "[1]", "must hold keys and values"),
        ("a.json", '{"pace": {"marks": [[1]]}}', "'pace.marks' in --config must be a number"),
        ("a.toml", "until = ", "a.toml is not TOML"),
        ("a.yaml", "until: [", "a.yaml is not YAML: while parsing"),
        ("a.yml", "until: !!python/tuple [1]", "a.yml is not YAML: could not determine a constructor"),
        ("a.yaml", "until: 4\nuntil: 5", "a.yaml is not YAML: the key 'until' occurs twice"),
        ("a.yaml", "", "must hold keys and values"),
        ("a.yaml", "pace: {on: 1}", "has the key True, which is not text"),
        ("a.yaml", "seed: 2020-01-01", "'seed' in --config must be a number"),
        ("a.ini", "until: 4", "takes a .json, .toml, .yaml, .yml file"),
        ("absent.json", None, "absent.json: No such file"),
    ],
)
def test_a_wrong_file_of_settings_is_a_sentence(igr, tmp_path, name, text, sentence):
    if text is not None:
        (tmp_path / name).write_text(text)
    code, out, err = igr("run", "igr/counting", "--config", str(tmp_path / name), "--set", "until=4")
    assert code == 2 and "igr: " in err and sentence in err and "Traceback" not in err


def test_the_original_repository_s_keys_run_here(igr, tmp_path):
    (tmp_path / "hyper.json").write_text(
        '{"dataset_name": "mnist_5k", "model_type": "GSMDis", "temp": 0.3, "n_required": 11, "epochs": 3}'
    )
    places = {"IGR_REPRODUCTIONS": str(Path(__file__).resolve().parents[2] / "reproductions")}
    words = ("run", "igr/discrete_vae", "--scale", "smoke", "--dry-run", "--config", str(tmp_path / "hyper.json"))
    code, out, err = igr(*words, **places)
    assert code == 0 and "mnist_5k-IGR_I_Dis-t0.3" in out and "1 of 1 runs to do; results in" in out and "smoke+" in out
    code, out, err = igr(*words, "--set", "run_jv=true", **places)
    assert code == 2 and err.startswith("igr: ") and "continuous" in err
    code, out, err = igr(*words, "--set", "tempp=1", **places)
    assert code == 2 and "did you mean 'temp'?" in err
    code, out, err = igr(*words, "--data", "mnist", **places)
    assert code == 2 and "'data.name' is set twice" in err


@pytest.mark.parametrize(
    ("words", "variables", "sentence"),
    [
        (["run", "--no-plot"], {"IGR_COMPILER": "jax"}, "IGR_COMPILER is 'jax': known: graph, measure, xla"),
        (["submit", "--dry-run"], {"IGR_COMPILER": "Measure"}, "did you mean 'measure'?"),
        (["run", "--strategy", "mirrored"], {"IGR_COMPILER": "xla"}, "XLA compiles the steps for one device only"),
    ],
)
def test_a_wrong_compiler_is_refused_before_anything_is_written(igr, words, variables, sentence):
    verb, *options = words
    code, _, err = igr(verb, "igr/counting", "--scale", "smoke", *options, **variables)
    assert code == 2 and sentence in err and "Traceback" not in err
    assert not igr.results.exists()


def test_a_job_script_sets_the_compiler(igr):
    script = ["submit", "igr/counting", "--scale", "smoke", "--dry-run"]
    assert "export IGR_COMPILER=measure\n" in igr(*script, IGR_COMPILER="measure")[1]
    assert "IGR_COMPILER" not in igr(*script)[1]


def test_light_verbs_do_not_import_tensorflow(igr):
    assert igr("run", "igr/counting", "--scale", "smoke")[0] == 0
    lines = "\n".join(
        ["import sys", "from igr_suite.cli.main import main"]
        + [f"assert main({words}) in (0, 1)" for words in (["list"], ["status", "igr/counting"], ["data", "list"])]
        + ["assert 'pandas' not in sys.modules and 'matplotlib' not in sys.modules"]
        + [f"assert main({[verb, 'igr/counting', '--scale', 'smoke']}) in (0, 1)" for verb in ("plot", "check", "run")]
        + [
            "heavy = {'tensorflow', 'keras', 'tensorflow_probability', 'tensorflow_datasets'} & set(sys.modules)",
            "assert not heavy, heavy",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, env=igr.environment, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_doctor_names_the_fix():
    good = {
        **doctor.PINNED,
        "numpy": "2.3.5",
        "h5py": "3.14.0",
        "matplotlib": "3.11.2",
        "tensorflow-datasets": "4.9.10",
    }
    assert {finding.state for finding in doctor.packages(good.get)} == {"ok"}
    for change, word in (({"keras": "3.15.0"}, "3.15.1"), ({"matplotlib": None}, "igr-suite[plot]")):
        notes = [finding for finding in doctor.packages((good | change).get) if finding.state != "ok"]
        assert [finding.what for finding in notes] == list(change)
        assert notes[0].state == "note" and word in notes[0].value
    for change in (
        {"numpy": "2.4.0"},
        {"h5py": "3.15.1"},
        {"keras": None},
        {"tensorflow-cpu": "2.21.0"},
        {"tensorflow": "2.22.0"},
    ):
        broken = [finding for finding in doctor.packages((good | change).get) if finding.state == "BROKEN"]
        assert [finding.what for finding in broken] == list(change) and "pip" in broken[0].fix
    assert doctor.python_version((3, 10, 1)).state == "BROKEN" and doctor.python_version((3, 12, 0)).state == "ok"


def test_check_and_status_without_a_name_go_over_all(igr):
    assert "nothing has been run yet" in igr("status")[1]
    code, out, err = igr("check", "--scale", "smoke")
    assert code == 0 and out.splitlines()[1].split() == ["all", "together", "0", "0", "0"]
    assert igr("run", "igr/counting", "--scale", "smoke", "--no-plot")[0] == 0
    code, out, err = igr("check", "--scale", "smoke")
    assert code == 1 and out.splitlines()[1].split() == ["igr/counting", "paper", "1", "0", "1"]
    code, out, err = igr("status")
    assert code == 0 and out.splitlines()[1].split() == ["igr/counting", "smoke", "3", "0"]
    (igr.results / "igr/counting/smoke/table.md").unlink(missing_ok=True)
    code, out, err = igr("plot", "--all", "--scale", "smoke")
    assert (
        code == 0
        and out.startswith("igr/counting: 1 files in")
        and (igr.results / "igr/counting/smoke/table.md").exists()
    )
    for words in (("plot",), ("plot", "igr/counting", "--all")):
        code, out, err = igr(*words)
        assert code == 2 and "say what to draw" in err
    for verb in ("check", "status"):
        code, out, err = igr(verb, "--set", "until=3")
        assert code == 2 and "give its NAME" in err
