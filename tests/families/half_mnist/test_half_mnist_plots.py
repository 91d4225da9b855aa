"""Rows of half-and-half digits' tables: names, epochs, budgets, ledger values, and what the regression explains."""

import pandas as pd
import pytest

from igr_suite.families.half_mnist.plots import gradients, losses
from igr_suite.families.half_mnist.presets import PRESETS, half_mnist
from igr_suite.lab.runs.config import flatten


def metrics(method: str, seed: int, epochs: int, shift: float = 0.0, **options) -> list[dict]:
    """Two training rows and one evaluation an epoch, loss .3 - .01 epoch + shift."""
    config = half_mnist(method, data="mnist_5k", seed=seed, epochs=epochs, **options)
    described, rows = {"run_id": config.run_id, **flatten(config.to_dict())}, []
    for epoch in range(1, epochs + 1):
        loss = 0.3 - 0.01 * epoch + shift
        for part, at in enumerate((epoch - 0.5, float(epoch))):
            rows.append(described | {"step": int(10 * at), "epoch": at, "train_loss": loss + 0.02 * part})
            if config.sg:
                rows[-1] |= {
                    "train_sg_loss": 3e-8,
                    "train_target_square": 4e-8,
                    "train_synthetic_square": 1e-8,
                    "train_cosine": 0.5,
                }
        rows.append(described | {"step": 10 * epoch, "epoch": float(epoch), "test_bce": loss, "test_nll": 392 * loss})
    return rows


def test_every_preset_is_found_again_by_its_name():
    frame = pd.DataFrame([flatten(half_mnist(m, data="mnist_5k", seed=1, epochs=1).to_dict()) for m in PRESETS])
    assert list(losses.named(frame)["method"]) == list(PRESETS)


def test_of_two_budgets_the_longer_one_counts_once_an_epoch():
    frame = pd.DataFrame(
        [*metrics("REINFORCE", 1, 2), *metrics("REINFORCE", 1, 4, shift=0.1), *metrics("REINFORCE", 2, 2)]
    )
    rows = losses.of_one_budget(losses.evaluations(frame))
    assert len(rows) == 6
    found = losses.by_epoch(rows, (1, 4))
    assert found["test_bce epoch 1", "REINFORCE"] == (pytest.approx(0.34), pytest.approx(0.1 / 2**0.5), 2)
    assert found["test_bce epoch 4", "REINFORCE"] == (pytest.approx(0.36), 0.0, 1)


def test_training_rows_are_means_over_epochs():
    rows = gradients.training_rows(pd.DataFrame(metrics("ST", 1, 3)))
    assert list(rows["epoch"]) == [1, 2, 3]
    assert rows["train_loss"].to_numpy() == pytest.approx([0.30, 0.29, 0.28])


def test_runs_are_told_apart_by_codes_and_by_rescaled_targets():
    several = pd.DataFrame(
        [*metrics("REINFORCE", 1, 1), *metrics("REINFORCE", 1, 1, model={"samples": 5}), *metrics("frozen", 1, 1)]
    )
    assert set(losses.samples_rows(several)["run"]) == {"REINFORCE, R=1", "REINFORCE, R=5", "frozen"}
    levels = pd.DataFrame([*metrics("SDNI lin", 1, 1), *metrics("SDNI lin", 1, 1, sg={"max_grad": 2.0})])
    rows = losses.samples_rows(levels)
    assert set(rows["run"]) == {"SDNI lin", "SDNI lin, max_grad 2"}
    assert rows["look"].nunique() == 2


def test_the_regressions_sizes_are_those_of_an_images_gradient():
    """Scale "batch" regresses gradients divided by 100: root mean squares 2e-4 and 1e-4 there are .02 and .01 an
    image."""
    rows = gradients.regression_rows(pd.DataFrame([*metrics("SDNI lin", 1, 1), *metrics("frozen", 1, 1)]))
    assert list(rows["method"]) == ["SDNI lin"]
    assert rows["target"].iloc[0] == pytest.approx(0.02) and rows["prediction"].iloc[0] == pytest.approx(0.01)
    assert rows["share"].iloc[0] == pytest.approx(0.25)


def test_tables_pair_seeds_and_name_reached_epochs(tmp_path):
    rows = [
        row
        for seed in (1, 2, 3)
        for row in (*metrics("REINFORCE", seed, 2), *metrics("SDNI lin", seed, 2, shift=-0.01 * seed))
    ]
    frame = losses.evaluations(pd.DataFrame(rows))
    losses.losses_table(frame, (1, 2, 50), tmp_path, "note")
    text = (tmp_path / "table.md").read_text()
    assert "epoch 2" in text and "epoch 50" not in text
    losses.paired_table(frame, (1, 2), tmp_path)
    table = pd.read_csv(tmp_path / "table_paired.csv")
    assert list(table["method"]) == ["SDNI lin", "SDNI lin"]
    assert table["mean"].to_numpy() == pytest.approx([-0.02, -0.02]) and list(table["pairs"]) == [3, 3]
    # t(2, .975)
    assert (table["high"] - table["low"]).to_numpy() == pytest.approx(2 * 4.302653 * 0.01 / 3**0.5, rel=1e-4)
