"""The public surface: the guide runs, bad input is a sentence before training, weights are saved with synthesisers or
without."""

import re

import guides
import keras
import numpy as np
import pytest
from dni_problem import modules, synthesiser

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import conv, linear, mlp
from igr_suite.errors import UserError

GUIDE = "decouple_your_model.md"


def test_the_guide_runs(capsys):
    keras.utils.set_random_seed(0)
    scope = guides.run_python(GUIDE)
    lines = [line for line in guides.blocks(GUIDE)[1].code.splitlines() if line and "import" not in line]
    assert len(lines) <= 5, "the guide promises few lines"
    printed = capsys.readouterr().out
    assert float(re.search(r"test error ([\d.]+)", printed)[1]) < 0.2
    assert float(re.search(r"interface 2: cosine (-?[\d.]+)", printed)[1]) > 0.2
    losses = scope["history"].history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def chain() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((6,)),
            *(keras.layers.Dense(5, "relu", name=name) for name in ("a", "b", "c")),
            keras.layers.Dense(3, name="top"),
        ]
    )


def test_parts_of_a_model_share_its_layers_and_compute_the_same():
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(6, "relu", name="a")(inputs)
    joined = keras.layers.Add(name="sum")([inputs, hidden])
    skipping = keras.Model(inputs, keras.layers.Dense(3, name="top")(keras.layers.Dense(5, name="b")(joined)))
    for model, cuts in ((chain(), ["a", "c"]), (skipping, ["sum", "b"])):
        parts = split_model(model, cuts)
        assert len(parts) == 3
        out = x
        for part in parts:
            out = part(out)
        np.testing.assert_allclose(out, model(x), rtol=1e-6)
        assert {id(v) for part in parts for v in part.variables} == {id(v) for v in model.variables}


def cut_through_a_skip():
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(6, "relu", name="a")(inputs)
    top = keras.layers.Dense(3, name="top")(keras.layers.Add(name="sum")([inputs, hidden]))
    return split_model(keras.Model(inputs, top), ["a"])


def shared_layer():
    layer = keras.layers.Dense(6)
    return DecoupledModel(
        [keras.Sequential([keras.Input((6,)), layer]), keras.Sequential([keras.Input((6,)), layer])], linear()
    )


def stateful():
    recurrent = keras.Sequential(
        [keras.Input((4, 6), batch_size=2), keras.layers.LSTM(5, stateful=True, name="memory")]
    )
    return DecoupledModel([recurrent, keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])], linear())


