"""The settings dictionary of the authors' repository, key by key, in this suite's terms (never imports TensorFlow).

| the original's key                           | here                                                                  |
|----------------------------------------------|-----------------------------------------------------------------------|
| dataset_name                                 | data.name (fmnist is fashion_mnist), and the binarisation that goes   |
|                                              | with it                                                               |
| model_type                                   | model.name; names of the first code too (ExpGSDis, GSMDis, PlanarDis, |
|                                              | GSM, SB,                                                              |
|                                              | IGSMDis, GSPDis)                                                      |
| temp, threshold, stick_the_landing           | model.temperature, model.threshold, model.stick_the_landing           |
| n_required                                   | model.categories: K = n_required for GS, IGSM and GSP, n_required + 1 |
|                                              | for IGR                                                               |
| latent_discrete_n, num_of_discrete_var       | model.categories, model.variables                                     |
| latent_norm_n                                | model.latent_dim of the VAE and of joint models                       |
| run_jv, gamma, cont_c_linspace,              | model.capacity, model.capacity.gamma, model.capacity.continuous and   |
| disc_c_linspace                              | model.capacity.discrete of joint models                               |
| width_height                                 | data.resize: none for the data's own shape, else the side of a square |
| architecture                                 | model.architecture: dense_nonlinear is nonlinear; dense is dense_g2,  |
|                                              | or linear                                                             |
|                                              | beside a key that only the NeurIPS code has (NEURIPS_KEYS)            |
| run_closed_form_kl, sample_from_disc_kl=true | model.kl                                                              |
| learning_rate                                | optimiser.learning_rate                                               |
| batch_n, epochs, sample_size, check_every    | schedule.batch_size, schedule.epochs, schedule.samples,               |
|                                              | schedule.evaluate_every                                               |
| run_with_sample                              | false: all images; true: the authors' quick mode (60 images, batch 5, |
|                                              | 10 epochs)                                                            |
| sample_size_testing, seed                    | evaluation.importance_samples, seed                                   |
| prior_file                                   | mu_xi_unif_{10,50}_{IGR_I,IGR_SB_Finite}.pkl: model.prior=fitted, and |
|                                              | model.categories; the prior is fitted here, the file is not read      |

Keys that follow from others here (CHECKS) are accepted when they agree with the config. All other values are refused in
a sentence:
nothing is accepted and ignored. One thing is not as there: the KL of the continuous latents beside GS is closed here
(model.continuous_kl=sampled is the original's). Source: docs/papers/igr.md, sections 1.9, 3 and 8.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs import values
from igr_suite.lab.runs.key_table import DATA_SETS, GREY
from igr_suite.studies.fits.priors import FIT_OF

JOINT = ("GS", "IGR_I", "IGR_Planar", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGSM", "GSP")
NO_LAST_CATEGORY = ("GS", "IGSM", "GSP")  # distributions with a parameter for each of the K categories
ONE_PARAMETER = ("GS", "IGSM")  # the others have a location and a scale
CONTINUOUS = ("VAE", *JOINT)  # models with continuous latents
MODELS = {
    **{name: name for name in (*(f"{distribution}_Dis" for distribution in JOINT), *CONTINUOUS)},
    "ExpGS": "GS",
    "GSM": "IGR_I",
    "SB": "IGR_SB",
    "ExpGSDis": "GS_Dis",
    "GSMDis": "IGR_I_Dis",
    "PlanarDis": "IGR_Planar_Dis",
    "IGSMDis": "IGSM_Dis",
    "GSPDis": "GSP_Dis",
}
RELAX = ("Relax_GS_Dis", "Relax_Ber_Dis", "Relax_IGR")
MIXTURES = ("DLGMM", "DLGMM_Var", "DLGMM_IGR", "DLGMM_IGR_SB")
ARCHITECTURES = {
    "dense_nonlinear": "nonlinear",
    **{name: name for name in ("linear", "nonlinear", "dense_g2", "conv_jointvae", "conv")},
}
NEURIPS_KEYS = (
    "sample_size_testing",
    "test_with_one_hot",
    "sample_from_cont_kl",
    "sample_from_disc_kl",
    "stick_the_landing",
    "save_every",
    "dtype",
)
KEYS_TO_COME = {
    "save_every": "checkpoints are written by the clock and at the end of a run",
}


PRIOR_FILE = re.compile(r"mu_xi_unif_(10|50)_(IGR_I|IGR_SB_Finite)\.pkl")


class Given(NamedTuple):
    """What a translation may look at: the model and data set that the run will have, all keys, and whether there is a
    capacity already."""

    model: str
    data: str
    keys: tuple[str, ...]
    capacity: bool


def translate(settings: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """Returns the settings of a `TrainVAE` with the original's keys replaced by ours.

    Args:
      settings: `--set` values or a settings dictionary, the original's keys beside dotted paths; text or typed values.
      config: the `TrainVAE` that they are going to change.
    Raises:
      UserError: a value that is wrong, not supported, contradicted by another key, or that disagrees with the config.
    """
    original = {key: _read(key, value) for key, value in settings.items() if key in KEYS}
    translated = {path: value for path, value in settings.items() if path not in KEYS}
    if not original:
        return translated
    capacity = config.model.capacity is not None
    given = Given(_model(original, translated, config), _data(original, translated, config), tuple(original), capacity)
    said_by = {path: f"{path}={_text(value)}" for path, value in translated.items()}
    for key, value in original.items():
        for path, ours in _moved(key, value, given).items():
            if path not in translated:
                translated[path], said_by[path] = ours, f"{key}={_text(value)}"
            elif not _same(translated[path], ours, path):
                before, now = _text(translated[path]), _text(ours)
                raise UserError(
                    f"{path} is set twice, to {before} by {said_by[path]} and to {now} by {key}={_text(value)}; leave "
                    f"one of them out"
                )
    if "dataset_name" in original:
        translated.setdefault("data.binarisation", "none" if given.data in GREY else "static")
    resolved = config.with_values(translated)
    for key, value in original.items():
        if key in CHECKS:
            _check(key, value, resolved)
    return translated


def rename_data(pair: str) -> str:
    """Returns `data.name=fashion_mnist` for `dataset_name=fmnist`, any other `path=value` unchanged.

    Experiments make their runs for the data sets that `data.name` names, so this one is renamed before they do.
    """
    key, _, value = pair.partition("=")
    if key != "dataset_name":
        return pair
    return "data.name=" + ",".join(DATA_SETS.get(name.strip(), name.strip()) for name in value.split(","))


def _read(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return values.parse(value, KEYS[key], key)
    return values.check(value, KEYS[key], key)


def _same(one: Any, other: Any, path: str) -> bool:
    kind = type(other)
    return (values.parse(one, kind, path) if isinstance(one, str) and kind is not type(None) else one) == other


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _model(original: Mapping, translated: Mapping, config: Any) -> str:
    if "model_type" in original:
        return _model_name(original["model_type"])
    return translated.get("model.name", config.model.name)


def _data(original: Mapping, translated: Mapping, config: Any) -> str:
    if "dataset_name" in original:
        return DATA_SETS.get(original["dataset_name"], original["dataset_name"])
    return translated.get("data.name", config.data.name)


def _model_name(name: str) -> str:
    if name in MIXTURES:
        raise UserError(
            f"model_type={name} is a stick-breaking mixture, another kind of run: `igr run igr/neurips_table_dlgmm`"
        )
    if name in RELAX:
        raise UserError(
            f"model_type={name} is trained with RELAX, another kind of run: `igr run igr/neurips_table_relax --only "
            f"{name}`, "
            "which takes --set too"
        )
    if name == "GSDis":
        raise UserError(
            "model_type=GSDis passes probabilities where logits belong and is not offered; GS_Dis is the right one"
        )
    if name not in MODELS:
        raise UserError(f"unknown model_type '{name}': {nearest(name, MODELS)}")
    return MODELS[name]


def _distribution(model: str) -> str:
    return model.removesuffix("_Dis")


def _architecture(name: str, given: Given) -> str:
    if name == "dense":  # the README's code has three hidden layers behind this name, the NeurIPS code none
        return "linear" if set(given.keys) & set(NEURIPS_KEYS) else "dense_g2"
    if name in ("dlgmm_dense", "dlgmm_conv"):
        raise UserError(
            f"architecture={name} belongs to the stick-breaking mixtures: `igr run igr/neurips_table_dlgmm`"
        )
    if name == "dense_relax":
        raise UserError("architecture=dense_relax is the network of RELAX runs: `igr run igr/neurips_table_relax`")
    if name not in ARCHITECTURES:
        raise UserError(f"unknown architecture '{name}': {nearest(name, ['dense', *ARCHITECTURES])}")
    return ARCHITECTURES[name]


def _discrete(path: str, more: Callable[[Given], int] = lambda given: 0) -> Callable[[Any, Given], dict]:
    """A count of the discrete latents: `path` takes it; a VAE has none of them, so 0 says what is true of it."""
    return lambda count, given: {} if given.model == "VAE" and count == 0 else {path: count + more(given)}


def _continuous(count: int, given: Given) -> dict:
    if given.model in CONTINUOUS:
        return {"model.latent_dim": count}
    if count:
        joint = _distribution(given.model)
        raise UserError(
            f"latent_norm_n={count}: {given.model} has no continuous latents; model_type={joint} has them beside "
            f"discrete ones"
        )
    return {}


def _run_jv(run: bool, given: Given) -> dict:
    said = [key for key in CAPACITY if key in given.keys]
    if run:
        return {} if given.capacity or said else {"model.capacity": {}}
    if said:
        raise UserError(
            f"{said[0]} is not used with run_jv=false: it belongs to the JointVAE loss; leave it out, or set "
            f"run_jv=true"
        )
    return {"model.capacity": None}


def _width_height(shape: tuple[int, ...], given: Given) -> dict:
    own = recipe_of(given.data).image_shape
    if shape == own:
        return {"data.resize": None}
    if len(shape) == 3 and shape[0] == shape[1] and shape[2] == own[2]:
        return {"data.resize": shape[0]}
    raise UserError(
        f"width_height must be {own} here, got {shape}: it follows from data.name={given.data}; leave it out, or "
        f"resize to a square"
    )


def _sample_from_disc_kl(sample: bool, given: Given) -> dict:
    if not sample:
        raise UserError(
            "sample_from_disc_kl=false: training with the KL of the discretised distribution is not supported yet; set "
            "model.kl=sampled or closed"
        )
    return {"model.kl": "sampled"}


def _run_with_sample(sample: bool, given: Given) -> dict:
    if not sample:
        return {"data.train_limit": None, "data.evaluation_limit": None}
    quick = {"schedule.batch_size": 5, "schedule.epochs": 10}
    if given.data in ("mnist", "mnist_5k", "fashion_mnist"):
        return quick | {"data.train_limit": 60, "data.evaluation_limit": 10}
    return quick | {"data.train_limit": 25}  # five steps an epoch


def _truncation(option: str, given: Given) -> dict:
    if given.model not in ("IGR_SB_Dis", "IGR_SB"):
        raise UserError(
            f"truncation_option={option} is not used by {given.model}, only by IGR_SB_Dis and IGR_SB; leave it out"
        )
    if option != "quantile":
        raise UserError(f"truncation_option={option} is not supported, only quantile is; see model.quantile")
    return {}


def _prior_file(path: str | None, given: Given) -> dict:
    if path is None:
        return {}
    found = PRIOR_FILE.fullmatch(re.split(r"[/\\]", path)[-1])
    if found is None:
        raise UserError(
            f"prior_file={path} is not one of the authors' mu_xi_unif_{{10,50}}_{{IGR_I,IGR_SB_Finite}}.pkl, and files "
            f"are not read here; "
            "leave it out: model.prior=fitted fits a prior when it is first asked for"
        )
    categories, distribution = int(found[1]), found[2]
    if FIT_OF.get(_distribution(given.model)) != distribution:
        raise UserError(
            f"prior_file={path} holds a prior of {distribution}, which is not one for {given.model}; leave it out"
        )
    return {"model.prior": "fitted", "model.categories": categories}


def _to(path: str) -> Callable[[Any, Given], dict]:
    return lambda value, given: {path: value}


def _moved(key: str, value: Any, given: Given) -> dict[str, Any]:
    """Returns the dotted paths that one of the original's keys sets."""
    if key in KEYS_TO_COME:
        if _text(value).lower() not in ("none", "null"):
            raise UserError(f"{key}={_text(value)} is not supported yet; leave it out: {KEYS_TO_COME[key]}")
        return {}
    return MOVES[key](value, given) if key in MOVES else {}


