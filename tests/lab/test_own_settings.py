"""Settings of Keras, TensorFlow or Python that a user has made elsewhere do not reach a run, or are recorded; `igr
doctor` shows them."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from igr_suite.cli.doctor import settings
from igr_suite.errors import UserError
from igr_suite.families.dni.copy_rnn import CopyRNN
from igr_suite.families.dni.model import DNIClassifier
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.mixture.model import MixtureVAE
from igr_suite.families.sbn.model import SBN
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.lab.runs import environment as descriptions
from igr_suite.lab.runs import own_settings
from igr_suite.lab.runs.store import RunFolder
from igr_suite.networks.plain_keras import PLAIN, require_plain_keras

OTHER_KERAS = {
    "floatx": "float64",
    "epsilon": 0.1,
    "backend": "jax",
    "image_data_format": "channels_first",
    "nnx_enabled": True,
}
SWITCHES = {name: "1" for name, value in own_settings.PINNED.items() if value is None and not name.startswith("NPY_")}
SWITCHES["TF2_BEHAVIOR"] = "0"  # 1 is the default
SWITCHES["NPY_DISABLE_CPU_FEATURES"] = "AVX512_SPR"  # numpy takes one of the two only, and names that it knows
FLAGS = {
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_gpu_cuda_data_dir=/opt/cuda",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
}
SEES = """
import json, os, sys
from typing import ClassVar

import dummy_runs

class Seeing(dummy_runs.Count):
    executor: ClassVar[str] = "settings_seen:execute"

def execute(config, folder):
    flags = {"optimize": sys.flags.optimize, "warnings": sys.warnoptions}
    (folder.path / "seen.json").write_text(json.dumps(dict(os.environ) | flags))
    dummy_runs.execute(config, folder)
