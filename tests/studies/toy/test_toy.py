"""The toy problem: exact trajectories, Concrete's wrong answer, the variance that is logged, interrupted runs,
settings."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import brentq
from scipy.special import expit

from igr_suite.errors import UserError
from igr_suite.estimators import registered
from igr_suite.lab.runs.store import RunFolder
from igr_suite.studies.toy.config import EVALUATIONS, EXACT, PARAMETERS, TEMPERED, ToyRun
from igr_suite.studies.toy.train import Exact, Toy, execute, expected_loss


def executed(config, path):
    with RunFolder(path / config.run_id).open(config) as folder:
        execute(config, folder)
    return {row["step"]: row for row in folder.metrics.rows()}, folder


@pytest.mark.parametrize(
    ("settings", "trajectory"),
    [
        ({"learning_rate": 0.1, "target": 0.45}, {1000: 0.1345, 2000: 0.0637, 5000: 0.0230}),
        (
            {"optimiser": "adam", "learning_rate": 0.01, "target": 0.499, "steps": 10_000, "row_every": 500},
            {500: 0.0424, 1000: 0.01395, 3000: 0.0018, 10_000: 4e-5},
        ),
    ],
)
def test_exact_trajectories(tmp_path, settings, trajectory):
    """Oracles of docs/papers/rebar.md, section 6, to 1e-4."""
    rows, _ = executed(ToyRun(**{"estimator": EXACT, "seeds": 1, "row_every": 1000} | settings), tmp_path)
    for step, p in trajectory.items():
        assert rows[step]["p"] == pytest.approx([p], abs=1e-4)
        assert rows[step]["loss"] == pytest.approx([expected_loss(rows[step]["p"][0], settings["target"])], rel=1e-5)
        assert rows[step]["variance"][0] < 1e-20


def concrete_optimum(temperature, target):
    """p at the minimum of E(y - t)^2, y = sigmoid((l + logit u) / temperature), by 400-point Gauss-Legendre."""
    x, w = np.polynomial.legendre.leggauss(400)
    u, w = (x + 1) / 2, w / 2

    def slope(logit):
        y = expit((logit + np.log(u) - np.log1p(-u)) / temperature)
        return w @ (2 * (y - target) * y * (1 - y) / temperature)

    return expit(brentq(slope, -2, 0.3))


def test_concrete_ends_at_the_wrong_answer(tmp_path):
    """Its surrogate's optimum is at p = .3554, true loss .2380, by quadrature; 40 seeds end there and not near 0.

    docs/papers/rebar.md, section 6, has .354 and .378; scipy's adaptive quadrature has .35536 and .37698, as the one
    above.
    """
    p = concrete_optimum(0.5, 0.45)
    assert [p, concrete_optimum(1.0, 0.45)] == pytest.approx([0.35536, 0.37698], abs=1e-5)
    assert expected_loss(p, 0.45) == pytest.approx(0.2380, abs=1e-4)
    rows, _ = executed(ToyRun(estimator="concrete", temperature=0.5, seeds=40, row_every=1000), tmp_path)
    assert 0.33 < np.median(rows[5000]["p"]) < 0.38
    assert np.median(rows[5000]["loss"]) == pytest.approx(0.2380, abs=0.002)


def test_relax_on_the_toy_problem(tmp_path, golden):
    """Median loss of 20 seeds after 1,000 steps of Adam at t = .45: .206 in RELAX's figure, where REINFORCE has .226.

    Its variance is e^2 times below that of REINFORCE at the same p, which has a closed form.
    """
    config = ToyRun(
        estimator="relax",
        temperature=0.5,
        surrogate="net",
        trained=("log_temperature", "eta", "net"),
        optimiser="adam",
        learning_rate=0.01,
        steps=1000,
        row_every=500,
    )
    rows, folder = executed(config, tmp_path)
    golden("toy", folder)
    row = rows[1000]
    p = np.array(row["p"])
    assert np.median(row["loss"]) == pytest.approx(0.206, abs=0.003)
    assert (
        np.median(np.log(row["variance"])) < np.median(np.log(p * (1 - p) * ((1 - p) * 0.55**2 + p * 0.45**2) ** 2)) - 2
    )
    assert len(np.unique(row["temperatures"])) > 10, "every seed has its own temperature"


def test_variances_are_those_of_the_closed_form(tmp_path):
    """REINFORCE at p = 1/2, t = .45: log variance -4.139; 20 seeds of 1,000 draws, so a standard error of about .001.

    The moving average of g^2 - (exact gradient)^2 at fixed parameters estimates the same; a learning rate of 1e-9 keeps
    them fixed.
    """
    config = ToyRun(estimator="reinforce", learning_rate=1e-9, steps=2000, row_every=1000)
    rows, folder = executed(config, tmp_path)
    assert folder.summary()["final"]["p"] == rows[2000]["p"]
    assert rows == executed(config, tmp_path)[0], "a run repeats itself"
    assert np.log(np.mean(rows[0]["variance"])) == pytest.approx(-4.139, abs=0.01)
    assert np.log(np.mean([rows[1000]["ema_variance"], rows[2000]["ema_variance"]])) == pytest.approx(-4.139, abs=0.03)
    assert "ema_variance" not in rows[0]


def test_steps_in_one_call_or_in_many_are_the_same():
    """And every seed has a trajectory of its own."""
    toy = Toy(
        ToyRun(
            estimator="dynamic_rebar", temperature=0.5, trained=("log_temperature", "eta"), optimiser="adam", seeds=3
        )
    )
    steps = tf.function(toy.steps, autograph=False)
    once = steps(toy.initial(), tf.constant(0), tf.constant(7))
    twice = steps(steps(toy.initial(), tf.constant(0), tf.constant(3)), tf.constant(3), tf.constant(4))
    for name, value in once["weights"].items():
        np.testing.assert_array_equal(value, twice["weights"][name])
        if name == "baseline":
            assert not value.numpy().any(), "not trained here"
        else:
            assert len(np.unique(value)) == 3


def test_an_own_loss_trains_what_has_one():
    """SimpleMuProp's scale and baseline follow the squared residual: on this problem E[f(b)] = .2525 needs a positive
    baseline."""
    toy = Toy(ToyRun(estimator="simple_muprop", trained=("eta", "baseline"), learning_rate=0.01, seeds=2))
    end = tf.function(toy.steps, autograph=False)(toy.initial(), tf.constant(0), tf.constant(300))
    residual = 0.2525 - (end["weights"]["eta"] * 0.0025 + end["weights"]["baseline"]).numpy()
    assert np.all(np.abs(residual) < 0.05)


def test_the_config_knows_the_registry():
    """The config, which never imports TensorFlow, repeats names that the registry holds."""
    for name in set(PARAMETERS) - {EXACT}:
        cls = registered("bernoulli")[name]
        assert cls.facts.target == "expectation"
        assert set(PARAMETERS[name]) == set(cls.facts.parameters)
        assert (name in TEMPERED) == hasattr(cls(), "temperature")
        assert (name in ("relax", "lax")) == hasattr(cls(), "control")


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluations_are_those_that_a_gradient_makes(name):
    estimator, found = Exact() if name == EXACT else registered("bernoulli")[name](), []

    def objective(b):
        value = tf.reduce_sum(tf.square(b - 0.45), -1)
        found.append(int(tf.size(value)))
        return value

    logits = tf.zeros([1, 1], tf.float64)
    noise = estimator.noise((1, 1), tf.constant([1, 2]), tf.float64)
    estimator.estimate(objective, logits, noise, estimator.parameters((1, 1), tf.float64))
    of_the_value = 1 if name == "concrete" else 0
    assert sum(found) - of_the_value == EVALUATIONS[name]
    settings = {"temperature": 0.5} if name in TEMPERED else {}
    settings |= {"surrogate": "add"} if name in ("relax", "lax") else {}
    seeds = 1 if name == EXACT else 20
    assert ToyRun(estimator=name, seeds=seeds, **settings).evaluations_per_step == seeds * EVALUATIONS[name]
    if settings.get("surrogate"):
        assert ToyRun(estimator=name, seeds=20, temperature=0.5, surrogate="net").evaluations_per_step == 20


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"estimator": "rebaar"}, "did you mean 'rebar'"),
        ({"estimator": "rebar"}, "temperature=None with rebar: it needs one"),
        ({"temperature": 0.5}, r"temperature=0\.5 with reinforce: it has none"),
        ({"estimator": "rebar", "temperature": 0.0}, "temperature must be positive"),
        ({"surrogate": "net"}, "surrogate=net with reinforce"),
        ({"estimator": "rebar", "temperature": 0.5, "trained": ("log_temperature",)}, "which rebar does not have"),
        ({"steps": 150}, "steps=150 is not a multiple of row_every=100"),
        ({"fresh_samples": 1}, "fresh_samples must be greater than 1"),
        ({"estimator": EXACT}, "seeds=20 with the exact gradient"),
    ],
)
def test_a_wrong_option_is_a_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        ToyRun(**({"estimator": "reinforce"} | changes))


def test_a_trained_parameter_that_does_not_matter_is_refused():
    """A missing derivative would leave it at its initial value without a word."""
    toy = Toy(ToyRun(estimator="rebar", temperature=0.5, trained=("eta",), seeds=2, steps=2, row_every=2))
    state = toy.initial()
    toy._noise, noise = (lambda seed, draws: noise), toy._noise(tf.constant([1, 2]), 1)
    toy.estimator = Exact()  # reads no parameters
    with pytest.raises(UserError, match="trained names 'eta', which the loss of rebar does not depend on"):
        toy.steps(state, tf.constant(0), tf.constant(2))