CAPACITY = {"gamma": "gamma", "cont_c_linspace": "continuous", "disc_c_linspace": "discrete"}
MOVES: dict[str, Callable[[Any, Given], dict]] = {
    "dataset_name": lambda name, given: {"data.name": given.data},
    "model_type": lambda name, given: {"model.name": given.model},
    "temp": _to("model.temperature"),
    "threshold": _to("model.threshold"),
    "stick_the_landing": _to("model.stick_the_landing"),
    "n_required": _discrete(
        "model.categories", lambda given: 0 if _distribution(given.model) in NO_LAST_CATEGORY else 1
    ),
    "latent_discrete_n": _discrete("model.categories"),
    "num_of_discrete_var": _discrete("model.variables"),
    "latent_norm_n": _continuous,
    "architecture": lambda name, given: {"model.architecture": _architecture(name, given)},
    "run_closed_form_kl": lambda closed, given: {"model.kl": "closed" if closed else "sampled"},
    "sample_from_disc_kl": _sample_from_disc_kl,
    "learning_rate": _to("optimiser.learning_rate"),
    "batch_n": _to("schedule.batch_size"),
    "epochs": _to("schedule.epochs"),
    "sample_size": _to("schedule.samples"),
    "check_every": _to("schedule.evaluate_every"),
    "sample_size_testing": _to("evaluation.importance_samples"),
    "run_with_sample": _run_with_sample,
    "run_jv": _run_jv,
    **{key: _to(f"model.capacity.{ours}") for key, ours in CAPACITY.items()},
    "width_height": _width_height,
    "truncation_option": _truncation,
    "truncation_options": _truncation,
    "prior_file": _prior_file,
}