"""


def keras_json(folder: Path, text: str | None = None) -> dict[str, str]:
    folder.mkdir()
    (folder / "keras.json").write_text(json.dumps(OTHER_KERAS) if text is None else text, encoding="utf-8")
    return {"KERAS_HOME": str(folder)}


def test_a_run_starts_from_the_plain_settings(tmp_path):
    hostile = (
        keras_json(tmp_path / "keras")
        | SWITCHES
        | FLAGS
        | {"KERAS_BACKEND": "torch", "HOME": "/home/me", "NVIDIA_TF32_OVERRIDE": "0"}
    )
    plain = dict(hostile)
    own_settings.pin(plain)
    assert {name: plain.get(name) for name in own_settings.PINNED} == own_settings.PINNED
    assert plain["XLA_FLAGS"] == "--xla_gpu_cuda_data_dir=/opt/cuda", "where CUDA is, not what is computed"
    assert "TF_XLA_FLAGS" not in plain and plain["HOME"] == "/home/me"
    assert own_settings.pinned(plain) == {}, "nothing is left to change"
    assert own_settings.recorded(plain) == {"NVIDIA_TF32_OVERRIDE": "0", "XLA_FLAGS": plain["XLA_FLAGS"]}
    assert set(own_settings.ignored(plain)) == set()


def test_what_runs_do_not_see_is_said(tmp_path):
    hostile = keras_json(tmp_path / "keras") | SWITCHES | FLAGS | {"KERAS_BACKEND": "torch", "PYTHONOPTIMIZE": "2"}
    said = own_settings.ignored(hostile)
    file = str(tmp_path / "keras" / "keras.json")
    assert set(said) == {*SWITCHES, *FLAGS, "KERAS_BACKEND", "PYTHONOPTIMIZE", file}
    assert said[file] == "floatx=float64, epsilon=0.1, image_data_format=channels_first, backend=jax, nnx_enabled=True"
    lines = [finding.value for finding in settings(hostile | {"NVIDIA_TF32_OVERRIDE": "0"})]
    assert sum("runs do not see it" in line for line in lines) == len(said)
    assert sum("runs keep it and note it in meta.json" in line for line in lines) == 2, (
        "NVIDIA_TF32_OVERRIDE and XLA_FLAGS"
    )


def test_plain_settings_are_not_worth_a_word(tmp_path):
    equal = {name: value for name, value in own_settings.KERAS_DEFAULTS.items() if name != "nnx_enabled"}
    plain = keras_json(tmp_path / "keras", json.dumps(equal)) | {"KERAS_BACKEND": "tensorflow", "PYTHONWARNINGS": ""}
    assert own_settings.ignored(plain) == {} and not list(settings(plain))


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "content=unreadable"), ("[]", "content=unreadable"), ('"x"', "content=unreadable"), ("{}", None)],
)
def test_any_keras_json_can_be_looked_at(tmp_path, text, said):
    home = keras_json(tmp_path / "keras", text)
    assert own_settings.ignored(home) == ({} if said is None else {str(tmp_path / "keras" / "keras.json"): said})


def test_keras_itself_comes_up_plain(tmp_path):
    """The one test here that imports TensorFlow in a process of its own, with a keras.json that Keras refuses."""
    code = (
        "from igr_suite.lab.runs.own_settings import pin; pin(); import keras; from igr_suite.networks.plain_keras "
        "import *; "
    )
    code += (
        "require_plain_keras(); print(keras.config.floatx(), keras.config.is_nnx_enabled(), keras.config.max_epochs())"
    )
    hostile = (
        os.environ | SWITCHES | FLAGS | keras_json(tmp_path / "keras", json.dumps(OTHER_KERAS | {"floatx": "float8"}))
    )
    done = subprocess.run([sys.executable, "-c", code], env=hostile, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["float32", "False", "None"]


@pytest.mark.parametrize(
    "variables",
    [{}, {"IGR_FRESH_WORKERS": "1"}, {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"}],
    ids=["forked", "fresh", "flags"],
)
def test_workers_see_the_plain_settings(igr, tmp_path, variables):
    (tmp_path / "settings_seen.py").write_text(SEES, encoding="utf-8")
    run = igr.reproductions / "igr/counting/run.py"
    run.write_text(
        run.read_text().replace(
            "from dummy_runs import Count, Pace",
            "from settings_seen import Seeing as Count\nfrom dummy_runs import Pace",
        )
    )
    hostile = (
        keras_json(tmp_path / "keras")
        | SWITCHES
        | FLAGS
        | {"KERAS_BACKEND": "jax", "TF_DETERMINISTIC_OPS": "1"}
        | variables
    )
    path = os.pathsep.join([str(tmp_path), igr.environment["PYTHONPATH"]])
    code, out, err = igr(
        "run", "igr/counting", "--scale", "smoke", "--only", "count-3-s0", "--no-plot", PYTHONPATH=path, **hostile
    )
    assert code == 0, err
    assert "KERAS_BACKEND (jax) is not used" in err and "floatx=float64" in err
    [folder] = (igr.results / "igr/counting/smoke").glob("count-3-s0-*")
    seen = json.loads((folder / "seen.json").read_text())
    assert {name: seen.get(name) for name in own_settings.PINNED} == own_settings.PINNED
    assert seen["XLA_FLAGS"] == "--xla_gpu_cuda_data_dir=/opt/cuda" and "TF_XLA_FLAGS" not in seen
    assert seen["optimize"] == 0 and seen["warnings"] == []
    assert RunFolder(folder).meta()["variables"] == {"TF_DETERMINISTIC_OPS": "1", "XLA_FLAGS": seen["XLA_FLAGS"]}


OTHERS = {"floatx": "float64", "dtype_policy": "mixed_float16", "epsilon": 1e-3, "image_data_format": "channels_first"}
MODELS = (CopyRNN, DiscreteVAE, DNIClassifier, DReGVAE, HalfMNIST, HardVAE, MixtureVAE, RelaxVAE, SBN, StructuredOutput)


@pytest.fixture
def other_keras():
    """other_keras(setting) gives this process another setting of Keras, until the test ends."""
    before = {name: getattr(keras.config, name)() for name in OTHERS}
    yield lambda name: getattr(keras.config, f"set_{name}")(OTHERS[name])
    for name, value in before.items():
        getattr(keras.config, f"set_{name}")(value)


@pytest.mark.parametrize("setting", OTHERS)
def test_a_process_with_other_settings_is_told_what_to_set(other_keras, setting):
    require_plain_keras()
    other_keras(setting)
    with pytest.raises(
        UserError,
        match=rf"keras.config.{setting}\(\) is {OTHERS[setting]} in this process .* use keras.config.set_{setting}",
    ):
        require_plain_keras()


def test_every_setting_can_be_another():
    assert set(OTHERS) == set(PLAIN) - {"backend"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_model_of_a_run_is_built_with_other_settings(other_keras, model):
    """In a user's own process (a notebook, a guide's code) too; her own Keras layers keep her settings."""
    wanted = [p for p in list(inspect.signature(model.__init__).parameters.values())[1:] if p.default is p.empty]
    other_keras("floatx")
    with pytest.raises(UserError, match="keras.config.floatx"):
        model(**{parameter.name: None for parameter in wanted})


def test_these_are_all_models_of_runs():
    texts = {
        path: path.read_text(encoding="utf-8") for path in Path(inspect.getfile(DiscreteVAE)).parents[1].glob("*/*.py")
    }
    stepped = {path for path, text in texts.items() if "(keras.Model)" in text and "jit_steps" in text}
    assert stepped == {Path(inspect.getfile(model)) for model in MODELS}


def test_meta_names_the_commit_of_the_package_whatever_git_is_told(monkeypatch, tmp_path):
    before = descriptions.git_state()
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert descriptions.git_state() == before


def test_what_tensorflow_leaves_in_the_environment_is_no_setting_of_a_user():
    assert "TF2_BEHAVIOR" not in own_settings.pinned({"TF2_BEHAVIOR": "1"})
    assert own_settings.pinned({"TF2_BEHAVIOR": "0"})["TF2_BEHAVIOR"] is None
