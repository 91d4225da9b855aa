"""The committed table is the registry's, and the guide's code runs as it stands."""

import re
from pathlib import Path

from igr_suite.estimators import base, registered
from igr_suite.estimators.table import PLACE, document

GUIDE = Path(__file__).parents[2] / "docs" / "add_an_estimator.md"


def test_the_committed_table_is_the_generated_one():
    """Mended by `python -m igr_suite.estimators.table`."""
    assert PLACE.read_text() == document()
    for name, cls in registered().items():
        assert f"| `{name}`" in document()
        assert "Source:" in cls.__doc__, f"{name} names no source"


def test_the_guide_runs(monkeypatch, capsys):
    monkeypatch.setattr(base, "_registry", dict(base._registry))
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    assert len(blocks) == 3
    scope = {"__name__": "guide"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{GUIDE.name}, block {number}", "exec"), scope)
    assert "mirrored_reinforce" in registered()
    printed = capsys.readouterr().out
    variances = {name: float(value) for name, value in re.findall(r"(\w+) variance ([\d.]+)", printed)}
    assert variances["mirrored_reinforce"] > variances["disarm"] > 0
