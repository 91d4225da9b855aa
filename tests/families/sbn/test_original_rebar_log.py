"""The lines of the REBAR authors' script: from metrics, there and back, wrapped as NumPy wraps them, and damaged
ones."""

import math

import numpy as np
import pytest

from igr_suite.cli.rebar_train import epoch_lines
from igr_suite.errors import UserError
from igr_suite.families.sbn.config import TRACKED, SBNConfig, TrainSBN
from igr_suite.families.sbn.original_log import (
    BoundEntry,
    EpochEntry,
    entries_of,
    format_entry,
    parse,
    read_log,
    variable_names,
)

# Numbers of the README's trace, laid out as NumPy prints long arrays.
WRAPPED = """Restoring parameters
Step 2084: [ -2.31026e+02   3.71e-01   1.00000000e+00   1.04
   1.02 1.05
 1.03 1. 1. 1. 1.]
-3.647
Valid 2084: [-150.25]
Test 2084: [-151.5 0.25]
"""


def rows_of(**values):
    """Two rows of one epoch and an evaluation; every value is `v` in the first and `3 v` in the second."""
    return [
        {"step": 2, "epoch": 0.5, **{f"train_{name}": value for name, value in values.items()}},
        {"step": 4, "epoch": 1.0, **{f"train_{name}": 3 * value for name, value in values.items()}},
        {
            "step": 4,
            "epoch": 1.0,
            "validation_iw_bound_1": -9.0,
            "validation_iw_bound_100": -7.0,
            "validation_iw_bound_100_se": 0.1,
            "test_iw_bound_100": -8.0,
        },
    ]


def test_the_readme_vector_of_two_layers_has_nine_etas():
    etas = {f"eta_q_{k}_{tensor}": 0.5 + 0.01 * k for k in (0, 1) for tensor in ("W", "b")}
    config = SBNConfig(estimator="dynamic_rebar", layers=2)
    entries = entries_of(config, rows_of(elbo=-100.0, temperature=0.2, variance=0.01, **etas))
    assert entries[0].step == 4
    np.testing.assert_allclose(entries[0].vector, [-200.0, 0.4, 1.0, 1.0, 1.0, 1.02, 1.02, 1.0, 1.0, 1.0, 1.0])
    assert entries[0].log_variance == {"": pytest.approx(math.log(0.02))}
    assert entries[1:] == [BoundEntry("Valid", 4, (-7.0,)), BoundEntry("Test", 4, (-8.0,))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"layers": 1}, ["prior", "q_0_W", "q_0_b", "p_0_W", "p_0_b"]),
        (
            {"layers": 2, "task": "sp", "sp_generator": "historical"},
            ["q_0_W", "q_0_b", "q_1_W", "q_1_b", "p_0_W", "p_0_b"],
        ),
        ({"layers": 1, "task": "sp"}, ["q_0_W", "q_0_b", "p_0_W", "p_0_b"]),
        ({"layers": 2, "task": "sp"}, None),
        ({"layers": 3, "nonlinear": True}, None),
        ({"layers": 2, "nonlinear": True, "task": "sp"}, None),
    ],
)
def test_variables_stand_in_the_models_order(settings, expected):
    """The names that are written without TensorFlow are the model's own."""
    from igr_suite.families.sbn.methods import variable_names as of_model
    from igr_suite.families.sbn.model import networks_of

    config = SBNConfig(**settings)
    assert variable_names(config) == (expected or of_model(networks_of(config, 784)))
    assert variable_names(config) == of_model(networks_of(config, 784))


def test_every_model_writes_what_is_read_back(tmp_path):
    cases = {
        "reinforce": {"signal_rms": 3.0},
        "nvil": {},
        "muprop": {"mean_field": -90.0},
        "concrete": {"relaxed": -95.0},
        "rebar": {"eta_q_0_W": 1.1},
        "track": {"temperature": 0.2, "temperature_slope": 0.1, "temperature_slope_square": 0.3, "mean_square": 1e-4}
        | {f"{kind}_{name}": 0.1 + i for i, name in enumerate(TRACKED) for kind in ("variance", "deviation")},
    }
    for estimator, values in cases.items():
        config = TrainSBN().with_values({"model.estimator": estimator})
        rows = (
            rows_of(elbo=-100.123456, **values)
            if estimator == "track"
            else rows_of(elbo=-100.123456, variance=0.25, **values)
        )
        path = tmp_path / estimator
        path.write_text("\n".join(epoch_lines(config, rows, "script")))
        entries = entries_of(config.model, rows)
        for read, written in zip(read_log(path), entries, strict=True):
            assert (type(read), read.step) == (type(written), written.step)
            if isinstance(read, EpochEntry):
                np.testing.assert_allclose(read.vector, written.vector, rtol=1e-8)
                assert read.log_variance == pytest.approx(written.log_variance, rel=1e-8)
            else:
                assert read == written
        assert len(entries) == 3
    assert list(entries[0].log_variance) == ["DynamicREBAR", "MuProp", "NVIL", "REBAR", "SimpleMuProp"]
    assert len(entries[0].vector) == 10


def test_wrapped_vectors_and_other_lines_are_read():
    epoch, valid, test = parse(WRAPPED)
    assert epoch == EpochEntry(2084, (-231.026, 0.371, 1.0, 1.04, 1.02, 1.05, 1.03, 1.0, 1.0, 1.0, 1.0), {"": -3.647})
    assert (valid, test) == (BoundEntry("Valid", 2084, (-150.25,)), BoundEntry("Test", 2084, (-151.5, 0.25)))
    assert parse(format_entry(epoch)) == [epoch]
    unstarted = EpochEntry(1, (1.0,), {"NVIL": -math.inf, "REBAR": -2.5})
    assert parse(format_entry(unstarted)) == [unstarted]


@pytest.mark.parametrize("cut", ["Step 3: [1.0 2.0]\n", "Step 3: [1.0 2.0", "Step 3: [1.0\n 2.0"])
def test_a_last_entry_that_was_cut_off_is_passed_over(cut):
    assert parse(WRAPPED + cut) == parse(WRAPPED)


def test_damaged_entries_are_named(tmp_path):
    path = tmp_path / "log"
    path.write_text(WRAPPED.replace("[-150.25]", "[-150.x25]"))
    with pytest.raises(UserError, match=r"log, line 6 is not 'Valid N: \[numbers\]'"):
        read_log(path)
    path.write_text(WRAPPED.replace("-3.647", "nothing"))
    with pytest.raises(UserError, match="line 2 is not 'Step N"):
        read_log(path)
    with pytest.raises(UserError, match="cannot read"):
        read_log(tmp_path / "absent")


def test_models_that_the_script_lacks_are_refused():
    with pytest.raises(UserError, match="no estimator relax"):
        entries_of(SBNConfig(estimator="relax"), [])
    with pytest.raises(UserError, match="no model.eta_scope=layer"):
        entries_of(SBNConfig(eta_scope="layer"), [])


def test_both_kinds_of_lines_stand_at_their_steps():
    rows = rows_of(elbo=-100.0, variance=0.25)
    config = TrainSBN().with_values({"model.estimator": "nvil"})
    lines = epoch_lines(config, rows, "both")
    assert [line.split(":")[0] for line in lines] == ["Step 4", "Valid 4", "Test 4", "Step 4"]
    assert lines[0] == "Step 4: [-200]\n-0.693147181"
    assert epoch_lines(config, rows, "suite") == ["Step 4: elbo -200, log variance -0.693"]
