"""Figures of K-sample objectives: which runs they share, names, paired gains, last epochs, mixtures and tracked
rows."""

import math

import numpy as np
import pandas as pd
import pytest

from igr_suite.families.iwae.plots import panels, tables
from igr_suite.families.iwae.plots import rows as plot_rows
from igr_suite.families.iwae.sweeps import DOUBLY, EPOCHS, OBJECTIVES, PAPER_STEPS, dreg
from igr_suite.lab.analysis.hypotheses import judge
from igr_suite.lab.running.discovery import find, hypotheses_module, plot_module
from igr_suite.lab.running.experiment import expand
from igr_suite.plotting.looks import LOOKS

HIGHER = {"iwae": 0.0, "dreg": 0.5, "stl": 0.7, "rws": -1.0, "rws-dreg": 0.4, "dreg-alpha": 0.9}  # bound above IWAE's
VARIANCE = {"iwae": 1e-4, "dreg": 1e-6, "stl": 1e-5, "rws": 1e-3, "rws-dreg": 1e-6, "dreg-alpha": 1e-5}


def run(estimator: str, seed: int, samples: int = 4, alpha: float = math.nan) -> tuple[dict, list[dict]]:
    """A finished run of two epochs: its row of runs and its metrics."""
    config = {
        "run_id": f"{estimator}-{samples}-{alpha}-{seed}",
        "model.estimator": estimator,
        "model.samples": samples,
        "model.alpha": alpha,
        "data.name": "mnist_5k",
        "seed": seed,
    }
    bound = -100.0 + 3.0 * seed + HIGHER[estimator] + 0.01 * seed * (estimator == "dreg")
    variance, training = f"train_variance_{estimator}", {f"train_snr2_{estimator}": 0.02, "train_objective": -90.0}
    metrics = [
        {"step": 2, "epoch": 1.0, variance: 7.0, **training},
        {"step": 2, "epoch": 1.0, "test_iw_4": bound - 9.0, "test_iw_64": bound - 8.0, "test_ess_4": 2.0},
        {"step": 3, "epoch": 1.5, variance: 0.5 * VARIANCE[estimator], **training},
        {"step": 4, "epoch": 2.0, variance: 1.5 * VARIANCE[estimator], **training},
        {"step": 4, "epoch": 2.0, "test_iw_4": bound - 1.0, "test_iw_64": bound, "test_ess_4": 2.0},
    ]
    ends = {
        "test_iw_4": bound - 1.0,
        "test_iw_64": bound,
        "test_ess_4": 2.0,
        "test_ess_64": 3.0,
        "test_objective": bound,
        "steps": 4,
    }
    likelihood = {"test10_iw_1": bound - 5.0, "test10_iw_500": bound + 1.0}
    return config | ends | likelihood, [config | row for row in metrics]


def frames(*runs) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.DataFrame([end for end, _ in runs]), pd.DataFrame([row for _, rows in runs for row in rows])


@pytest.fixture
def trained():
    return frames(
        *(run(estimator, seed) for seed in (1, 2, 3) for estimator in ("iwae", "dreg", "stl", "rws", "rws-dreg"))
    )


def test_every_objective_has_a_column_a_colour_and_its_dashes():
    assert sorted(name for members in plot_rows.FAMILIES.values() for name in members) == sorted(OBJECTIVES)
    assert {plot_rows.label(name) for name in (*OBJECTIVES, "dreg-alpha")} <= set(LOOKS)
    assert [plot_rows.STYLES.get(name, "-") for name in DOUBLY] == ["--"] * 3
    assert [plot_rows.STYLES.get(name, "-") for name in DOUBLY.values()] == ["-"] * 3
    assert {(plot_rows.label(double), plot_rows.label(original)) for original, double in DOUBLY.items()} == set(
        tables.DOUBLY
    )
    assert plot_rows.label("vr-iwae-dreg", 0.5) == "VR-IWAE-DReG(0.5)"
    assert plot_rows.label("dreg-alpha", 0.25) == "DReG(0.25)" and plot_rows.family("dreg-alpha") == "mixture"


