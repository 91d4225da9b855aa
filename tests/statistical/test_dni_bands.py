"""Test errors of five epochs on full MNIST inside the bands of an independent replication
(docs/papers/dni.md, section 5.17).
"""

import pytest

from igr_suite import data
from igr_suite.families.dni.presets import named
from igr_suite.families.dni.train import execute
from igr_suite.lab.runs.store import RunFolder

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.skipif(not data.status("mnist").prepared, reason="full MNIST is not prepared; set TFDS_DATA_DIR"),
]


@pytest.mark.parametrize(
    ("name", "scale", "low", "high"),
    [("B-relu", None, 0.0, 2.8), ("B-cdni", "batch", 3.0, 5.5), ("B-cdni", "example", 0.0, 2.7)],
)
def test_errors_after_five_epochs(tmp_path, name, scale, low, high):
    config = named(name, data="mnist", seed=0, epochs=5, sg_scale=scale, evaluate_every=5)
    with RunFolder(tmp_path / "run").open(config) as folder:
        execute(config, folder)
    assert low <= 100 * folder.summary()["test_error"] <= high
