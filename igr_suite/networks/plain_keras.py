"""The settings of Keras that the suite's own models are built with; with other settings they would be other models
under the same run name."""

import keras

from igr_suite.errors import UserError

# Setting -> its value, and how to set it. `igr` starts every run with these, whatever ~/.keras/keras.json says.
PLAIN = {
    "backend": ("tensorflow", "KERAS_BACKEND=tensorflow before Python starts"),
    "floatx": ("float32", "keras.config.set_floatx('float32')"),
    "dtype_policy": ("float32", "keras.config.set_dtype_policy('float32')"),
    "epsilon": (1e-7, "keras.config.set_epsilon(1e-7)"),
    "image_data_format": ("channels_last", "keras.config.set_image_data_format('channels_last')"),
}


def require_plain_keras() -> None:
    """Checks, before a model of a run is built, that this process has the settings of Keras that every run has.

    Raises:
      UserError: a setting differs; the message names it and how to restore it.
    """
    for name, (required, way_out) in PLAIN.items():
        value = getattr(keras.config, name)()
        value = getattr(value, "name", value)  # a dtype policy's
        if value != required:
            raise UserError(
                f"keras.config.{name}() is {value} in this process (keras.json, an environment variable or a call set "
                f"it), but the suite's models are built with {required}; use {way_out}"
            )
