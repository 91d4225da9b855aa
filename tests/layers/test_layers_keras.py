"""Layers of latent variables have Keras's habits: Keras's own check of layers, files, copies, every kind of model,
policies and XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase  # what Keras tests its own layers with
from layer_cases import POLICIES, X, array, categorical, parameters

from igr_suite.layers import GaussianLatent, RelaxedBernoulli, RelaxedCategorical

# Keras's files read variables in a way that NumPy 2 warns of
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
layers, schedules = keras.layers, keras.optimizers.schedules

LAYERS = {
    "planar": (
        RelaxedCategorical,
        {
            "variables": 2,
            "categories": 3,
            "relaxation": "IGR_Planar",
            "temperature": schedules.PolynomialDecay(1.0, 10, 0.2),
            "kl_weight": schedules.PolynomialDecay(0.0, 10, 0.1),
            "prior": "learned",
            "options": {"flow_layers": 3, "delta": 0.5},
        },
        (4, 2, 3),
    ),
    "hard": (
        RelaxedCategorical,
        {
            "variables": 2,
            "categories": 3,
            "hard": True,
            "samples": 5,
            "kl_weight": 0.1,
            "kl": "discrete",
            "inference": "mode",
        },
        (4, 5, 2, 3),
    ),
    "bernoulli": (
        RelaxedBernoulli,
        {"variables": 3, "kl_weight": 0.1, "inference": "mean", "prior": {"logits": [0.0, 1.0, -1.0]}},
        (4, 3),
    ),
    "gaussian": (GaussianLatent, {"variables": 3, "samples": 2, "kl_weight": 0.1, "inference": "mean"}, (4, 2, 3)),
}


@pytest.mark.filterwarnings("ignore:.shuffle=True. was passed:UserWarning")  # by the check's own call of fit
@pytest.mark.parametrize("name", LAYERS)
def test_it_passes_the_check_of_keras_s_own_layers(name):
    """Configuration and copies, build, symbolic and eager calls, a step of training under XLA, mixed precision."""
    layer, arguments, shape = LAYERS[name]
    TestCase().run_layer_test(
        layer,
        {**arguments, "seed": 3},
        input_shape=(4, 5),
        expected_output_shape=shape,
        expected_num_seed_generators=1,
        expected_num_losses=1,
        supports_masking=True,
    )


def autoencoder() -> keras.Model:
    """A functional model with all three layers, everything scheduled or learned somewhere."""
    inputs = keras.Input((5,))
    hidden = layers.Dense(6, "tanh")(inputs)
    kinds = [
        layer(**arguments, seed=seed, name=name)(hidden)
        for seed, (name, (layer, arguments, _)) in enumerate(LAYERS.items())
    ]
    joined = layers.Concatenate()([layers.Flatten()(code) for code in kinds])
    model = keras.Model(inputs, layers.Dense(5)(joined))
    model.compile(keras.optimizers.Adam(0.05), loss="mse", run_eagerly=True)
    return model


def test_a_saved_model_goes_on_as_it_would_have(tmp_path):
    """The same losses after `load_model` and after `load_weights`; flows and priors are trained."""
    keras.utils.set_random_seed(0)
    model = autoencoder()
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    model.fit(X, X, batch_size=3, verbose=0, shuffle=False)
    kept = [path for path, value in before.items() if any(word in path for word in ("flow", "prior"))]
    assert len(kept) == 5 and all(
        not np.array_equal(before[weight.path], weight.numpy()) for weight in model.trainable_weights
    )
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    whole, weights = keras.models.load_model(tmp_path / "model.keras"), autoencoder()
    weights.optimizer.build(weights.trainable_variables)
    weights.load_weights(tmp_path / "model.weights.h5")
    for ours, theirs in zip(model.get_layer("planar").weights, whole.get_layer("planar").weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    assert int(whole.get_layer("planar").steps) == 2
    evaluations = {again.evaluate(X, X, verbose=0) for again in (model, whole, weights)}
    assert len(evaluations) == 1
    first, second = (again.fit(X, X, batch_size=3, verbose=0, shuffle=False).history for again in (model, whole))
    assert first == second


def test_copies_and_exports(tmp_path):
    """A cloned model has the same configuration and draws; a saved model of TensorFlow gives codes."""
    inputs = keras.Input((5,))
    model = keras.Model(inputs, RelaxedCategorical(2, 3, "IGR_I", 0.3, seed=7, inference="mode", name="code")(inputs))
    copy = keras.models.clone_model(model)
    assert copy.get_layer("code").get_config() == model.get_layer("code").get_config()
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(X, training=True), model(X, training=True))
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(exported.serve(X), model(X), atol=1e-6)


def test_equal_seeds_give_equal_draws_and_their_state_is_saved(tmp_path):
    """Every call draws anew; weights alone hold the state of the seeds."""
    for make in (
        lambda seed: categorical("GS", seed=seed),
        lambda seed: RelaxedBernoulli(3, dense=False, seed=seed),
        lambda seed: GaussianLatent(3, dense=False, seed=seed),
    ):
        one, same, other = make(5), make(5), make(6)
        given = parameters(one)
        first, second = one(given), one(given)
        np.testing.assert_array_equal(first, same(given))
        assert not np.any(np.equal(first, second)) and not np.any(np.equal(first, other(given)))
        keras.Sequential([keras.Input(one.given_shape), one]).save_weights(tmp_path / "w.weights.h5")
        keras.Sequential([keras.Input(one.given_shape), other]).load_weights(tmp_path / "w.weights.h5")
        np.testing.assert_array_equal(one(given), other(given))


class OwnModel(keras.Model):
    """A subclass whose decoder sees several samples of binary codes."""

    def __init__(self):
        super().__init__()
        self.code = RelaxedBernoulli(3, samples=4, kl_weight=0.1)
        self.decoder = layers.Dense(5)

    def call(self, inputs, training=False):
        return keras.ops.mean(self.decoder(self.code(inputs, training=training)), axis=1)


def test_a_subclass_and_a_sequential_model_train():
    """Eagerly and as a graph without XLA, with batches of two sizes."""
    sequential = keras.Sequential([layers.Dense(4), RelaxedCategorical(2, 3, kl_weight=0.1), layers.Flatten()])
    sequential.add(layers.Dense(5))
    for model, eager in ((OwnModel(), True), (sequential, False)):
        model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False, run_eagerly=eager)
        losses = model.fit(X, X, batch_size=4, epochs=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0] and model(X).shape == (6, 5)


def test_half_precision_and_float64_round_the_code_alone():
    """The same parameters in every policy: codes are the float32 code rounded, KLs are equal."""
    for layer_of in (
        lambda policy: categorical("IGR_Planar", dtype=policy, kl_weight=1.0, kl="sampled"),
        lambda policy: RelaxedBernoulli(3, dense=False, seed=1, dtype=policy, kl_weight=1.0),
        lambda policy: GaussianLatent(3, dense=False, seed=1, dtype=policy, kl_weight=1.0),
    ):
        keras.utils.set_random_seed(0)
        single = layer_of("float32")
        given = parameters(single)
        code = single(given)
        for policy in POLICIES[1:]:
            keras.utils.set_random_seed(0)  # of the flow's weights
            layer = layer_of(policy)
            ours = layer(tf.cast(given, tf.float64) if policy == "float64" else given)
            assert ours.dtype == layer.compute_dtype and layer.losses[0].dtype == tf.float32
            if policy == "float64":
                assert layer.float_type == tf.float64
                continue
            np.testing.assert_array_equal(array(ours), array(tf.cast(code, ours.dtype)))
            np.testing.assert_allclose(layer.losses[0], single.losses[0], rtol=1e-6)


def test_under_xla_with_a_batch_of_unknown_size():
    layer = RelaxedCategorical(2, 3, "IGR_I", 0.3, samples=2, kl_weight=0.5, kl="sampled", seed=4)
    layer.build((None, 5))

    @tf.function(input_signature=[tf.TensorSpec([None, 5])], jit_compile=True)
    def compiled(x):
        with tf.GradientTape() as tape:
            code = layer(x, training=True)
            loss = layer.losses[-1] + tf.reduce_sum(code[..., 0])
        return code, tape.gradient(loss, layer.trainable_weights)

    code, gradients = compiled(X)
    layer.seed_generator.state.assign([4, 0])
    np.testing.assert_allclose(code, layer(X, training=True), atol=1e-5)
    assert all(np.isfinite(gradient).all() and np.any(gradient != 0) for gradient in gradients)
