"""What the likelihood observes: grey, thresholded or resampled images."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.data import BINARISATIONS, check_binarisation
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError

EVERY_VALUE = np.arange(256, dtype=np.uint8)


def test_none_is_division_by_255():
    observed = to_unit_interval(EVERY_VALUE, "none").numpy()
    np.testing.assert_array_equal(observed, EVERY_VALUE.astype(np.float32) / np.float32(255))
    assert observed[0] == 0.0 and observed[255] == 1.0


def test_static_is_the_authors_threshold_of_the_quotient():
    np.testing.assert_array_equal(to_unit_interval(EVERY_VALUE, "static").numpy(), EVERY_VALUE / 255.0 >= 0.5)


def test_dynamic_has_the_grey_value_as_its_mean():
    """z-score of each of 256 means of 40,000 draws: false alarm below 1e-4 in all; an error of 0.02 shows at z = 8."""
    images = np.broadcast_to(EVERY_VALUE, (40_000, 256))
    means = to_unit_interval(images, "dynamic", seed=[5, 9]).numpy().mean(axis=0, dtype=np.float64)
    p = EVERY_VALUE / 255.0
    assert means[0] == 0.0 and means[255] == 1.0
    z = (means - p)[1:-1] / np.sqrt(p * (1 - p) / 40_000)[1:-1]
    assert np.max(np.abs(z)) < 5.2, z


def test_dynamic_is_a_function_of_the_seed():
    images = np.full((4, 28, 28, 1), 100, np.uint8)
    first = to_unit_interval(images, "dynamic", seed=[1, 2])
    assert first.shape == (4, 28, 28, 1) and set(np.unique(first)) == {0.0, 1.0}
    np.testing.assert_array_equal(first, to_unit_interval(images, "dynamic", seed=tf.constant([1, 2])))
    assert np.any(first != to_unit_interval(images, "dynamic", seed=[1, 3]))


def test_all_work_compiled_flattened_and_in_other_dtypes():
    """XLA draws other uniforms from the same seed than eager TensorFlow does, so "dynamic" is compared with itself."""
    flat = np.tile(EVERY_VALUE[:196], (3, 4))
    compiled = tf.function(
        lambda images, seed: [to_unit_interval(images, name, seed, tf.float64) for name in BINARISATIONS],
        jit_compile=True,
    )
    for name, observed in zip(BINARISATIONS, compiled(tf.constant(flat), tf.constant([3, 4]))):
        assert observed.dtype == tf.float64 and observed.shape == (3, 784)
        if name == "dynamic":
            assert set(np.unique(observed)) == {0.0, 1.0} and not np.any(observed.numpy()[flat == 0])
            np.testing.assert_array_equal(observed, compiled(tf.constant(flat), tf.constant([3, 4]))[-1])
        else:
            np.testing.assert_allclose(observed, to_unit_interval(flat, name, None, tf.float64), rtol=1e-15)


def test_wrong_use_is_a_sentence():
    with pytest.raises(UserError, match="unknown binarisation 'statc'; did you mean 'static'"):
        check_binarisation("statc")
    with pytest.raises(UserError, match="unknown binarisation"):
        to_unit_interval(EVERY_VALUE, "statc")
    with pytest.raises(UserError, match="'dynamic' needs a seed"):
        to_unit_interval(EVERY_VALUE, "dynamic")
    with pytest.raises(UserError, match="images must be uint8 in 0..255, got float32"):
        to_unit_interval(np.zeros(3, np.float32), "none")
