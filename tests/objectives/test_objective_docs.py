"""The guide to objectives in a loop of one's own runs as it stands."""

import re

import guides


def test_the_guide_runs(capsys):
    guides.run_python("use_an_objective.md")
    printed = capsys.readouterr().out
    before, after = map(int, re.search(r"bound (-\d+) -> (-\d+)", printed).groups())
    assert after > before + 250
    iwae, dreg = (float(value) for value in re.findall(r"of the gradient ([\d.]+)", printed))
    assert dreg < iwae and "bounds of (50, 4)" in printed
