"""Expectations and variances of every estimator on the scalar linear-Gaussian model, exact by quadrature
(docs/papers/dreg.md, section 6.2).
"""

import numpy as np
import pytest
from objective_quadrature import LOG_EVIDENCE, M, OneLayer, S, layer, moments

from igr_suite.objectives.control_variate import ControlVariateDReG
from igr_suite.objectives.registry import build


@pytest.mark.parametrize(
    ("samples", "bound", "jackknife"), [(2, -1.5149880060, -1.4306769631), (3, -1.4963113269, -1.4589579688)]
)
def test_reported_values(samples, bound, jackknife):
    assert pytest.approx(-1.4680121235, abs=1e-10) == LOG_EVIDENCE
    assert moments("iwae", 1)[0][0] == pytest.approx(-1.5992990489, abs=1e-10)
    assert moments("iwae", samples)[0][0] == pytest.approx(bound, abs=1e-8)
    for form in ("masked", "closed"):
        assert moments("jk", samples, form=form)[0][0] == pytest.approx(jackknife, abs=1e-8)


def test_the_bound_rises_with_samples_and_the_jackknife_may_exceed_the_evidence():
    bounds = [moments("iwae", samples)[0][0] for samples in (1, 2, 3, 4)]
    assert all(np.diff(bounds) > 0) and bounds[-1] < LOG_EVIDENCE
    assert moments("jk", 2)[0][0] > LOG_EVIDENCE