def _steps_an_epoch(config: Any) -> int:
    train, validation, _ = recipe_of(config.data.name).sizes
    images = min(train, config.data.train_limit or train) + (
        min(validation, config.data.evaluation_limit or validation) if config.data.train_split == "all" else 0
    )
    return images // config.schedule.batch_size


# What a config implies about the keys that set nothing here: the values accepted, and why.
CHECKS: dict[str, Callable[[Any], tuple[tuple, str]]] = {
    "num_of_discrete_param": lambda config: (
        (0 if config.model.name == "VAE" else 1 if config.model.distribution in ONE_PARAMETER else 2,),
        f"it follows from model.name={config.model.name}",
    ),
    "num_of_norm_param": lambda config: (
        (2 if config.model.name in CONTINUOUS else 0,),
        f"it follows from model.name={config.model.name}",
    ),
    "num_of_norm_var": lambda config: (
        (1 if config.model.name in CONTINUOUS else 0,),
        f"it follows from model.name={config.model.name}",
    ),
    "iter_per_epoch": lambda config: (
        (_steps_an_epoch(config),),
        "it follows from the training images (data.train_split=all adds the validation images) and schedule.batch_size",
    ),
    "num_of_repetitions": lambda config: ((1,), "a run has one seed; the experiment lists the seeds"),
    "test_with_one_hot": lambda config: (
        # evaluations measure relaxed and one-hot codes, both
        (False,) if config.model.name == "VAE" else (False, True),
        "a VAE has no one-hot codes",
    ),
    "sample_from_cont_kl": lambda config: (
        ((config.model.continuous_kl or config.model.kl) == "sampled",),
        f"it follows from model.{'kl' if config.model.continuous_kl is None else 'continuous_kl'}="
        f"{config.model.continuous_kl or config.model.kl}",
    ),
    "dtype": lambda config: (("float32", "tf.float32"), "other precisions are not supported yet"),
}
_KINDS = {
    "prior_file": str | None, "temp": float, "threshold": float, "learning_rate": float, "width_height": tuple[int, ...],
    "gamma": float, "cont_c_linspace": tuple[float, float, int], "disc_c_linspace": tuple[float, float, int],
    **dict.fromkeys(("dataset_name", "model_type", "architecture", "truncation_option", "truncation_options", "dtype"), str),
    **dict.fromkeys(("run_jv", "run_with_sample", "run_closed_form_kl", "test_with_one_hot"), bool),
    **dict.fromkeys(("sample_from_cont_kl", "sample_from_disc_kl", "stick_the_landing"), bool),
}  # fmt: skip
# Every key of the original and the type of its value; `seed` is one of ours too.
KEYS: dict[str, Any] = {key: _KINDS.get(key, int) for key in (*MOVES, *CHECKS)} | dict.fromkeys(KEYS_TO_COME, Any)


def _check(key: str, value: Any, config: Any) -> None:
    accepted, reason = CHECKS[key](config)
    if value not in accepted:
        raise UserError(f"{key} must be {_text(accepted[0])} here, got {_text(value)}: {reason}; leave it out")
