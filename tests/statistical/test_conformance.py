"""Every registered estimator has the mean that its facts claim; wrong ones are found out.

One draw is one gradient of the enumerable problem of docs/papers/rebar.md, section 8 (3 Bernoulli variables, or 2
variables of 3 categories) in float64, at perturbed parameters. False alarm: below 6e-7 a coordinate (|z| < 5) and 1e-6
for all coordinates together (Hotelling's distance). Power: a bias of 7.33 standard errors in one coordinate is found
with probability .99; `test_power` states it in absolute terms.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators import base, get, register, registered
from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimate, Estimator, Facts
from igr_suite.estimators.conformance import CHUNK, Problem, check, enumerable_problem, measure
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.estimators.rebar import Rebar
from igr_suite.estimators.reinforce import score_term
from igr_suite.estimators.relax import TinyNet

# Settings beside the defaults, which every registered estimator is met with; here at every change with categorical
# variables, or Bernoulli ones if it takes no others. The settings of an unknown one are its author's business.
SETTINGS = {
    "reinforce": [{"baseline": 1.7}, {"baseline": "batch"}],
    "rloo": [{"samples": 4}],
    "arms": [{"samples": 2}, {"samples": 3}],
    "carms": [{"samples": 2}, {"samples": 3}],
    "disarm_sb": [{"order": "descending"}, {"order": "unsorted"}],
    "double_cv": [{"samples": 3}],
    "rodeo": [{"samples": 3, "hidden": 10}],
    "vimco": [{"samples": 2}],
    "ovis": [{"samples": 2}, {"gamma": 1.0}],
    "ovis_mc": [{"samples": 2, "auxiliary": 1}],
    "rws": [{"samples": 2}],
    "tvo": [{"samples": 2}, {"rule": "trapezoid", "partitions": 2, "first": 0.3}],
    "local_disarm": [{"samples": 1}, {"samples": 2}],
    "concrete": [{"relaxation": "improved", "temperature": 1.0}],
    "rebar": [
        {"temperature": 0.1},
        {"temperature": 3.0, "relaxation": "concrete", "eta_scope": "unit"},
        {"coupling": "independent"},
        {"coupling": "independent", "relaxation": "concrete"},
    ],
    "dynamic_rebar": [{"coupling": "independent"}],
    "relax": [{"control": "net", "eta_scope": "unit"}, {"coupling": "independent", "relaxation": "improved"}],
    "lax": [{"control": "net"}, {"relaxation": "improved"}],
    "straight_through": [{"temperature": 0.5}],
    "st_gumbel_softmax": [{"temperature": 1.0}],
    "reinmax": [{"temperature": 1.3}],
    "gst": [{"gap": "p"}, {"gap": 0.0, "temperature": 0.5}],
    "gumbel_rao": [{"samples": 1, "temperature": 1.0}],
    "reinmax_rao": [{"samples": 1, "temperature": 0.3}],
}


def cases():
    """One case an estimator, setting and kind of variable."""
    found = []
    for name, cls in registered().items():
        for support in cls.facts.support:
            for settings in [{}, *SETTINGS.get(name, [])]:
                text = ",".join(f"{key}={value}" for key, value in settings.items())
                rare = settings and support != cls.facts.support[-1]
                marks = pytest.mark.sweep if rare else ()
                words = "-".join(filter(None, [name, support, text]))
                found.append(pytest.param(name, support, settings, id=words, marks=marks))
    return found


@pytest.mark.parametrize(("name", "support", "settings"), cases())
def test_mean_gradient_is_the_enumerated_one(name, support, settings):
    """100,000 draws; the facts' answer, unbiased or biased (|z| > 8), is proved either way, and the value's mean is the
    target."""
    check(get(name, **settings), enumerable_problem(support), CHUNK)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("name", "support", "settings"), cases())
def test_mean_gradient_is_the_enumerated_one_in_300_000_draws(name, support, settings, seed):
    check(get(name, **settings), enumerable_problem(support), 300_000, seed)


def test_power():
    """100,000 draws find a bias of .1 (.05 for two samples or more) in a coordinate with probability .99; the largest
    gradient is .35 or more."""
    for name, cls in registered().items():
        if cls.facts.unbiased:
            found = measure(cls(), enumerable_problem(cls.facts.support[0]), CHUNK)
            assert found.detectable < (0.05 if cls.facts.hard in (2, "K", "2K", "K+S") else 0.1), name
            assert np.max(np.abs(found.exact)) > 0.35, name


@pytest.fixture
def scratch_registry(monkeypatch):
    """A copy of the registry, so that a test's estimators do not outlive it."""
    monkeypatch.setattr(base, "_registry", dict(base._registry))