def test_ends_take_the_largest_common_bound_the_likelihood_and_the_last_epochs_variance(trained):
    runs, metrics = trained
    ends = plot_rows.ends(runs, metrics).set_index(["method", "seed"])
    assert ends.loc[("DReG", 2), "bound"] == runs.set_index("run_id").loc["dreg-4-nan-2", "test_iw_64"]
    assert ends.loc[("RWS", 1), "log_variance"] == pytest.approx(-3.0)
    assert ends.loc[("STL", 3), ["gap", "snr2", "ess"]].tolist() == pytest.approx([6.0, 0.02, 3.0])
    assert tables.headings(runs) == {
        "bound": "test L_64", "objective": "test objective", "likelihood": "L_500, 10 images", "gap": "L_500 - "
        "L_1", "ess": "ESS",
        "log_variance": "log10 variance", "snr2": "SNR²",
    }  # fmt: skip


def test_a_bound_that_one_run_lacks_is_not_compared(trained):
    runs, metrics = trained
    runs.loc[0, "test_iw_64"] = np.nan
    assert plot_rows.bound_column(runs) == "test_iw_4" and plot_rows.bound_column(metrics) == "test_iw_64"


def test_gains_are_on_the_familys_original_and_on_iwae_of_the_same_seed_and_step(trained):
    rows = plot_rows.bound_rows(trained[1]).set_index(["method", "seed", "step"])
    assert rows.loc[("DReG", 3, 4), ["gain", "gain_iwae"]].tolist() == pytest.approx([0.53, 0.53])
    assert rows.loc[("RWS-DReG", 2, 2), ["gain", "gain_iwae"]].tolist() == pytest.approx([1.4, 0.4])
    assert rows.loc[("RWS", 1, 2), ["gain", "gain_iwae"]].tolist() == pytest.approx([0.0, -1.0])


def test_paired_differences_leave_out_variances_of_different_gradients(trained):
    texts, numbers = tables.difference_rows(
        plot_rows.ends(*trained), ["data"], {"bound": "L", "log_variance": "variance"}
    )
    texts, numbers = texts.set_index("pair"), numbers.set_index("pair")
    assert "data" not in texts and "JVI-DReG - JVI" not in texts.index
    assert numbers.loc["DReG - IWAE", "bound_difference"] == pytest.approx(0.52)
    assert numbers.loc["DReG - IWAE", "bound_low"] == pytest.approx(0.52 - 4.3027 * 0.01 / math.sqrt(3), abs=1e-5)
    assert numbers.loc["RWS-DReG - RWS", "log_variance_difference"] == pytest.approx(-3.0)
    assert texts.loc["RWS - IWAE", "variance"] == "-" and texts.loc["RWS - IWAE", "L"] == "-1.00 [-1.00, -1.00]"


def test_ledger_has_means_and_spreads_over_seeds(trained):
    found = tables.ledger(plot_rows.ends(*trained))
    assert found["difference of test bound", "DReG - IWAE"] == (pytest.approx(0.52), pytest.approx(0.01), 3)
    assert found["difference of log10 variance", "DReG - IWAE"] == (
        pytest.approx(-2.0),
        pytest.approx(0.0, abs=1e-9),
        3,
    )
    assert ("difference of test bound", "JVI-DReG - JVI") not in found
    assert set(tables.ledger(plot_rows.last_epochs(trained[1]), place=", K = 4")) == {
        ("difference of log10 variance", f"{pair}, K = 4") for pair in ("DReG - IWAE", "RWS-DReG - RWS")
    }


def test_the_papers_claims_are_judged_by_paired_rows(trained):
    claims = {one.claim: one for one in hypotheses_module("dreg").HYPOTHESES}
    variances = claims["DReG lowers the variance of the inference gradient of IWAE, RWS and JVI"]
    bounds = claims["On MNIST the biased STL and RWS-DReG do best, RWS-DReG slightly ahead"]
    variances, bounds = (
        judge(claim, lambda item, rows: {"metrics": trained[1]}[rows]) for claim in (variances, bounds)
    )
    assert variances.words == ["supports", "supports", "not measured"]
    assert bounds.words == ["supports", "contradicts", "contradicts"] and bounds.verdict == "not confirmed"