TABLE = {  # name: options, then for K = 2 and K = 3 the means and variances of d/dm and d/dlog s
    "iwae": ({}, (0.1794735824, -0.1778300221, 1.24532, 1.35045), (0.1051123141, -0.0984236058, 0.723896, 0.718655)),
    "dreg": (
        {},
        (0.1794735824, -0.1778300221, 0.0630304, 0.0626969),
        (0.1051123141, -0.0984236058, 0.0156522, 0.0121812),
    ),
    "stl": ({}, (0.3773293957, -0.4013104996, 0.182404, 0.205659), (0.3488701449, -0.3594448853, 0.106030, 0.0992510)),
    "rws": ({}, (0.1978558133, -0.2234804775, 0.474516, 0.579392), (0.2437578308, -0.2610212794, 0.275833, 0.328577)),
    "rws-dreg": (
        {},
        (0.1978558133, -0.2234804775, 0.0388408, 0.0478968),
        (0.2437578308, -0.2610212794, 0.0436165, 0.0448065),
    ),
    "dreg-alpha": (
        {"alpha": 0.9},
        (0.1960175902, -0.2189154319, 0.0393393, 0.0479793),
        (0.2298932792, -0.2447615121, 0.0396944, 0.0402188),
    ),
    "jk": (
        {"order": 1},
        (-0.1410528352, 0.2643399558, 1.56943, 2.09288),
        (-0.0436102226, 0.0603892267, 0.702377, 0.673457),
    ),
    "jk-dreg": (
        {"order": 1},
        (-0.1410528352, 0.2643399558, 0.0945015, 0.243749),
        (-0.0436102226, 0.0603892267, 0.0101287, 0.0164172),
    ),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("samples", [2, 3])
def test_means_and_variances(name, samples):
    """Means to 1e-8 and variances to the six digits of the table in docs/papers/dreg.md, section 6.2."""
    options, *rows = TABLE[name]
    mean_m, mean_s, variance_m, variance_s = rows[samples - 2]
    _, by_m, by_log_s, _ = moments(name, samples, **options)
    assert [by_m[0], by_log_s[0]] == pytest.approx([mean_m, mean_s], abs=1e-8)
    assert [by_m[1], by_log_s[1]] == pytest.approx([variance_m, variance_s], rel=2e-5)


@pytest.mark.parametrize(
    ("name", "options", "samples", "mean", "variance"),
    [
        ("ovis", {"gamma": 0.0}, 2, 0.1794735824, 0.27159),
        ("ovis", {"gamma": 1.0}, 2, 0.3773293957, 0.63009),
        ("ovis", {"gamma": 0.0}, 3, 0.1051123141, 0.025099),
        ("ovis", {"gamma": 1.0}, 3, 0.3488701449, 0.21199),
        ("vimco", {"mean": "geometric"}, 2, 0.1794735824, 0.94967),
        ("vimco", {"mean": "geometric"}, 3, 0.1051123141, 0.46091),
        ("vimco", {"mean": "arithmetic"}, 3, 0.1051123141, None),
    ],
)
def test_score_function_estimators(name, options, samples, mean, variance):
    """Log-weights' tails make the integrand rougher than those above: means to 1e-7."""
    found = moments(name, samples, **options)[1]
    assert found[0] == pytest.approx(mean, abs=1e-7)
    if variance is not None:
        assert found[1] == pytest.approx(variance, rel=2e-4)


def test_auxiliary_samples_leave_the_mean_alone():
    """OVIS-MC with two samples and one auxiliary one: the mean is IWAE's for K = 2, the variance below VIMCO's."""
    found = moments("ovis-mc", 3, auxiliary=1)
    assert found[0][0] == pytest.approx(-1.5149880060, abs=1e-8)
    assert found[1][0] == pytest.approx(0.1794735824, abs=1e-7)
    assert found[2][0] == pytest.approx(-0.1778300221, abs=1e-6)
    more = moments("ovis-mc", 4, auxiliary=2)
    assert more[1][0] == pytest.approx(0.1794735824, abs=1e-5)
    assert more[1][1] < found[1][1], "more auxiliary samples, a better baseline"


@pytest.mark.parametrize(
    ("name", "options", "samples", "target"),
    [
        ("dreg", {}, 4, ("iwae", {}, 4)),
        ("jk-dreg", {"order": 2}, 3, ("jk", {"order": 2}, 3)),
        ("miwae", {"groups": 2}, 4, ("iwae", {}, 2)),
        ("miwae-dreg", {"groups": 2}, 4, ("iwae", {}, 2)),
        ("piwae", {"groups": 2}, 4, ("iwae", {}, 2)),
        ("piwae-dreg", {"groups": 2}, 4, ("iwae", {}, 2)),
        ("ciwae-dreg", {"beta": 0.3}, 3, ("ciwae", {"beta": 0.3}, 3)),
        ("ciwae", {"beta": 1.0}, 3, ("iwae", {}, 1)),
        ("tvo", {"partitions": 1}, 3, ("iwae", {}, 1)),
    ],
)
def test_reparameterised_and_grouped_means(name, options, samples, target):
    """Equal means of the inference gradient; TVO's left rule with one partition is the ELBO."""
    theirs = moments(target[0], target[2], **target[1])
    ours = moments(name, samples, **options)
    tolerance = 1e-8 if samples < 4 else 2e-5  # fewer nodes an axis
    assert [ours[1][0], ours[2][0]] == pytest.approx([theirs[1][0], theirs[2][0]], abs=tolerance)


@pytest.mark.parametrize(
    "scalars",
    [
        {},
        {"alpha": 0.7, "beta": 0.4, "gamma": 0.3, "delta": -0.5},
        {"alpha": 1.0, "beta": 1.0, "gamma": 1.0},
    ],
)
def test_control_variates_leave_the_mean_alone(scalars):
    at = layer(3)
    _, by_m, by_log_s, _ = at.of(ControlVariateDReG(**scalars))
    assert at.weights @ by_m == pytest.approx(0.1051123141, abs=1e-7)
    assert at.weights @ by_log_s == pytest.approx(-0.0984236058, abs=1e-7)


def test_gradients_are_those_of_the_reported_values():
    """IWAE, JVI, MIWAE and CIWAE against central differences of their quadrature values; any number of nodes does."""
    h = 1e-4
    for name, options in (
        ("iwae", {}),
        ("jk", {}),
        ("jk", {"order": 2}),
        ("miwae", {"groups": 3}),
        ("ciwae", {"beta": 0.3}),
    ):
        objective = build(name, **options)

        def value(m=M, s=S, theta=0.3, objective=objective):
            at = OneLayer(3, 12, theta=theta, m=m, s=s)
            return at.weights @ at.of(objective)[0]

        at = OneLayer(3, 12)
        _, by_m, by_log_s, by_theta = (at.moments(values) for values in at.of(objective))
        assert by_m[0] == pytest.approx((value(m=M + h) - value(m=M - h)) / (2 * h), abs=1e-7)
        assert by_log_s[0] == pytest.approx((value(s=S * np.exp(h)) - value(s=S * np.exp(-h))) / (2 * h), abs=1e-7)
        assert by_theta[0] == pytest.approx((value(theta=0.3 + h) - value(theta=0.3 - h)) / (2 * h), abs=1e-7)


@pytest.mark.parametrize(("samples", "mean", "variance"), [(2, 0.3602632088, 0.311330), (3, 0.3974438430, 0.180974)])
def test_generative_gradient(samples, mean, variance):
    for name in ("iwae", "stl", "dreg", "rws", "rws-dreg"):
        assert moments(name, samples)[3][0] == pytest.approx(mean, abs=1e-8)
        assert moments(name, samples)[3][1] == pytest.approx(variance, rel=2e-5)


def test_stl_has_the_mean_of_iwae_and_rws_together():
    for samples in (2, 3):
        for part in (1, 2):
            both = moments("iwae", samples)[part][0] + moments("rws", samples)[part][0]
            assert moments("stl", samples)[part][0] == pytest.approx(both, abs=1e-8)


def test_at_the_posterior_reparameterised_gradients_have_no_variance():
    """q = p(z|x): the bound is log p(x) for every draw; IWAE's and RWS's variances are 2/K, that of theta's gradient is
    1/(2K)."""
    for samples in (2, 3):
        at = layer(samples, m=(1.2 + 0.3) / 2, s=np.sqrt(0.5))
        for name in ("stl", "dreg", "rws-dreg", "dreg-alpha", "jk-dreg"):
            value, by_m, by_log_s, _ = at.of(build(name))
            assert np.max(np.abs(value - LOG_EVIDENCE)) < 1e-11
            assert np.max(np.abs([by_m, by_log_s])) < 1e-11, name
        for name in ("iwae", "rws"):
            _, by_m, by_log_s, by_theta = at.of(build(name))
            for values in (by_m, by_log_s):
                assert at.moments(values) == pytest.approx((0.0, 2.0 / samples), abs=1e-10)
            assert at.moments(by_theta)[1] == pytest.approx(0.5 / samples, abs=1e-10)


def test_antithetic_pairs_leave_iwae_alone_unbiased():
    """With z_2 the mirror image of z_1, DReG's mean is no longer that of IWAE, which is the derivative of the bound's
    own mean."""
    objective = build("iwae")
    mirrored = {"eps": lambda eps: np.concatenate([eps, -eps])}
    at = OneLayer(1, 80, **mirrored)
    h = 1e-4
    above, below = (OneLayer(1, 80, m=M + step, **mirrored) for step in (h, -h))
    slope = (above.weights @ above.of(objective)[0] - below.weights @ below.of(objective)[0]) / (2 * h)
    assert at.weights @ at.of(objective)[1] == pytest.approx(slope, abs=1e-7)
    assert abs(at.weights @ at.of(build("dreg"))[1] - slope) > 0.01
