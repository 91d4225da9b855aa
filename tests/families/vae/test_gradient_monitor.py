"""The gradient monitor: the historical number is round-off, Jacobian norms are autodiff's, variances are those of brute
force."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError
from igr_suite.families.vae.config import ModelConfig, TrainVAE
from igr_suite.families.vae.gradient_monitor import GradientMonitor
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.monitor_config import MonitorConfig
from igr_suite.measuring.gradients import Moments, historical_norm, jacobian_norm
from igr_suite.randomness import at_step, run_seed
from igr_suite.relaxations import initial_planar_flow, relaxation
from igr_suite.training.config_parts import OptimiserConfig

SEED = run_seed(0, "test")
MODELS = ("GS_Dis", "IGR_I_Dis", "IGR_SB_Finite_Dis", "IGR_Planar_Dis")
DISTRIBUTIONS = ("GS", "IGR_I", "IGR_SB_Finite", "IGR_Planar")
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 6), dtype=np.uint8)


def random_distribution(distribution: str, temperature, batch: int, categories: int, variables: int = 2):
    """(parameters -> distribution, parameters [batch, variables, P]): logits and locations N(0, 1), log scales N(0,
    .3^2)."""
    options = {}
    if distribution == "IGR_Planar":
        options["flow"] = initial_planar_flow(categories, variables, SEED, stddev=0.5)
    kind = relaxation(distribution)
    sizes = list(kind.parameter_blocks(categories).values())
    noise = np.random.default_rng(1).normal(size=(batch, variables, sum(sizes))).astype(np.float32)
    noise[..., sizes[0] :] *= 0.3
    return (lambda parameters: kind.from_network(parameters, temperature, **options)), tf.constant(noise)


def a_model(name: str, **options) -> DiscreteVAE:
    config = ModelConfig(name=name, architecture="linear", variables=2, categories=3, **options)
    model = DiscreteVAE(
        config, image_shape=(3, 2, 1), likelihood="bernoulli", binarisation="static", optimiser=OptimiserConfig()
    )
    for variable in model.trained:  # away from the small initial weights, so that the reconstruction matters
        variable.assign(2.0 * variable)
    return model


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("temperature", [0.02, 0.1, 0.3, 1.0])
def test_the_historical_norm_is_round_off_at_every_temperature(distribution, temperature):
    """At most 1e-4 in float32 (docs/papers/igr.md, section 7.16) for 400 distributions, while the Jacobian it was meant
    for is not small at 1.
    """
    make, parameters = random_distribution(distribution, temperature, 200, 10)
    size = next(iter(relaxation(distribution).parameter_blocks(10).values()))

    def scores(first):
        return make(tf.concat([first, parameters[..., size:]], -1)).draw((), SEED).scores / temperature

    norms = historical_norm(scores, parameters[..., :size]).numpy()
    assert norms.max() <= 1e-4
    if temperature == 1.0:
        assert np.median(jacobian_norm(lambda p: make(p).draw((), SEED).sample, parameters)) > 1e-2


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_jacobian_norm_is_that_of_the_whole_jacobian(distribution):
    make, parameters = random_distribution(distribution, 0.5, 3, 4)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        sample = make(parameters).draw((), SEED).sample
    whole = tape.jacobian(sample, parameters).numpy()  # [B, V, K, B, V, P]
    own = np.stack([[whole[b, v, :, b, v] for v in range(2)] for b in range(3)])
    assert np.abs(whole).sum() == pytest.approx(np.abs(own).sum(), rel=1e-5), (
        "a variable's code depends on its own parameters only"
    )
    norms = jacobian_norm(lambda p: make(p).draw((), SEED).sample, parameters)
    np.testing.assert_allclose(norms, np.sqrt((own**2).sum((-1, -2))), rtol=1e-5)


def test_the_jacobian_norm_of_two_categories_in_closed_form():
    """GS, K = 2: psi_1 = sigmoid(x / tau), so the Jacobian is 2 x 2 with entries +-psi_1 psi_2 / tau and norm 2 psi_1
    psi_2 / tau."""
    make, parameters = random_distribution("GS", 0.7, 5, 2)
    psi = make(parameters).draw((), SEED).sample.numpy()
    norms = jacobian_norm(lambda p: make(p).draw((), SEED).sample, parameters)
    np.testing.assert_allclose(norms, 2 * psi.prod(-1) / 0.7, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_jacobians_are_positive_at_high_temperatures_and_vanish_with_it(distribution):
    """1,000 distributions of 10 categories, equal noise: every norm positive from 0.5 on; the median falls with each
    temperature towards 0."""
    falling = {"IGR_SB_Finite": (0.1, 0.03, 0.01, 0.003)}.get(distribution, (0.5, 0.2, 0.1, 0.05, 0.02))
    make_at, parameters = (
        lambda t: random_distribution(distribution, t, 500, 10)[0],
        random_distribution(distribution, 1.0, 500, 10)[1],
    )

    @tf.function
    def norms(temperature):
        return jacobian_norm(lambda p: make_at(temperature)(p).draw((), SEED).sample, parameters)

    for temperature in (0.5, 1.0, 2.0):
        assert norms(tf.constant(temperature)).numpy().min() > 0
    medians = [np.median(norms(tf.constant(t))) for t in falling]
    assert np.all(np.diff(medians) < 0), medians
    assert medians[-1] < 0.1 * medians[0], medians


def test_moments_are_numpys():
    """With a mean 1e4 times the deviations, where a sum of squares would lose them all."""
    values = (1e4 + np.random.default_rng(2).normal(size=(50, 3, 4))).astype(np.float32)
    moments = Moments.start(tf.zeros((3, 4)))
    for value in values:
        moments = moments.add(tf.constant(value))
    exact = values.astype(np.float64)
    variance = exact.var(0, ddof=1)
    np.testing.assert_allclose(moments.variance(-1), variance.sum(-1), rtol=2e-2)
    np.testing.assert_allclose(moments.signal(), (exact.mean(0) ** 2 - variance / 50).sum(), rtol=1e-6)


def test_moments_of_a_linear_toy():
    """Gradient of theta.(c + eps): mean c, covariance I. 2,000 draws: variance 5 within 4 standard errors (.28),
    unbiased signal 1.25."""
    c = tf.constant([1.0, -0.5, 0.0, 0.0, 0.0])
    moments = Moments.start(c)
    for value in tf.unstack(c + tf.random.stateless_normal((2_000, 5), SEED)):
        moments = moments.add(value)
    assert float(moments.variance()) == pytest.approx(5, abs=4 * np.sqrt(2 * 5 / 2_000))
    assert float(moments.signal()) == pytest.approx(1.25, abs=4 * np.sqrt(4 * 1.25 / 2_000 + 2 * 5 / 2_000**2))


@pytest.fixture(scope="module", params=few(MODELS, {"GS_Dis", "IGR_Planar_Dis"}.__contains__))
def monitored(request):
    kl = {} if request.param == "GS_Dis" else {"kl": "closed"}
    model = a_model(request.param, **kl)
    monitor = GradientMonitor(model, IMAGES, MonitorConfig(metric="both", images=5, draws=7), seed=3)
    return model, monitor, monitor.measure()


def brute_force(model: DiscreteVAE, seed: tf.Tensor, kl: str, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of -ELBO of one draw: by the encoder's output [B, P], and of the batch's mean by the encoder's weights
    [n]."""
    images = to_unit_interval(tf.constant(IMAGES[:5]), "static", seed)
    weights = [v.value for v in model.encoder.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        output = model.encoder(images)
        latent = model.latent.sample(output, 1, at_step(seed, tf.constant(100 + draw)))
        loss = -model.log_likelihood(latent.code, images)[0]
        if kl != "none":
            loss += model.latent.closed_kl(latent) if kl == "closed" else model.latent.sampled_kl(latent)[0]
        mean = tf.reduce_mean(loss)
    return tape.gradient(loss, output).numpy(), np.concatenate(
        [g.numpy().ravel() for g in tape.gradient(mean, weights)]
    )


def test_variance_and_signal_are_those_of_all_gradients_at_once(monitored):
    model, monitor, measured = monitored
    kls = ["none", "sampled", *(["closed"] if model.config.name != "GS_Dis" else [])]
    assert {key.rsplit("_", 1)[1] for key in measured if "_variance_" in key} == set(kls)
    for kl in kls:
        pairs = [brute_force(model, monitor.seed, kl, draw) for draw in range(7)]
        for what, stack in zip(("parameters", "weights"), (np.stack(values).astype(float) for values in zip(*pairs))):
            variance = stack.var(0, ddof=1)
            signal = stack.mean(0) ** 2 - variance / 7
            images = 5 if what == "parameters" else 1  # parameters: mean over images
            assert measured[f"monitor_{what}_variance_{kl}"] == pytest.approx(variance.sum() / images, rel=1e-3)
            assert measured[f"monitor_{what}_signal_{kl}"] == pytest.approx(signal.sum() / images, rel=1e-3, abs=1e-4)
    if "closed" in kls:
        assert measured["monitor_weights_variance_closed"] == pytest.approx(
            measured["monitor_weights_variance_none"], rel=1e-3
        )


def test_norms_are_a_function_of_the_weights_alone():
    """A resumed run builds its monitor anew, on the untrained model: the same reference and the same numbers."""
    model = a_model("GS_Dis")
    first, second = (GradientMonitor(model, IMAGES, MonitorConfig(images=5, draws=3), seed=3) for _ in range(2))
    assert (first.start, first.measure()) == (second.start, second.measure())
    assert first.measure() == second.measure()


def test_shares_refer_to_the_start(monitored):
    _, monitor, measured = monitored
    norms = {name: values.numpy() for name, values in monitor.norms().items()}
    for name, values in norms.items():
        assert values.shape == (5, 2)
        assert measured[f"monitor_{name}_p50"] == pytest.approx(np.median(values), rel=1e-4)
        assert measured[f"monitor_{name}_below_1e-10"] == pytest.approx(np.mean(values <= 1e-10))
    start = monitor.start
    monitor.start = dict.fromkeys(monitor.start, 1e3 * float(np.median(norms["reconstruction"])))
    assert monitor.measure()["monitor_reconstruction_vanished"] == pytest.approx(
        np.mean(norms["reconstruction"] <= monitor.start["jacobian"] * 1e-3)
    )
    monitor.start = start


def test_the_monitored_gradient_is_the_bounds(monitored):
    """Sum over images of the model's own bound, differentiated by the encoder's output, one draw of the monitor's
    seed."""
    model, monitor, _ = monitored
    images = to_unit_interval(tf.constant(IMAGES[:5]), "static", monitor.seed)
    output = model.encoder(images)
    with tf.GradientTape() as tape:
        tape.watch(output)
        latent = model.latent.sample(output, 1, at_step(monitor.seed, tf.constant(2)))
        kl = model.latent.closed_kl(latent) if model.config.kl == "closed" else model.latent.sampled_kl(latent)[0]
        bound = model.log_likelihood(latent.code, images)[0] - kl
    gradient = tape.gradient(bound, output).numpy().reshape(5, 2, -1)
    np.testing.assert_allclose(monitor.norms()["gradient"], np.linalg.norm(gradient, axis=-1), rtol=1e-4)


def test_only_what_is_asked_for_is_measured():
    model = a_model("GS_Dis")
    names = {
        metric: set(GradientMonitor(model, IMAGES, MonitorConfig(metric=metric), 0).measure())
        for metric in ("gradients", "historical")
    }
    assert names["historical"] == {f"monitor_historical_{name}" for name in ("vanished", "p50", "max")}
    assert not names["gradients"] & names["historical"]
    row = GradientMonitor(model, IMAGES, MonitorConfig(metric="historical"), 0).beside(
        lambda step: {"elbo": float(step)}
    )(4)
    assert row["elbo"] == 4.0 and set(row) == {"elbo"} | names["historical"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"monitor.images": "0"}, "monitor.images must be at least 1, got 0"),
        ({"monitor.draws": "1"}, "monitor.draws must be at least 2, got 1"),
        ({"monitor.metric": "gradient"}, "did you mean 'gradients'"),
        ({"monitor.draws": "8", "model.name": "VAE"}, "monitor is for models with discrete latents only"),
    ],
)
def test_a_wrong_option_is_a_sentence(change, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainVAE().with_values(change)


def test_a_run_without_a_monitor_keeps_its_name():
    config = TrainVAE()
    assert dataclasses.replace(config, monitor=MonitorConfig()).run_id != config.run_id
    assert config.to_dict()["monitor"] is None
    assert config.with_values({"monitor.draws": "8"}).monitor == MonitorConfig(draws=8)