def test_mixtures_go_from_dreg_over_halved_stl_to_rws_dreg_where_an_alpha_was_trained():
    runs = [
        run(name, seed, samples)
        for name in ("dreg", "rws-dreg", "stl", "iwae")
        for seed in (1, 2)
        for samples in (4, 8)
    ]
    ends = plot_rows.ends(*frames(*runs, *(run("dreg-alpha", seed, 8, 0.75) for seed in (1, 2))))
    rows = plot_rows.mixtures(ends, "bound")
    assert set(rows["samples"]) == {8} and rows["mixture"].tolist() == [0.0, 0.0, 0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    assert rows["gain"].tolist() == pytest.approx([0.0, 0.0, 0.19, 0.18, 0.39, 0.38, -0.11, -0.12])
    variances = plot_rows.mixtures(ends, "log_variance").groupby("mixture")["gain"].first()
    assert variances.tolist() == pytest.approx([0.0, 1.0 - math.log10(4), 1.0, 0.0])


def test_tracked_rows_hold_every_objective_of_a_row():
    _, metrics = frames(run("iwae", 1))
    metrics = metrics.assign(
        train_variance_dreg=metrics["train_variance_iwae"] / 100, train_snr2_dreg=metrics["train_snr2_iwae"]
    )
    rows = plot_rows.tracked_rows(plot_rows.epochs_of(metrics)).set_index(["method", "epoch"])
    assert rows.loc[("IWAE", 2), "log_variance"] == pytest.approx(-4.0) and rows.loc[
        ("DReG", 2), "log_variance"
    ] == pytest.approx(-6.0)
    assert rows.loc[("DReG", 1), "variance"] == pytest.approx(0.07) and rows["style"].unique().tolist() == ["--", "-"]


def test_figures_draw_and_name_their_files(trained, tmp_path):
    paths = [*panels.family_panels(trained[1], tmp_path, "test", start=-99.0), *tables.tables(*trained, tmp_path)]
    assert all(path.exists() for path in paths)
    drawn = pd.read_csv(tmp_path / "figure.csv")
    assert set(drawn["quantity"]) == {"variance", "bound", "gain"} and set(drawn["family"]) == {"IWAE", "RWS"}
    assert "| DReG - IWAE" in (tmp_path / "table_paired.md").read_text()


@pytest.mark.parametrize("scale", ["smoke", "quick", "paper"])
def test_figure_3_and_the_fixed_model_begin_with_runs_of_figure_2(scale, tmp_path):
    """At quick scale Figure 2's are longer and equal otherwise, so that they go on from the others."""
    first = expand(find("dreg/figure_2_mnist"), scale, tmp_path).runs
    if scale == "quick":
        assert all(config.schedule.epochs > EPOCHS["quick"] for config in first.values())
        shorter = [config.with_values({"schedule.epochs": EPOCHS["quick"]}) for config in first.values()]
        first = {config.run_id: config for config in shorter}
    third = expand(find("dreg/figure_3_samples_and_mixtures"), scale, tmp_path).runs
    assert sum(run_id in third for run_id in first) == (2 if scale == "smoke" else 15)
    fixed = find("dreg/appendix_fixed_model")
    assert set(expand(fixed, scale, tmp_path).runs) <= set(first) and fixed.copies_checkpoints


def test_the_papers_scale_is_five_million_steps_of_the_authors_settings():
    config = dreg("dreg", "paper", data="mnist", seed=1)
    assert (
        (config.schedule.steps, config.schedule.batch_size, config.schedule.evaluate_every)
        == (PAPER_STEPS, 32, 10)
        == (5_000_000, 32, 10)
    )
    assert (config.model.samples, config.model.latents, config.optimiser.learning_rate, config.optimiser.epsilon) == (
        64,
        50,
        3e-4,
        1e-8,
    )
    assert config.data.binarisation == "dynamic" and config.evaluation.likelihood_samples == 5_000


def test_figure_3_compares_mixtures_with_their_ends():
    pairs = plot_module("dreg/figure_3_samples_and_mixtures").MIXTURE_PAIRS
    assert ("DReG(0.9)", "DReG") in pairs and ("DReG(0.75)", "RWS-DReG") in pairs
