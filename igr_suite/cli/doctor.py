"""`igr doctor`: checks versions, data, accelerator and folders, and names the fix for what is wrong."""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from igr_suite.cli.options import add_data_dir, add_results, add_verb
from igr_suite.extras import EXTRAS
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs import own_settings
from igr_suite.lab.runs.environment import cores, version

PYTHONS = ((3, 11), (3, 13))
# the versions of the committed results
PINNED = {"tensorflow": "2.21.0", "keras": "3.15.1", "tf-keras": "2.21.0", "tensorflow-probability": "0.25.0"}
TESTED = "no other versions are tested"
RANGES = {  # package: (at least, below, why)
    "tensorflow": ((2, 20), (2, 22), TESTED),
    "keras": ((3, 15), (3, 16), TESTED),
    "tf-keras": ((2, 20, 1), (2, 22), TESTED),
    "tensorflow-probability": ((0, 25), (0, 26), TESTED),
    "numpy": ((2, 1), (2, 4), "TensorFlow Probability 0.25 breaks on 2.4"),
    "h5py": ((3, 12, 1), (3, 15), "Keras and TensorFlow were built against older ones"),
}
REINSTALL = "python -m pip install -r requirements.txt, or --upgrade igr-suite outside a checkout"
DEVICES = "import tensorflow as tf; print('devices', *[d.device_type for d in tf.config.list_physical_devices()])"


OPTIONAL = {"matplotlib": EXTRAS["matplotlib"], "tensorflow-datasets": EXTRAS["tensorflow_datasets"]}


@dataclass(frozen=True)
class Finding:
    """One line: "ok", "note" (not needed) or "BROKEN", what was checked, what was found, and the fix."""

    state: str
    what: str
    value: str
    fix: str = ""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs,
        "doctor",
        "check versions, data, accelerator and folders, and name the fix for what is wrong",
        "  igr doctor",
    )
    add_data_dir(parser)
    add_results(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; returns 2 when something is broken."""
    broken = 0
    for finding in _findings(arguments):
        print(f"{finding.state:<7} {finding.what:<24} {finding.value}", flush=True)
        if finding.fix:
            print(f"{'':7} {'':24} fix: {finding.fix}")
        broken += finding.state == "BROKEN"
    print("\nall is well" if not broken else f"\n{broken} broken; see the fixes above")
    return 2 if broken else 0


def _findings(arguments: argparse.Namespace) -> Iterator[Finding]:
    yield python_version(sys.version_info[:3])
    yield from packages()
    yield writable(results_root(arguments.results))
    yield from settings(os.environ)
    yield from datasets(arguments.data_dir)
    yield devices()


def python_version(own: tuple[int, ...]) -> Finding:
    """Checks the interpreter against the versions that the pinned TensorFlow exists for."""
    text = ".".join(map(str, own))
    if PYTHONS[0] <= own[:2] <= PYTHONS[1]:
        return Finding("ok", "python", text)
    return Finding("BROKEN", "python", text, "install Python 3.11 to 3.13 and make the environment again")


def packages(installed=version) -> Iterator[Finding]:
    """Checks the versions that must match each other; `installed` maps a name to a version or None."""
    for name, (least, below, why) in RANGES.items():
        own = installed(name)
        numbers = tuple(int(part) for part in re.findall(r"\d+", own or "")[:3])
        if own is None or not least <= numbers < below:
            fix = f"needs {name}>={_dotted(least)},<{_dotted(below)} ({why}): {REINSTALL}"
            yield Finding("BROKEN", name, own or "not installed", fix)
        elif own != PINNED.get(name, own):
            yield Finding("note", name, f"{own}; committed results are of {PINNED[name]}, last digits may differ")
        else:
            yield Finding("ok", name, own)
    for name, (extra, purpose) in OPTIONAL.items():
        own = installed(name)
        lacking = f"not installed; {purpose} needs it: pip install 'igr-suite[{extra}]'"
        yield Finding("note" if own is None else "ok", name, own or lacking)
    if installed("tensorflow-cpu"):
        fix = "python -m pip uninstall -y tensorflow-cpu tensorflow && " + REINSTALL
        yield Finding("BROKEN", "tensorflow-cpu", "installed beside tensorflow in the same folder", fix)


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def writable(root: Path) -> Finding:
    """Checks that a file can be made in the results folder, or in the nearest folder above it that exists."""
    place = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding("ok", "results folder", str(root))
    except OSError as error:
        return Finding(
            "BROKEN", "results folder", f"{root}: {error.strerror}", "choose another with --results PATH or IGR_RESULTS"
        )


def settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Reports the user's settings that are hidden from runs, and those that may change the last digits of their
    results."""
    for name, value in own_settings.ignored(environment).items():
        yield Finding(
            "note", "setting", f"{name} ({value}): runs do not see it, so that equal configs give equal results"
        )
    for name, value in own_settings.recorded(environment).items():
        yield Finding(
            "note", "setting", f"{name}={value}: runs keep it and note it in meta.json; it may change their last digits"
        )


def datasets(data_dir: str | None) -> Iterator[Finding]:
    """Reports which datasets are ready; the absence of one is no defect, except for the embedded one."""
    from igr_suite import data

    for info in data.available():
        status = data.status(info.name, data_dir)
        if status.prepared:
            yield Finding("ok", f"data {info.name}", str(status.note))
        elif info.name == "mnist_5k":
            yield Finding("BROKEN", f"data {info.name}", status.note, REINSTALL)
        else:
            yield Finding("note", f"data {info.name}", f"absent; `igr data fetch {info.name}` gets it or says how")


def devices() -> Finding:
    """Checks, in a separate process, which devices TensorFlow sees."""
    environment = dict(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    own_settings.pin(environment)
    output = ""
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [sys.executable, "-c", DEVICES],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=120,
        )
        output = next((line for line in done.stdout.splitlines() if line.startswith("devices")), "")
        if not output:
            last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
            return Finding("BROKEN", "accelerator", f"TensorFlow does not start: {last}", REINSTALL)
    kinds = output.split()[1:]
    if "GPU" in kinds:
        return Finding("ok", "accelerator", f"{kinds.count('GPU')} GPU, {cores()} cores")
    if Path("/proc/driver/nvidia").exists():
        return Finding(
            "BROKEN",
            "accelerator",
            "there is an NVIDIA driver, but TensorFlow sees no GPU",
            "python -m pip install 'igr-suite[gpu]', or '.[gpu]' in a checkout",
        )
    return Finding("ok", "accelerator", f"none; CPU with {cores()} cores")
