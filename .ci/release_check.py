"""Checks what would be released: builds wheel and source archive, and uses the wheel as somebody would who has no
checkout.

    make release-check          # needs network; about 5 minutes, 3 GB in a temporary folder

The wheel is built from the source archive, so both are complete. It is installed, with the newest versions of what it
needs, into an environment of its own; there and in an empty folder `igr list` finds the experiments, `igr run` runs
one, a Keras model of one's own trains by an estimator, and pip finds no conflict.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
USE = """
import importlib.metadata, pathlib, sys, time
began = time.perf_counter()
import igr_suite
seconds = time.perf_counter() - began
assert "tensorflow" not in sys.modules, "import igr_suite imports TensorFlow"
print(f"import igr_suite: {seconds:.3f} s")
place = pathlib.Path(igr_suite.__file__).parent
assert place.parent.name == "site-packages" and (place / "py.typed").exists(), place
assert importlib.metadata.metadata("igr-suite")["License-Expression"] == "Apache-2.0"
import tensorflow as tf
estimator = igr_suite.estimators.get("disarm")
logits = tf.zeros([3, 4])
estimate = estimator.estimate(lambda b: tf.reduce_sum(b, -1), logits, estimator.noise([3, 4], tf.constant([0, 1])))
assert estimate.gradient.shape == (3, 4)
for name in igr_suite.__all__:
    getattr(igr_suite, name)
"""


def main() -> int:
    """Returns 0 when everything passes."""
    with tempfile.TemporaryDirectory(prefix="release-") as place:
        work = Path(place)
        tools, user, built, empty = (work / name for name in ("tools", "user", "dist", "empty"))
        empty.mkdir()
        venv(tools, "build", "twine")
        step("build", tools / "bin/python", "-m", "build", "--outdir", built, REPOSITORY)
        step("metadata", tools / "bin/twine", "check", "--strict", *sorted(built.iterdir()))
        (wheel,) = built.glob("*.whl")
        venv(user, wheel)
        step("no conflicts", user / "bin/pip", "check", where=empty)
        step("use", user / "bin/python", "-c", USE, where=empty)
        listed = step("list", user / "bin/igr", "list", where=empty)
        wanted = {path.parent.relative_to(REPOSITORY / "reproductions").as_posix() for path in experiments()}
        missing = {name for name in wanted if name not in listed.split()}
        if missing:
            print(f"release-check: the wheel lacks {', '.join(sorted(missing))}", file=sys.stderr)
            return 1
        step("run", user / "bin/igr", "run", "igr/figure_1_simplex_proximity", "--scale", "smoke", where=empty)
        written = sorted(empty.glob("results/igr/figure_1_simplex_proximity/smoke/*/summary.json"))
        if not written:
            print(f"release-check: nothing in {empty / 'results'}", file=sys.stderr)
            return 1
        print(f"release-check: {wheel.name} passes, {len(wanted)} experiments")
    return 0


def experiments() -> list[Path]:
    """Returns the run.py of every experiment of the checkout."""
    return sorted((REPOSITORY / "reproductions").glob("*/*/run.py"))


def venv(folder: Path, *packages: object) -> None:
    """Makes an environment and installs packages into it."""
    step(f"environment for {' '.join(Path(str(p)).name for p in packages)}", sys.executable, "-m", "venv", folder)
    step("install", folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages)


def step(title: str, *words: object, where: Path = REPOSITORY) -> str:
    """Runs a command and returns what it prints; ends the program with its exit code when it fails."""
    print(f"release-check: {title}", flush=True)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "IGR_"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=where, env=outside, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    if done.returncode:
        print(done.stdout)
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