def test_an_estimator_that_a_user_registers_is_met(scratch_registry):
    """A right one passes; the same one with |logits| in place of logits fails, and so does one that claims a bias it
    does not have."""
    claims = Facts(name="my_pair", source="a user", support=("bernoulli",), unbiased=True, hard=2)

    @register
    @dataclass(frozen=True, kw_only=True)
    class MyPair(Estimator):
        facts: ClassVar[Facts] = claims

        def weight(self, logits):
            return tf.sigmoid(tf.abs(logits))

        def _estimate(self, objective, logits, noise, parameters):
            pair = antithetic_pair(logits, noise["u"])
            values = objective(pair)
            signal = score_term(0.5 * (values[0] - values[1]), (pair[0] - pair[1]) * self.weight(logits))
            return Estimate(tf.reduce_mean(values, 0), pair, signal)

    assert "my_pair-bernoulli" in [case.id for case in cases()]
    check(get("my_pair"))

    @register
    @dataclass(frozen=True, kw_only=True)
    class MyWrongPair(MyPair):
        facts: ClassVar[Facts] = replace(claims, name="my_wrong_pair")

        def weight(self, logits):
            return tf.sigmoid(logits)

    with pytest.raises(AssertionError, match="my_wrong_pair is registered as unbiased; its mean is off"):
        check(get("my_wrong_pair"))

    @register
    @dataclass(frozen=True, kw_only=True)
    class MyModestPair(MyPair):
        facts: ClassVar[Facts] = replace(claims, name="my_modest_pair", unbiased=False)

    with pytest.raises(AssertionError, match="registered as biased but no bias shows"):
        check(get("my_modest_pair"))


def test_a_wrong_value_is_found():
    @dataclass(frozen=True, kw_only=True)
    class Relaxed(type(get("concrete"))):
        def _estimate(self, objective, logits, noise, parameters):
            estimate = super()._estimate(objective, logits, noise, parameters)
            return estimate._replace(value=objective(bernoulli.mean(logits)))

    with pytest.raises(AssertionError, match="standard errors from the target"):
        check(Relaxed(), enumerable_problem("bernoulli"))


def toy(target: float = 0.45) -> Problem:
    return Problem(lambda b: tf.reduce_sum(tf.square(b - target), -1), np.array([1.0]))


def quadratic() -> Problem:
    return Problem(lambda b: tf.square(tf.reduce_sum(b, -1) - 1.2), np.array([0.7, -1.1, 0.2]))


def affine(support: str) -> Problem:
    slopes = np.array([1.0, -2.0, 0.5]) if support == "bernoulli" else np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 2.0]])
    logits = enumerable_problem(support).logits
    axes = tuple(range(-slopes.ndim, 0))
    return Problem(lambda b: tf.reduce_sum(b * slopes, axes) + 4.0, logits)


@pytest.mark.parametrize(
    ("estimator", "problem"),
    [
        pytest.param(get("concrete"), toy(), id="concrete-toy"),
        pytest.param(get("straight_through"), toy(), id="straight_through-toy"),
        pytest.param(get("straight_through"), quadratic(), id="straight_through-quadratic"),
        pytest.param(get("st_gumbel_softmax"), quadratic(), id="st_gumbel_softmax-quadratic"),
    ],
)
def test_biased_estimators_are_found_biased(estimator, problem):
    """Negative controls: 100,000 draws show |z| > 8."""
    assert measure(estimator, problem).biased


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_coupled_rebar_without_the_gap_is_found_biased(monkeypatch, support):
    """r = 0 is what comes of a conditional sample that is pinned to the free one without its own derivative."""
    assert measure(Rebar(), enumerable_problem(support)).unbiased
    for kind in (bernoulli, categorical):
        monkeypatch.setattr(kind, "reparameterisation_gap", lambda logits, samples, u: tf.zeros_like(u))
    assert measure(Rebar(), enumerable_problem(support)).biased


@pytest.mark.parametrize(
    ("name", "support"),
    [(name, support) for name in ("muprop", "straight_through") for support in ("bernoulli", "categorical")],
)
def test_exact_without_variance_for_affine_objectives(name, support):
    """Coordinates without variance have to be equal; 1,000 draws."""
    estimator, problem = get(name), affine(support)
    found = measure(estimator, problem, 1_000, parameters=estimator.parameters((1, *problem.logits.shape), tf.float64))
    assert found.unbiased and not found.z.any()
    assert found.deviation.max() < 1e-10
    np.testing.assert_allclose(found.mean, found.exact, atol=1e-12)


def test_relax_toy_three_units():
    """RELAX's own test problem: sum (b - t)^2 with targets .2, .55, .9; 10,000 draws, temperatures 1 and 10, eta .3 and
    0, net 3-5-1."""
    targets = np.linspace(0.2, 0.9, 3)
    problem = Problem(lambda b: tf.reduce_sum(tf.square(b - targets), -1), np.array([0.3, -0.5, 0.1]))
    for temperature in (1.0, 10.0):
        for eta in (0.3, 0.0):
            own = {"eta": tf.constant(eta, tf.float64), "baseline": tf.constant(0.0, tf.float64)}
            assert measure(get("rebar", temperature=temperature), problem, 10_000, parameters=own).unbiased
    assert measure(get("relax", net=TinyNet(units=5)), problem, 10_000).unbiased
