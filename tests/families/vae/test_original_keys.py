"""A settings dictionary of the authors' repository does here what it did there, or is refused in a sentence."""

import dataclasses

import pytest

from igr_suite.errors import UserError
from igr_suite.families.vae import original as original_keys
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.presets import default, g2, g3
from igr_suite.lab.runs.config import replace_parts

README = {  # the README's keys (docs/papers/igr.md, section 8), with the values of Table 1 (section 3.4)
    "dataset_name": "mnist",
    "model_type": "IGR_I_Dis",
    "temp": 0.3,
    "sample_size": 1,
    "n_required": 9,
    "num_of_discrete_param": 2,
    "num_of_discrete_var": 30,
    "num_of_norm_param": 0,
    "num_of_norm_var": 0,
    "latent_norm_n": 0,
    "latent_discrete_n": 10,
    "architecture": "dense",
    "learning_rate": 0.001,
    "batch_n": 64,
    "epochs": 100,
    "run_jv": False,
    "check_every": 10,
    "run_with_sample": False,
    "num_of_repetitions": 1,
    "run_closed_form_kl": True,
    "width_height": (28, 28, 1),
    "iter_per_epoch": 781,
}
NEURIPS = {
    "dataset_name": "fmnist",
    "model_type": "GS_Dis",
    "temp": 0.67,
    "n_required": 10,
    "architecture": "dense_nonlinear",
    "num_of_discrete_var": 20,
    "learning_rate": 3e-4,
    "batch_n": 100,
    "epochs": 300,
    "sample_size_testing": 1000,
    "test_with_one_hot": True,
    "sample_from_cont_kl": True,
    "sample_from_disc_kl": True,
    "stick_the_landing": True,
    "seed": 5328,
    "dtype": "float32",
}


def test_the_readme_dictionary_is_the_g2_preset():
    want = g2("IGR_I_Dis", temperature=0.3)
    # what the dictionary does not say
    start = replace_parts(default("IGR_I_Dis", limit=256), model={"delta": 0.1, "prior": "logistic"})
    assert start.with_values(README) == want
    assert start.with_values({key: text(value) for key, value in README.items()}) == want  # as --set brings it


def test_a_dictionary_of_the_neurips_code():
    want = replace_parts(
        g3("GS_Dis", data="fashion_mnist", epochs=300, importance_samples=1000, seed=5328),
        model={"prior_temperature": "posterior", "stick_the_landing": True},
    )
    assert default("IGR_Planar_Dis").with_values(NEURIPS) == want


JOINT = README | {  # Table 2's values (section 3.4)
    "model_type": "IGR_I",
    "num_of_discrete_var": 1,
    "num_of_norm_param": 2,
    "num_of_norm_var": 1,
    "latent_norm_n": 10,
    "architecture": "conv_jointvae",
    "epochs": 50,
    "run_jv": True,
    "gamma": 30,
    "cont_c_linspace": (0.0, 5.0, 25_000),
    "disc_c_linspace": (0.0, 5.0, 25_000),
    "width_height": (32, 32, 1),
}


def test_the_dictionary_of_table_2_is_the_g2_preset_of_a_joint_model():
    want = g2("IGR_I", temperature=0.3)
    # what the dictionary does not say
    start = replace_parts(default("IGR_I_Dis"), model={"delta": 0.1, "prior": "standard"})
    assert start.with_values(JOINT) == want
    assert start.with_values({key: text(value) for key, value in JOINT.items()}) == want
    assert want.with_values(JOINT) == want
    assert g2("IGR_I_Dis").with_values({"model.prior": "standard"} | JOINT) == want


