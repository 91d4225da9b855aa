import os
from pathlib import Path

import pytest
from golden_values import PLACE, Golden, Whole

from igr_suite.estimators.names import KNOWN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # one thread a process: `make test` runs two
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def pytest_addoption(parser):
    text = "run the tests with golden values only, and write these again (into FOLDER, to compare machines)"
    parser.addoption("--rewrite-golden", nargs="?", const=str(PLACE), metavar="FOLDER", help=text)


# Files that take longest begin first, so that no worker is left with one of them at the end (Makefile: --no-loadscope-reorder).
LONG = (
    "end_to_end/",
    "cluster/test_slurm_array.py",
    "report/test_report.py",
    "decoupling/test_decoupled_replicas.py",
    "decoupling/test_decoupled_keras.py",
)


# Tests of models, of tapes and of unusual inputs that meet every estimator of the package: at every change these ones,
# which are of all routes, targets and kinds of variables; all of them in `make sweep`.
OF_MODELS = (
    "estimators/test_estimator_derivatives.py",
    "estimators/test_estimator_inputs.py",
    "families/half_mnist/test_half_mnist_estimators.py",
    "families/hard_vae/test_hard_vae_estimators.py",
    "families/sbn/test_sbn_estimators.py",
    "models/test_vae_families.py",
    "statistical/test_conformance_on_tape.py",
)
ALWAYS = {
    *("carms", "disarm", "dynamic_rebar", "local_expectation", "nvil", "relax", "rloo", "rws", "straight_through"),
    "vimco",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        name = getattr(getattr(item, "callspec", None), "params", {}).get("name")
        if name in KNOWN and name not in ALWAYS and any(part in item.nodeid for part in OF_MODELS):
            item.add_marker(pytest.mark.sweep)
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONG))
    if config.getoption("--rewrite-golden"):
        config.hook.pytest_deselected(items=[item for item in items if "golden" not in item.fixturenames])
        items[:] = [item for item in items if "golden" in item.fixturenames]


@pytest.fixture(scope="session")
def golden(request):
    """`golden(name, run, ...)`: see golden_values.py."""
    folder = request.config.getoption("--rewrite-golden")
    return Whole(Golden(rewrite=bool(folder), place=Path(folder or PLACE)))
