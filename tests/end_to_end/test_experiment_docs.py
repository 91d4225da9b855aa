"""The guide to experiments runs as it stands, in a folder outside the repository."""

import guides
import pytest


@pytest.mark.sweep
def test_the_guide_runs(tmp_path):
    printed = guides.run_shell("add_an_experiment.md", tmp_path)
    assert "DisARM on one coin, by learning rate" in printed
    assert "2 of 2 runs to do" in printed and "stage 2 follows" in printed
    assert printed.count("1 pass, 0 fail, 0 not comparable") == 2
    found = {
        str(path.relative_to(tmp_path / "results"))
        for path in (tmp_path / "results").rglob("*.*")
        if path.parent.name == "smoke"
    }
    item = "coins/learning_rates/smoke"
    assert found >= {
        *(f"{item}/{name}" for name in ("figure.png", "table.md", "ledger.csv")),
        "coins/walks/smoke/figure.png",
    }
    assert len(list((tmp_path / "results/coins/learning_rates/smoke").glob("*/summary.json"))) == 3, (
        "two candidates and the best one again"
    )
    assert len(list((tmp_path / "results/coins/walks/smoke+steps=50").glob("*/summary.json"))) == 3
