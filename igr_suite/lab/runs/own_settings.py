"""Environment variables that change what a run computes: those that are hidden from runs, and those that are kept and
recorded (never imports TensorFlow).

A run is named for its config, so a user's ~/.keras/keras.json, or a variable that was once set for another program,
must not change its result. Settings of the machine, such as those of its GPU, are kept and recorded in meta.json.
"""

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# A folder in which no keras.json can exist or be written, so that Keras starts with its own defaults.
NOWHERE = f"{os.devnull}/keras"
# Variable -> its value in a run, None where it is not set. Those of oneDNN, XLA and numpy select other kernels, which
# round differently.
PINNED: dict[str, str | None] = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": NOWHERE,
    **dict.fromkeys(
        ("KERAS_NNX_ENABLED", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS", "TF2_BEHAVIOR")
    ),
    **dict.fromkeys(
        ("TF_ENABLE_ONEDNN_OPTS", "TF_DISABLE_MKL", "TF_ENABLE_MKL_NATIVE_FORMAT", "TF_SET_ONEDNN_FPMATH_MODE")
    ),
    **dict.fromkeys(
        ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")
    ),
    **dict.fromkeys(
        ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "MKL_CBWR", "MKL_DEBUG_CPU_TYPE")
    ),
}
# Variables that Python reads when it starts: without docstrings, or with warnings as errors, TensorFlow Probability
# cannot be imported, and nothing must be imported from the folder in which a worker happens to start.
INTERPRETER = {"PYTHONOPTIMIZE": "", "PYTHONWARNINGS": "", "PYTHONSAFEPATH": "1"}
# TensorFlow sets this variable when it is imported, and child processes inherit it; the value is the default.
HARMLESS = {("TF2_BEHAVIOR", "1")}
# Variables of flags, and the beginnings of the flags that a run keeps: they set paths and do not change what is
# computed.
FLAGS = {
    "XLA_FLAGS": ("--xla_gpu_cuda_data_dir", "--xla_dump"),
    "TF_XLA_FLAGS": ("--tf_xla_persistent_cache_directory",),
}
RECORDED = (
    "NVIDIA_TF32_OVERRIDE",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_CUDNN_USE_FRONTEND",
    "TF_DISABLE_CUDNN_TENSOR_OP_MATH",
    "TF_DISABLE_CUBLAS_TENSOR_OP_MATH",
    "TF_FP16_CONV_USE_FP32_COMPUTE",
    "TF_FP16_MATMUL_USE_FP32_COMPUTE",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "XLA_FLAGS",
)
KERAS_DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "backend": "tensorflow",
    "nnx_enabled": False,
}


def pinned(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Returns the changes that make an environment that of a run: variable -> value, None to remove it."""
    given = {name: environment.get(name) for name in PINNED}
    changes = {
        name: value for name, value in PINNED.items() if given[name] != value and (name, given[name]) not in HARMLESS
    }
    for name, kept in FLAGS.items():
        given = environment.get(name)
        rest = " ".join(flag for flag in (given or "").split() if kept and flag.startswith(kept)) or None
        if given is not None and given != rest:
            changes[name] = rest
    return changes


def pin(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes these changes, by default in this process; they take effect only before Keras, TensorFlow and numpy are
    imported."""
    for name, value in pinned(environment).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value


def recorded(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the variables of a run that may change the bits of its result, for meta.json."""
    return {name: environment[name] for name in RECORDED if environment.get(name)}


def ignored(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the user's settings that are hidden from runs: "KERAS_BACKEND" -> "jax", "/home/me/.keras/keras.json" ->
    "floatx=float64"."""
    changes = [*pinned(environment), *INTERPRETER]
    hidden = {name: environment[name] for name in changes if environment.get(name) and name != "KERAS_HOME"}
    file, differing = keras_file(environment)
    return hidden | ({str(file): ", ".join(f"{key}={value}" for key, value in differing.items())} if differing else {})


def keras_file(environment: Mapping[str, str] = os.environ) -> tuple[Path, dict[str, object]]:
    """Returns the path of the user's keras.json and its values that differ from Keras's defaults; {"content":
    "unreadable"} where it is not JSON."""
    path = Path(os.path.expanduser(environment.get("KERAS_HOME", "~/.keras"))) / "keras.json"  # noqa: PTH111 Path's fails without a home
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return path, {key: content[key] for key, value in KERAS_DEFAULTS.items() if content.get(key, value) != value}
    except OSError:
        return path, {}
    except (ValueError, AttributeError):
        return path, {"content": "unreadable"}
