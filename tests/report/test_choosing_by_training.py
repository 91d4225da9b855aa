"""The section of docs/choose_an_estimator.md on training runs, from made-up rows."""

import pandas as pd

from igr_suite.report.choosing import advice, completeness, measured, planned_estimators, training


def rows(*values) -> pd.DataFrame:
    columns = ["model", "method", "evaluations a step", "bound_mean", "bound_sd", "minutes_mean", "seeds"]
    return pd.DataFrame(values, columns=columns).assign(clock="processor")


MADE_UP = rows(
    ("nonlinear", "DisARM", 2, -101.0, 0.5, 3.0, 3),
    ("nonlinear", "VIMCO", 4, -90.0, 0.5, 3.0, 3),
    ("nonlinear", "NVIL", 1, -100.0, 0.25, 2.0, 3),
    ("nonlinear", "ReinMax", 1, -98.5, None, 1.0, 1),
    ("nonlinear", "ST", 1, -120.0, 0.1, 1.0, 3),
)


def test_estimators_are_ranked_and_the_sentence_names_the_best_of_each_kind():
    text = training(MADE_UP)
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert [line.split("|")[1].strip() for line in lines] == ["VIMCO", "ReinMax", "NVIL", "DisARM", "ST"]
    assert "the best unbiased one is NVIL, 1.50 nats behind the best biased one, ReinMax." in text


def test_the_gap_has_the_other_sign_where_bias_costs_more():
    text = training(MADE_UP[MADE_UP["method"] != "ReinMax"])
    assert "the best unbiased one is NVIL, 20.00 nats ahead of the best biased one, ST." in text


def test_the_best_of_equal_steps_are_named():
    assert "by evaluations a step: 1: NVIL (-100.0); 2: DisARM (-101.0)." in training(MADE_UP)


def test_models_that_are_not_complete_say_so_and_no_rows_make_no_section():
    text = training(MADE_UP)
    assert f"Runs of 5 of {planned_estimators()['nonlinear']} estimators are here." in text
    assert "VAE, categorical codes" not in text
    assert training(MADE_UP[:0]) == ""


def test_planned_estimators_are_those_that_run():
    planned = planned_estimators()
    assert planned == {"nonlinear": 29, "2 linear": 29, "categorical": 27}


def test_few_seeds_are_named():
    assert "fewer than 3 seeds are finished: ReinMax." in training(MADE_UP)
    assert "fewer than 3 seeds are finished: all of them." in training(MADE_UP.assign(seeds=1))
    assert completeness(MADE_UP.assign(seeds=3), planned=5) == ""


def test_an_estimator_from_outside_is_ranked_but_not_judged():
    outside = rows(("nonlinear", "MyEstimator", 1, -80.0, 0.5, 3.0, 3))
    text = training(pd.concat([MADE_UP, outside]))
    assert "| MyEstimator | -" in " ".join(text.split())
    assert "the best unbiased one is NVIL" in text


def test_the_advice_names_the_best_of_each_case():
    text = advice(measured(), MADE_UP)
    sections = {part.split("**")[0]: part for part in text.split("\n\n**")}
    nonlinear = "- belief network, one nonlinear layer: "
    expected = {
        "Bernoulli variables, f is a black box (no derivative).": f"{nonlinear}`nvil` -100.0, `disarm` -101.0",
        "Bias is acceptable, variance is not (early training, search).": f"{nonlinear}`reinmax` -98.5, "
        "`straight_through` -120.0",
        "The objective is a bound with K samples, log mean_k exp f(b_k).": f"{nonlinear}`vimco` -90.0",
    }
    for case, line in expected.items():
        assert line in sections[case].splitlines()
    assert text.count("Best in training") == len(expected)
    assert "Best in training" not in advice(measured(), MADE_UP[:0])
