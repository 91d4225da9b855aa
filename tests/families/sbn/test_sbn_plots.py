"""Traces of belief networks: epochs, names and the ledger's values from metrics rows."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from igr_suite.families.sbn.plots import at_steps, depth, differences, epoch_rows, label, place, read_steps
from igr_suite.lab.running.discovery import find, plot_module
from igr_suite.lab.running.experiment import expand
from igr_suite.plotting.looks import LOOKS
from igr_suite.training.config_parts import SEEDS


def metrics(method: str, temperature: float, seed: int, shift: float) -> list[dict]:
    common = {
        "run_id": f"{method}{seed}",
        "seed": seed,
        "model.estimator": method,
        "model.temperature": temperature,
        "model.layers": 1,
        "model.nonlinear": True,
        "model.multilayer_cv": None,
        "model.ema_debias": False,
        "data.name": "mnist_5k",
    }
    rows = [(2, 0.5, -30.0, 1.0), (4, 1.0, -20.0, 3.0), (8, 2.0, -10.0, 0.5)]
    found = [{**common, "step": s, "epoch": e, "train_elbo": f + shift, "train_variance": v} for s, e, f, v in rows]
    return [*found, {**common, "step": 8, "epoch": 2.0, "test_iw_bound_1": -9.0}]


@pytest.fixture
def epochs():
    return epoch_rows(
        pd.DataFrame(
            [
                row
                for seed in (1, 2)
                for row in (*metrics("nvil", math.nan, seed, 0.0), *metrics("rebar", 0.1, seed, seed))
            ]
        )
    )


def test_epoch_rows_are_means_over_steps_with_the_log_of_the_mean_variance(epochs):
    first = epochs[(epochs["method"] == "NVIL") & (epochs["seed"] == 1)]
    assert list(first["step"]) == [4, 8]
    assert list(first["train_elbo"]) == [-25.0, -10.0]
    assert list(first["log_variance"]) == pytest.approx([math.log(2.0), math.log(0.5)])
    assert list(epochs["method"].unique()) == ["NVIL", "REBAR(0.1)"]


def test_names():
    assert label("concrete", 0.1) == "Concrete(0.1)"
    assert label("rebar", 0.5) == "REBAR"
    assert label("dynamic_rebar", 0.5) == "DynamicREBAR"
    # estimators of the general path have no temperature in the config, and may come from outside
    assert label("rloo", None) == "RLOO"
    assert label("rebar", None) == "REBAR"
    assert label("my_package.mine:Mine", None) == "Mine"
    assert (depth(2, False), depth(1, True)) == ("2 linear", "nonlinear")


def test_ledger_values_and_paired_differences(epochs):
    values = at_steps(epochs, ["train_elbo", "absent"], lambda row: f"{row['method']}, {place(row)}")
    assert values["train_elbo", "REBAR(0.1), nonlinear, mnist_5k, step 4"] == (-23.5, pytest.approx(math.sqrt(0.5)), 2)
    assert len(values) == 4
    found = differences(epochs, "train_elbo", [("REBAR(0.1)", "NVIL"), ("MuProp", "NVIL")])
    assert found["difference of train_elbo, nonlinear, mnist_5k, step 8", "REBAR(0.1) - NVIL"] == (
        1.5,
        pytest.approx(math.sqrt(0.5)),
        2,
    )
    assert len(found) == 2


def test_published_settings_are_taken_apart(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text('quantity,setting,value\nF,"REBAR, nonlinear, step 12",-1\nF,other,-2\n')
    rows = read_steps(path, r"(?P<method>[^,]+), (?P<depth>[^,]+), step (?P<step>\d+)")
    assert rows[["method", "depth", "step"]].to_numpy().tolist() == [["REBAR", "nonlinear", 12]]


def test_networks_on_bounds_are_named_by_method_and_number_of_samples(tmp_path):
    """Made-up metrics of the paper scale's runs of one seed: a panel for each K, a row of the table for each method."""
    experiment, module = find("suite/belief_network_bounds"), plot_module("suite/belief_network_bounds")
    runs_of_scale = expand(experiment, "paper", tmp_path).runs
    configs = {run_id: run for run_id, run in runs_of_scale.items() if run.seed == SEEDS[0]}
    assert len(configs) == 21 and {run.schedule.steps for run in configs.values()} == {4_000_000}
    metrics, runs = [], []
    for number, (run_id, run) in enumerate(configs.items()):
        bounds = {"test_iw_bound_1": -100.0 + number, "test_iw_bound_1_se": 0.1, "test_iw_bound_100": -95.0 + number}
        metrics += [{"run_id": run_id, "seed": run.seed, "step": step, **bounds} for step in (10, 20)]
        runs.append({"run_id": run_id, "seed": run.seed, "train_elbo": -101.0, "test_iw_bound_5000": -94.0, **bounds})
    results = SimpleNamespace(configs=configs, metrics=pd.DataFrame(metrics), runs=pd.DataFrame(runs))
    paths = module.plot(results, tmp_path)
    assert {path.name for path in paths} >= {"figure.png", "table.md"}
    drawn = pd.read_csv(tmp_path / "figure.csv")
    methods = {"VIMCO", "OVIS", "OVIS(1)", "OVIS-MC", "RWS", "TVO", "RLOO"}
    assert set(drawn["method"]) == methods and set(drawn["K"]) == {5, 10, 50} and methods <= set(LOOKS)
    table = pd.read_csv(tmp_path / "table.csv")
    assert list(table["K"]) == sorted(table["K"]) and len(table) == 21 and "test_iw_bound_5000_mean" in table
