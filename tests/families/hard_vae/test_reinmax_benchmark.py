"""ReinMax's VAE benchmark: its settings are the published ones, names of its runs stay, and rows and gaps of figures
follow from metrics."""

import re
from pathlib import Path

import pandas as pd
import pytest

from igr_suite.discrete.config import build_estimator
from igr_suite.families.hard_vae.plots import epoch_rows, gaps, last_epochs, named
from igr_suite.families.hard_vae.presets import CODES, METHODS, TUNED, code_of, reinmax_vae, sizes_of
from igr_suite.lab.runs.config import flatten

PAGE = Path(__file__).parents[3] / "docs" / "papers" / "reinmax.md"


def test_settings_are_those_of_the_page():
    """Every cell of the table in docs/papers/reinmax.md, section 3: rate, temperature, optimiser."""
    section = PAGE.read_text(encoding="utf-8").split("## 3. ")[1].split("## 4. ")[0]
    rows = re.findall(r"^\| (\d+x\d+) \| (.*) \|$", section, re.MULTILINE)
    assert [code for code, _ in rows] == list(CODES) == list(TUNED)
    for code, cells in rows:
        for method, cell in zip(METHODS, cells.split(" | ")):
            rate, temperature, optimiser = cell.split(", ")
            assert TUNED[code][method] == (float(rate), float(temperature), optimiser.lower()), (code, method)
        assert TUNED[code]["ReinMax-Rao"] == (5e-4, 1.0, "adam" if code == "8x4" else "radam")


def test_runs_have_these_settings():
    """One of each optimiser; codes are categories x variables."""
    for code, method, options in (
        ("8x4", "Gumbel-Rao", ("samples=100", "temperature=0.5")),
        ("4x24", "GST-1.0", ("gap=1.0", "temperature=0.5")),
    ):
        config = reinmax_vae(method, code, data="mnist", seed=1)
        tuned, model = TUNED[code][method], config.model
        assert f"{model.categories}x{model.variables}" == code
        assert model.estimator_options == options
        assert (config.optimiser.name, config.optimiser.learning_rate) == (tuned.optimiser, tuned.learning_rate)
        assert (config.optimiser.beta_1, config.optimiser.beta_2, config.optimiser.epsilon) == (0.9, 0.999, 1e-8)
        assert (model.kl, model.prior, model.initialisation) == ("analytic", "uniform", "torch_linear")
        assert (config.data.binarisation, config.data.train_split) == ("none", "all")
        assert (config.schedule.batch_size, config.schedule.epochs, config.schedule.evaluate_every) == (100, 160, 1)
        assert config.evaluations_per_step == 100
    for method in METHODS:
        model = reinmax_vae(method, "16x12", data="mnist", seed=0).model
        estimator = build_estimator(model.estimator, model.estimator_options, model.support)
        assert estimator.temperature == TUNED["16x12"][method].temperature
    assert sizes_of("64x8") == {"categories": 64, "variables": 8} and code_of(64, 8) == "64x8"


@pytest.mark.parametrize(
    ("method", "code", "run_id"),
    [
        ("ReinMax", "8x4", "mnist-categorical4x8-reinmax-temperature1.3-s0-61990e6d"),
        ("ReinMax-Rao", "10x30", "mnist-categorical30x10-reinmax_rao-samples100-temperature1.0-s2-61aebc3e"),
    ],
)
def test_names_of_the_paper_s_runs_stay(method, code, run_id):
    assert reinmax_vae(method, code, data="mnist", seed=int(run_id[-10])).run_id == run_id


def metrics_of(method: str, losses: list[float], seed: int = 0, **settings) -> pd.DataFrame:
    """Two rows of training and one of the test images an epoch."""
    config = reinmax_vae(method, "8x4", data="mnist", seed=seed, epochs=len(losses), **settings)
    described = {"run_id": config.run_id, **flatten(config.to_dict())}
    rows = []
    for epoch, loss in enumerate(losses, start=1):
        rows += [
            {"step": 10 * epoch - 6, "epoch": epoch - 0.6, "train_elbo": -loss - 3.0},
            {"step": 10 * epoch, "epoch": float(epoch), "train_elbo": -loss + 2.0},
            {"step": 10 * epoch, "epoch": float(epoch), "test_elbo": -loss - 1.0},
        ]
    return pd.DataFrame([{**described, **row} for row in rows])


def test_rows_are_means_over_epochs():
    """4 steps at loss + 3 and 6 at loss - 2 have the mean `loss`; the test's -ELBO is as measured."""
    metrics = pd.concat([metrics_of("ReinMax", [150.0, 130.0]), metrics_of("ST", [160.0, 141.0], seed=1)])
    rows = epoch_rows(metrics)
    assert rows["train"].tolist() == pytest.approx([150.0, 130.0, 160.0, 141.0])
    assert rows["test"].tolist() == pytest.approx([151.0, 131.0, 161.0, 142.0])
    assert rows["epoch"].tolist() == [1, 2, 1, 2]
    assert set(rows["code"]) == {"8x4"} and set(rows["method"]) == {"ReinMax", "ST"}
    assert last_epochs(metrics)["train"].tolist() == pytest.approx([130.0, 141.0])
    assert set(named(metrics_of("ST", [1.0], limit=50))["data"]) == {"mnist (cut)"}


def test_gaps_are_paired_by_seed():
    metrics = pd.concat(
        metrics_of(method, [loss + seed], seed)
        for method, loss in (("ReinMax", 100.0), ("ST", 112.0))
        for seed in (0, 1)
    )
    rows = gaps(last_epochs(metrics), "train", ["code", "seed"])
    assert rows["gap"].tolist() == pytest.approx([12.0, 12.0]) and set(rows["method"]) == {"ST"}
    alone = pd.concat([metrics_of("ReinMax", [100.0]), metrics_of("ST", [112.0], seed=1)])
    assert gaps(last_epochs(alone), "train", ["code", "seed"]).empty