def text(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(
    ("start", "settings", "path", "value"),
    [
        ("IGR_I_Dis", {"temp": "0.3"}, "model.temperature", 0.3),
        ("GS_Dis", {"n_required": "12"}, "model.categories", 12),
        ("IGR_I_Dis", {"n_required": "12"}, "model.categories", 13),
        ("GS_Dis", {"n_required": "12", "model_type": "IGR_SB_Dis"}, "model.categories", 13),
        ("IGR_I_Dis", {"n_required": 12, "model.name": "GS_Dis"}, "model.categories", 12),
        ("IGR_I_Dis", {"latent_discrete_n": "12"}, "model.categories", 12),
        (
            "IGR_I_Dis",
            {"latent_discrete_n": "12", "n_required": "11", "model.categories": "12"},
            "model.categories",
            12,
        ),
        (
            "VAE",
            {"latent_norm_n": "12", "num_of_norm_param": "2", "num_of_discrete_var": "0", "n_required": "0"},
            "model.latent_dim",
            12,
        ),
        ("IGR_SB_Dis", {"threshold": "0.99", "truncation_option": "quantile"}, "model.threshold", 0.99),
        ("GS_Dis", {"architecture": "dense"}, "model.architecture", "dense_g2"),
        ("GS_Dis", {"architecture": "dense", "sample_from_disc_kl": "true"}, "model.architecture", "linear"),
        ("GS_Dis", {"architecture": "dense_nonlinear"}, "model.architecture", "nonlinear"),
        ("VAE", {"model_type": "ExpGSDis"}, "model.name", "GS_Dis"),
        ("VAE", {"model_type": "GSMDis"}, "model.name", "IGR_I_Dis"),
        ("VAE", {"model_type": "PlanarDis"}, "model.name", "IGR_Planar_Dis"),
        ("VAE", {"model_type": "IGSMDis", "num_of_discrete_param": "1"}, "model.name", "IGSM_Dis"),
        ("VAE", {"model_type": "GSPDis", "num_of_discrete_param": "2"}, "model.name", "GSP_Dis"),
        ("IGR_I", {"model_type": "GSP", "num_of_norm_var": "1"}, "model.name", "GSP"),
        ("IGSM_Dis", {"n_required": "12", "run_closed_form_kl": "true"}, "model.categories", 12),
        ("GSP", {"n_required": "12"}, "model.categories", 12),
        ("IGR_I_Dis", {"run_closed_form_kl": "true"}, "model.kl", "closed"),
        ("VAE", {"model_type": "GSM", "num_of_norm_var": "1"}, "model.name", "IGR_I"),
        ("VAE", {"model_type": "ExpGS"}, "model.name", "GS"),
        ("IGR_I_Dis", {"model_type": "SB", "truncation_option": "quantile"}, "model.categories", 50),
        ("GS", {"n_required": "12", "num_of_discrete_param": "1"}, "model.categories", 12),
        ("IGR_I", {"latent_norm_n": "12", "num_of_norm_param": "2"}, "model.latent_dim", 12),
        ("IGR_I", {"run_jv": "true"}, "model.capacity.gamma", 30.0),
        ("IGR_I", {"gamma": "7"}, "model.capacity.gamma", 7.0),
        ("IGR_I", {"cont_c_linspace": "0,2,9", "run_jv": "true"}, "model.capacity.continuous", (0.0, 2.0, 9)),
        ("IGR_I", {"run_jv": "true", "disc_c_linspace": (0, 2, 9)}, "model.capacity.discrete", (0.0, 2.0, 9)),
        ("IGR_I", {"run_jv": "false"}, "model.capacity", None),
        ("IGR_I", {"width_height": "32,32,1", "architecture": "conv_jointvae"}, "data.resize", 32),
        ("IGR_I", {"width_height": (28, 28, 1)}, "data.resize", None),
        ("IGR_I_Dis", {"architecture": "conv"}, "model.architecture", "conv"),
        ("IGR_I_Dis", {"dataset_name": "fmnist"}, "data.binarisation", "none"),
        ("IGR_I_Dis", {"run_with_sample": "true"}, "data.train_limit", 60),
        ("IGR_I_Dis", {"run_with_sample": "true", "iter_per_epoch": "12"}, "schedule.batch_size", 5),
        ("IGR_I_Dis", {"prior_file": "none"}, "model.prior", "uniform"),
        ("IGR_I_Dis", {"prior_file": None}, "model.prior", "uniform"),
        ("IGR_I_Dis", {"prior_file": "mu_xi_unif_10_IGR_I.pkl"}, "model.prior", "fitted"),
        ("IGR_Planar", {"prior_file": "./Results/mu_xi_unif_10_IGR_I.pkl", "n_required": 9}, "model.prior", "fitted"),
        ("IGR_SB", {"prior_file": "mu_xi_unif_50_IGR_SB_Finite.pkl", "n_required": "49"}, "model.prior", "fitted"),
        ("IGR_SB_Finite_Dis", {"prior_file": "mu_xi_unif_50_IGR_SB_Finite.pkl"}, "model.categories", 50),
    ],
)
def test_a_key_sets_what_it_set_there(start, settings, path, value):
    config = default(start).with_values(settings)
    for name in path.split("."):
        config = getattr(config, name)
    assert config == value


@pytest.mark.parametrize(
    ("start", "settings", "sentence"),
    [
        (
            "IGR_I_Dis",
            {"run_jv": "true"},
            "model.capacity needs continuous and discrete latents, and IGR_I_Dis does not have both",
        ),
        (
            "IGR_I_Dis",
            {"gamma": "30"},
            "model.capacity needs continuous and discrete latents, and IGR_I_Dis does not have both",
        ),
        ("IGR_I", {"gamma": "30", "run_jv": "false"}, "gamma is not used with run_jv=false"),
        ("IGR_I", {"run_jv": "false", "disc_c_linspace": "0,5,25000"}, "disc_c_linspace is not used with run_jv=false"),
        ("IGR_I", {"cont_c_linspace": "0,5"}, "cont_c_linspace must be 3 items"),
        ("IGR_I", {"cont_c_linspace": "0,5,1"}, "model.capacity.continuous is .* got 0.0,5.0,1"),
        (
            "IGR_I",
            {"gamma": 30, "model.capacity.gamma": "5"},
            "model.capacity.gamma is set twice, to 5 .* and to 30.0 by gamma=30",
        ),
        ("IGR_I", {"latent_norm_n": "0"}, "model.latent_dim must be at least 1, got 0"),
        ("GS", {"num_of_norm_param": "0"}, "num_of_norm_param must be 2 here, got 0"),
        ("GS", {"num_of_discrete_param": "2"}, "num_of_discrete_param must be 1 here, got 2"),
        (
            "GS",
            {"sample_from_cont_kl": "true"},
            "must be false here, got true: it follows from model.continuous_kl=closed",
        ),
        ("IGR_I", {"width_height": "32,32,3"}, r"width_height must be \(28, 28, 1\) here, got \(32, 32, 3\)"),
        ("IGR_I", {"architecture": "conv_jointvae"}, "and mnist_5k has 28x28; set data.resize=32"),
        (
            "IGR_I_Dis",
            {"prior_file": "a.pkl"},
            "prior_file=a.pkl is not one of the authors' .* leave it out: model.prior=fitted",
        ),
        ("IGR_I_Dis", {"prior_file": "mu_xi_unif_20_IGR_I.pkl"}, "is not one of the authors'"),
        ("GS_Dis", {"prior_file": "mu_xi_unif_10_IGR_I.pkl"}, "holds a prior of IGR_I, which is not one for GS_Dis"),
        (
            "IGR_SB_Dis",
            {"prior_file": "mu_xi_unif_50_IGR_I.pkl"},
            "holds a prior of IGR_I, which is not one for IGR_SB_Dis",
        ),
        (
            "IGR_I_Dis",
            {"prior_file": "mu_xi_unif_50_IGR_I.pkl", "n_required": "9"},
            "model.categories is set twice, to (50|10) by .* and to (50|10) by",
        ),
        (
            "IGR_I_Dis",
            {"prior_file": "mu_xi_unif_10_IGR_I.pkl", "model.prior": "uniform"},
            "model.prior is set twice, to uniform by model.prior=uniform and to fitted by prior_file",
        ),
        (
            "IGR_I_Dis",
            {"save_every": 50},
            "save_every=50 is not supported yet; .* checkpoints are written by the clock",
        ),
        (
            "IGR_I_Dis",
            {"model_type": "Relax_IGR"},
            "is trained with RELAX, another kind of run: `igr run igr/neurips_table_relax",
        ),
        ("IGR_I_Dis", {"model_type": "DLGMM_Var"}, "is a stick-breaking mixture"),
        ("IGR_I_Dis", {"model_type": "GSDis"}, "GS_Dis is the right one"),
        ("IGR_I_Dis", {"model_type": "IGR_I_Di"}, "unknown model_type 'IGR_I_Di': did you mean 'IGR_I_Dis'"),
        ("IGR_I_Dis", {"architecture": "dense_relax"}, "architecture=dense_relax is the network of RELAX runs"),
        ("IGR_I_Dis", {"architecture": "dlgmm_conv"}, "architecture=dlgmm_conv belongs to the stick-breaking mixtures"),
        (
            "IGR_I_Dis",
            {"architecture": "conv", "width_height": "32,32,1"},
            "conv takes square images of side 28, and mnist_5k has 32x32",
        ),
        (
            "IGSM_Dis",
            {"num_of_discrete_param": "2"},
            "num_of_discrete_param must be 1 here, got 2: it follows from model.name=IGSM_Dis",
        ),
        ("GSP_Dis", {"prior_file": "mu_xi_unif_10_IGR_I.pkl"}, "holds a prior of IGR_I, which is not one for GSP_Dis"),
        ("IGR_I_Dis", {"architecture": "dens"}, "unknown architecture 'dens': did you mean 'dense'"),
        ("IGR_I_Dis", {"dataset_name": "mnits"}, "unknown dataset 'mnits'"),
        ("IGR_I_Dis", {"sample_from_disc_kl": "false"}, "the KL of the discretised distribution is not supported yet"),
        (
            "IGR_I_Dis",
            {"sample_from_cont_kl": "false"},
            "sample_from_cont_kl must be true here, got false: it follows from model.kl=sampled",
        ),
        ("IGR_I_Dis", {"latent_norm_n": "10"}, "IGR_I_Dis has no continuous latents; model_type=IGR_I has them beside"),
        (
            "IGR_I_Dis",
            {"num_of_discrete_param": "1"},
            "num_of_discrete_param must be 2 here, got 1: it follows from model.name=IGR_I_Dis",
        ),
        ("GS_Dis", {"num_of_norm_var": "1"}, "num_of_norm_var must be 0 here, got 1"),
        ("IGR_I_Dis", {"width_height": "14,28,1"}, r"width_height must be \(28, 28, 1\) here, got \(14, 28, 1\)"),
        ("IGR_I_Dis", {"iter_per_epoch": "41"}, "iter_per_epoch must be 40 here, got 41"),
        ("IGR_I_Dis", {"num_of_repetitions": "5"}, "num_of_repetitions must be 1 here, got 5"),
        ("IGR_I_Dis", {"dtype": "float64"}, "dtype must be float32 here, got float64"),
        ("VAE", {"test_with_one_hot": "true"}, "test_with_one_hot must be false here"),
        ("VAE", {"n_required": "9"}, "model.categories=10 is not used by VAE"),
        ("IGR_I_Dis", {"threshold": "0.99"}, "model.threshold=0.99 is not used by IGR_I_Dis"),
        ("IGR_I_Dis", {"truncation_option": "quantile"}, "truncation_option=quantile is not used by IGR_I_Dis"),
        ("IGR_SB_Dis", {"truncation_options": "max"}, "only quantile is; see model.quantile"),
        ("GS_Dis", {"run_closed_form_kl": "true"}, "kl=closed does not exist for GS_Dis"),
        ("IGR_I_Dis", {"temp": "warm"}, "temp must be a finite number, got 'warm'"),
        ("IGR_I_Dis", {"temp": "0"}, "temperature must be positive, got 0.0"),
        ("IGR_I_Dis", {"n_required": "9.5"}, "n_required must be an integer"),
        (
            "IGR_I_Dis",
            {"temp": 0.3, "model.temperature": "0.5"},
            "model.temperature is set twice, to 0.5 .* and to 0.3 by temp=0.3",
        ),
        (
            "IGR_I_Dis",
            {"n_required": 9, "latent_discrete_n": 9},
            "categories is set twice, to 10 by n_required=9 and to 9 by latent_dis",
        ),
        ("IGR_I_Dis", {"run_with_sample": "true", "batch_n": "64"}, "batch_size is set twice"),
        ("IGR_I_Dis", {"tempp": "0.3"}, "unknown key 'tempp' in a TrainVAE run: did you mean 'temp'"),
        ("IGR_I_Dis", {"batch_m": "1"}, "did you mean 'batch_n'"),
        ("IGR_I_Dis", {"temp": "1", "model.temperatur": "1"}, "did you mean 'model.temperature'"),
    ],
)
def test_the_rest_is_refused_in_a_sentence(start, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        default(start).with_values(settings)


def test_every_key_of_the_spec_is_known_and_none_hides_one_of_ours():
    spec = """dataset_name model_type temp sample_size n_required num_of_discrete_param num_of_discrete_var num_of_norm_param
    num_of_norm_var latent_norm_n latent_discrete_n architecture learning_rate batch_n epochs run_jv gamma cont_c_linspace disc_c_linspace
    check_every run_with_sample num_of_repetitions truncation_option truncation_options threshold prior_file run_closed_form_kl width_height
    iter_per_epoch sample_size_testing test_with_one_hot sample_from_cont_kl sample_from_disc_kl stick_the_landing save_every dtype"""
    assert set(original_keys.KEYS) == set(spec.split())
    assert not set(original_keys.KEYS) & {field.name for field in dataclasses.fields(TrainVAE)}


def test_the_data_set_is_renamed_before_an_experiment_makes_its_runs():
    assert original_keys.rename_data("dataset_name=fmnist,mnist") == "data.name=fashion_mnist,mnist"
    assert original_keys.rename_data("temp=0.3") == "temp=0.3"
