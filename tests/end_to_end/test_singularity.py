"""The container's recipe names files that exist and commands that run; building it needs a registry, which tests have not."""

import re
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


def test_help_says_how_to_use_a_gpu_and_bind_results():
    text = sections()["help"]
    assert "--nv" in text
    assert "--bind" in text


def test_requirements_pin_every_package_exactly():
    lines = [line for line in (REPOSITORY / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.+-]+", line) for line in lines), lines
    pins = dict(line.lower().split("==") for line in lines)
    assert pins["tensorflow"] == "2.21.0"
    assert "tensorflow-cpu" not in pins
