"""The settings of Keras that the suite's own models are built with; in another they would be other models under the
same run name."""

import keras

from igr_suite.errors import UserError

# Setting -> its value, and the call that gives it. `igr` starts every run with these, whatever ~/.keras/keras.json
# says.
PLAIN = {
    "backend": ("tensorflow", "KERAS_BACKEND=tensorflow before Python starts"),
    "floatx": ("float32", "keras.config.set_floatx('float32')"),
    "dtype_policy": ("float32", "keras.config.set_dtype_policy('float32')"),
    "epsilon": (1e-7, "keras.config.set_epsilon(1e-7)"),
    "image_data_format": ("channels_last", "keras.config.set_image_data_format('channels_last')"),
}


def require_plain_keras() -> None:
    """Makes sure, before a model of a run is built, that this process has the settings of Keras that every run has.

    Raises:
      UserError: it has another one, by keras.json, a variable or a call; names the setting and what gives it back.
    """
    for name, (wanted, way_out) in PLAIN.items():
        value = getattr(keras.config, name)()
        value = getattr(value, "name", value)  # a dtype policy's
        if value != wanted:
            raise UserError(
                f"keras.config.{name}() is {value} in this process (keras.json, a variable or a call set it), and the "
                f"models of the suite "
                f"are those of {wanted}; use {way_out}"
            )