def fitted(y=None, **options):
    model = DecoupledModel(split_model(chain(), ["a"]), linear(), labels=True)
    model.compile("sgd")
    model.fit(np.zeros((4, 6)), y, verbose=0, **options)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: split_model(chain(), ["aa"]), "has no layer 'aa' to cut behind: did you mean 'a'"),
        (lambda: split_model(chain(), ["b", "a"]), "in the order of the layers"),
        (lambda: split_model(chain(), ["a", "a"]), "name a layer twice"),
        (lambda: split_model(chain(), ["top"]), "leaves nothing above it"),
        (cut_through_a_skip, "reads other tensors too"),
        (lambda: split_model(keras.Sequential([keras.layers.Dense(3)]), ["dense"]), "needs one input and one output"),
        (shared_layer, "a layer cannot be on both sides of a cut"),
        (stateful, "the layer 'memory' keeps state from batch to batch"),
        (
            lambda: DecoupledModel(split_model(chain(), ["a"]), lambda inputs, outputs: keras.layers.Dense(4)),
            r"the synthesiser of interface 1 predicts the shape \(4,\), and the interface is \(5,\)",
        ),
        (
            lambda: DecoupledModel(split_model(chain(), ["a", "b"]), [linear()]),
            "there are 2 interfaces and 1 factories",
        ),
        (lambda: DecoupledModel(split_model(chain(), ["a"]), conv()), "needs feature maps"),
        (lambda: DecoupledModel(split_model(chain(), ["a"]), mlp((0,))), "a list of sizes, integers of at least 1"),
        (lambda: mlp(64), "a list of sizes, integers of at least 1, got 64"),
        (lambda: mlp("64"), "a list of sizes, integers of at least 1, got '64'"),
        (lambda: mlp(batch_norm="no"), "batch_norm must be True or False, got 'no'"),
        (lambda: conv(kernel=2.5), "kernel must be an integer of at least 1, got 2.5"),
        (lambda: linear(seed="a"), "seed must be an integer, got 'a'"),
        (lambda: split_model(None, ["a"]), "split_model cuts a Keras model, got None"),
        (lambda: split_model(chain(), "a"), "the cuts are a list of names of layers, .*, got 'a'"),
        (lambda: DecoupledModel(chain(), linear()), "made of a list of Keras layers or models, got <Sequential"),
        (lambda: DecoupledModel(None), "made of a list of Keras layers or models, got None"),
        (lambda: DecoupledModel(modules(2), "linear"), "is made by a function such as igr_suite.decoupling.linear"),
        (lambda: DecoupledModel(modules(2), synthesiser(), targt="true"), "no setting 'targt': did you mean 'target'"),
        (lambda: DecoupledModel(modules(2), synthesiser(), target="tru"), "target must be 'bootstrap' or 'true' or"),
        (lambda: DecoupledModel(modules(2), synthesiser(), classes=0), "classes must be an integer of at least 1"),
        (lambda: DecoupledModel(modules(2), synthesiser(), seed=None), "seed must be an integer, got None"),
        (lambda: DecoupledModel([keras.layers.Dense(3)], linear()), "does not know the shape of its input"),
        (lambda: DecoupledModel(modules(2), synthesiser(), p_update=1.5), "p_update is a probability, got 1.5"),
        (lambda: DecoupledModel(modules(2), synthesiser(), bp_lambda=0.5), "is read by target=lambda only"),
        (lambda: DecoupledModel(modules(2), synthesiser(), p_update=0.5, target="true"), "which only target=bootstrap"),
        (lambda: DecoupledModel(modules(2), synthesiser(), sg_scale="batch", reduction="sum"), "makes no difference"),
        (lambda: DecoupledModel(modules(3), p_update=0.5), "needs synthesisers"),
        (lambda: DecoupledModel(modules(2), synthesiser()).fit(np.zeros((4, 5)), np.zeros(4)), "call compile first"),
        (fitted, "images without labels, and its synthesisers see them"),
        (lambda: DecoupledModel(modules(2), synthesiser()).compile("sdg"), "'sdg' is no Keras optimiser"),
    ],
)
def test_bad_input_is_a_sentence_before_training(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()


def test_weights_are_saved_with_synthesisers_or_without():
    parts = split_model(chain(), ["a", "b"])
    decoupled = DecoupledModel(parts, mlp((7,)), synthetic_inputs=mlp((4,)))
    without, everything = decoupled.weights_to_save(synthesisers=False), decoupled.weights_to_save()
    assert [id(v) for v in without] == [id(v) for part in parts for v in part.variables]
    # two networks at two cuts: kernels and biases of two layers, gamma and beta
    assert len(everything) == len(without) + 2 * 2 * 6


def test_feature_maps_are_decoupled_by_convolutions_that_see_the_label():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="maps"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    decoupled = DecoupledModel(split_model(model, ["maps"]), conv((4,), 3), labels=True)
    assert decoupled.synthesisers[0].layers[0].kernel.shape == (3, 3, 3 + 3, 4)
    decoupled.compile(keras.optimizers.Adam(1e-2))
    rng = np.random.default_rng(0)
    first = model.layers[0].get_weights()[0]
    history = decoupled.fit(rng.normal(size=(20, 6, 6, 1)), rng.integers(0, 3, 20), batch_size=10, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert not np.array_equal(first, model.layers[0].get_weights()[0])
