"""The guide to relaxations runs as it stands: its distribution keeps the contract, has the argmax that it says, and
trains."""

import re

import guides

from igr_suite.relaxations import registry


def test_the_guide_runs(monkeypatch, capsys):
    """The largest of four |z| is above 5 by chance once in 400,000; the seed is fixed."""
    monkeypatch.setattr(registry, "RELAXATIONS", dict(registry.RELAXATIONS))
    scope = guides.run_python("add_a_relaxation.md")
    assert registry.RELAXATIONS["IGR_Heavy"] is scope["IGRHeavy"]
    printed = capsys.readouterr().out
    assert float(re.search(r"largest \|z\| ([\d.]+)", printed)[1]) < 5
    for state, sign in (("unsure", 1), ("confident", -1)):
        heavy, plain = map(
            float, re.search(rf"{state}: median distance to the vertex ([\d.]+), IGR-I ([\d.]+)", printed).groups()
        )
        assert sign * (heavy - plain) > 0.01, state
    before, after = map(float, re.search(r"ELBO (-\d+) -> (-\d+)", printed).groups())
    assert after > before + 100
    assert scope["heavy"].posterior(scope["images"][:2] / 255.0).tails == 2.0
