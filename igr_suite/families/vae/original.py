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

Keys that follow from others here are accepted when they agree with the config. All other values are refused in
a sentence: nothing is accepted and ignored. One thing is not as there: the KL of the continuous latents beside GS is closed here
(model.continuous_kl=sampled is the original's). Source: docs/papers/igr.md, sections 1.9, 3 and 8.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import DATA_SETS, Key, text_of
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
CAPACITY = ("gamma", "cont_c_linspace", "disc_c_linspace")
NEURIPS_KEYS = (
    "sample_size_testing",
    "test_with_one_hot",
    "sample_from_cont_kl",
    "sample_from_disc_kl",
    "stick_the_landing",
    "save_every",
    "dtype",
)
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
    original = {key: translator.read(value, KEYS[key].kind, key) for key, value in settings.items() if key in KEYS}
    if not original:
        return dict(settings)
    capacity = config.model.capacity is not None
    model, data = _model(original, settings, config), _data(original, settings, config)
    translated = translator.translate(settings, KEYS, Given(model, data, tuple(original), capacity))
    if "dataset_name" in original:
        translated.setdefault("data.binarisation", translator.binarisation_of(data))
    translator.check_implied(settings, KEYS, config.with_values(translated))
    return translated


def rename_data(pair: str) -> str:
    """Returns `data.name=fashion_mnist` for `dataset_name=fmnist`, any other `path=value` unchanged.

    Experiments make their runs for the data sets that `data.name` names, so this one is renamed before they do.
    """
    key, _, value = pair.partition("=")
    if key != "dataset_name":
        return pair
    return "data.name=" + ",".join(DATA_SETS.get(name.strip(), name.strip()) for name in value.split(","))


def _model(original: Mapping, settings: Mapping, config: Any) -> str:
    if "model_type" in original:
        return _model_name(original["model_type"])
    return settings.get("model.name", config.model.name)


def _data(original: Mapping, settings: Mapping, config: Any) -> str:
    if "dataset_name" in original:
        return DATA_SETS.get(original["dataset_name"], original["dataset_name"])
    return settings.get("data.name", config.data.name)


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


def _save_every(steps: Any, given: Given) -> dict:
    if text_of(steps).lower() not in ("none", "null"):
        raise UserError(
            f"save_every={text_of(steps)} is not supported yet; leave it out: checkpoints are written by the clock and at "
            f"the end of a run"
        )
    return {}


def _steps_an_epoch(config: Any) -> int:
    train, validation, _ = recipe_of(config.data.name).sizes
    images = min(train, config.data.train_limit or train) + (
        min(validation, config.data.evaluation_limit or validation) if config.data.train_split == "all" else 0
    )
    return images // config.schedule.batch_size


def _by_model(values_of: Callable[[Any], int]) -> Callable[[Any], tuple[tuple, str]]:
    return lambda config: ((values_of(config.model),), f"it follows from model.name={config.model.name}")


def _continuous_kl(config: Any) -> tuple[tuple, str]:
    field = "kl" if config.model.continuous_kl is None else "continuous_kl"
    kl = getattr(config.model, field)
    return (kl == "sampled",), f"it follows from model.{field}={kl}"


_RANGE = tuple[float, float, int]
KEYS: translator.Keys = {
    "dataset_name": Key(str, lambda name, given: {"data.name": given.data}),
    "model_type": Key(str, lambda name, given: {"model.name": given.model}),
    "temp": Key(float, "model.temperature"),
    "threshold": Key(float, "model.threshold"),
    "stick_the_landing": Key(bool, "model.stick_the_landing"),
    "n_required": Key(
        int,
        _discrete("model.categories", lambda given: 0 if _distribution(given.model) in NO_LAST_CATEGORY else 1),
    ),
    "latent_discrete_n": Key(int, _discrete("model.categories")),
    "num_of_discrete_var": Key(int, _discrete("model.variables")),
    "latent_norm_n": Key(int, _continuous),
    "architecture": Key(str, lambda name, given: {"model.architecture": _architecture(name, given)}),
    "run_closed_form_kl": Key(bool, lambda closed, given: {"model.kl": "closed" if closed else "sampled"}),
    "sample_from_disc_kl": Key(bool, _sample_from_disc_kl),
    "learning_rate": Key(float, "optimiser.learning_rate"),
    "batch_n": Key(int, "schedule.batch_size"),
    "epochs": Key(int, "schedule.epochs"),
    "sample_size": Key(int, "schedule.samples"),
    "check_every": Key(int, "schedule.evaluate_every"),
    "sample_size_testing": Key(int, "evaluation.importance_samples"),
    "run_with_sample": Key(bool, _run_with_sample),
    "run_jv": Key(bool, _run_jv),
    "gamma": Key(float, "model.capacity.gamma"),
    "cont_c_linspace": Key(_RANGE, "model.capacity.continuous"),
    "disc_c_linspace": Key(_RANGE, "model.capacity.discrete"),
    "width_height": Key(tuple[int, ...], _width_height),
    "truncation_option": Key(str, _truncation),
    "truncation_options": Key(str, _truncation),
    "prior_file": Key(str | None, _prior_file),
    "save_every": Key(Any, _save_every),
    # These follow from others here.
    "num_of_discrete_param": Key(
        int, must=_by_model(lambda model: 0 if model.name == "VAE" else 1 if model.distribution in ONE_PARAMETER else 2)
    ),
    "num_of_norm_param": Key(int, must=_by_model(lambda model: 2 if model.name in CONTINUOUS else 0)),
    "num_of_norm_var": Key(int, must=_by_model(lambda model: 1 if model.name in CONTINUOUS else 0)),
    "iter_per_epoch": Key(
        int,
        must=lambda config: (
            (_steps_an_epoch(config),),
            "it follows from the training images (data.train_split=all adds the validation images) and "
            "schedule.batch_size",
        ),
    ),
    "num_of_repetitions": Key(int, must=lambda config: ((1,), "a run has one seed; the experiment lists the seeds")),
    "test_with_one_hot": Key(  # evaluations measure relaxed and one-hot codes, both
        bool,
        must=lambda config: (
            (False,) if config.model.name == "VAE" else (False, True),
            "a VAE has no one-hot codes",
        ),
    ),
    "sample_from_cont_kl": Key(bool, must=_continuous_kl),
    "dtype": Key(str, must=lambda config: (("float32", "tf.float32"), "other precisions are not supported yet")),
}
