"""The container's recipe names files that exist and commands that run; building it needs a registry, which the tests do
not have."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SECTIONS = ("arguments", "files", "post", "environment", "runscript", "test", "labels", "help")


def sections() -> dict[str, str]:
    parts = re.split(r"^%(\w+)\n", (REPOSITORY / "singularity.def").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_the_recipe_has_all_sections_and_copies_what_it_installs():
    found = sections()
    assert tuple(found) == SECTIONS
    copied = [line.split() for line in found["files"].strip().splitlines()]
    for source, target in copied:
        assert (REPOSITORY / source).exists(), source
        assert target == f"/opt/igr_suite/{source}"
    assert "-r /opt/igr_suite/requirements.txt" in found["post"]
    assert 'exec igr "$@"' in found["runscript"]


def test_what_points_to_the_host_s_python_stays_outside():
    """Apptainer passes all of the host's variables on; %environment comes after them, `--env` after it."""
    host = {
        "PYTHONPATH": "/host/python3.9",
        "PYTHONHOME": "/host",
        "PYTHONUSERBASE": "/host",
        "VIRTUAL_ENV": "/host",
        "LC_ALL": "tr_TR",
    }
    host |= {"MPLBACKEND": "TkAgg", "MATPLOTLIBRC": "/host/rc", "MPLCONFIGDIR": "/host/mpl", "KERAS_BACKEND": "jax"}
    host |= {"KERAS_HOME": "/host/keras", "TF_USE_LEGACY_KERAS": "1"}
    command = ["sh", "-c", sections()["environment"] + "\nenv"]
    kept = {"PATH": "/usr/bin:/bin", "IGR_RESULTS": "/scratch/results", "TFDS_DATA_DIR": "/scratch/tfds"}
    done = subprocess.run(command, env=host | kept, capture_output=True, text=True, check=True)
    inside = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert not [name for name in host if inside.get(name) == host[name]]
    assert inside["PYTHONNOUSERSITE"] == "1" and inside["LC_ALL"] == "C.UTF-8" and "PYTHONPATH" not in inside
    assert inside["IGR_RESULTS"] == kept["IGR_RESULTS"] and inside["TFDS_DATA_DIR"] == kept["TFDS_DATA_DIR"]


def test_help_says_how_to_use_a_gpu_and_bind_results():
    text = sections()["help"]
    assert "--nv" in text
    assert "--bind" in text


def test_requirements_pin_tensorflow_and_not_its_cpu_twin():
    pins = dict(
        re.findall(
            r"^([A-Za-z0-9_.-]+)==(\S+)", (REPOSITORY / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    assert pins["tensorflow"] == "2.21.0"
    assert "tensorflow-cpu" not in pins
