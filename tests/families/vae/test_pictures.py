"""Pictures of a VAE: codes are what they claim to be, images are the decoder's means there, and a run's are those of
its checkpoint."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from scipy.stats import norm

from igr_suite.cli.main import main
from igr_suite.data.dataset import DISPLAY_INDICES
from igr_suite.families.vae import pictures
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.train import execute
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.training.config_parts import OptimiserConfig

V, K, C = 3, 4, 2
NAMES = ("GS_Dis", "IGR_Planar_Dis", "IGR_SB_Dis", "VAE", "IGR_I")


def a_model(name, likelihood="bernoulli", **options):
    options |= {"latent_dim": C} if not name.endswith("_Dis") else {}
    options |= {"variables": V, "categories": K} if name != "VAE" else {}
    binarisation = "static" if likelihood == "bernoulli" else "none"
    config = ModelConfig(name=name, architecture="linear", **options)
    return DiscreteVAE(
        config,
        image_shape=(3, 2, 1),
        likelihood=likelihood,
        binarisation=binarisation,
        optimiser=OptimiserConfig(),
        seed=1,
    )


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return a_model(request.param)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (345, 6), dtype=np.uint8)


def decoded(model, codes):
    """The mean images of a linear decoder, by hand."""
    kernel, bias = (np.asarray(weight) for weight in model.decoder.trainable_variables)
    return np.rint(255 * expit(codes @ kernel + bias)).reshape(*codes.shape[:-1], 3, 2, 1)


def test_reconstructions_are_the_decoder_s_means_at_the_encoder_s_codes(model, images):
    """The display images that 345 test images have; a pixel may differ by one step of 255, where float32 rounds
    otherwise."""
    arrays = pictures.pictures(model, images, seed=3)
    wanted = [i for i in DISPLAY_INDICES if i < 345]
    assert arrays["indices"].tolist() == wanted and len(wanted) == 19
    np.testing.assert_array_equal(arrays["originals"], 255 * (images[wanted] >= 128).reshape(19, 3, 2, 1))
    observed = tf.cast(images[wanted] >= 128, tf.float32)
    draw = model.latent.sample(model.encoder(observed), 1, run_seed(3, "pictures/posterior"))
    np.testing.assert_allclose(arrays["sampled"], decoded(model, draw.code[0].numpy()), atol=1)
    assert np.ptp(arrays["sampled"].astype(int), axis=0).max() > 20, "reconstructions depend on the image"
    shape = pictures.layout(model.latent)
    assert (
        ("one_hot" in arrays)
        == ("traversal_discrete" in arrays)
        == ("prior_one_hot" in arrays)
        == (shape.variables > 0)
    )
    if shape.variables:
        code = model.latent.one_hot(draw)[0].numpy()
        np.testing.assert_allclose(arrays["one_hot"], decoded(model, code), atol=1)
        np.testing.assert_allclose(
            arrays["traversal_discrete"], decoded(model, pictures.discrete_traversal(code[0], shape)), atol=1
        )
    assert all(
        array.dtype == np.uint8
        for name, array in arrays.items()
        if name != "indices" and not name.startswith("latents")
    )
    again = pictures.pictures(model, images, seed=3)
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)


def test_a_discrete_traversal_changes_one_variable_to_every_one_hot_code():
    shape, code = pictures.Layout(C, V, K), np.arange(C + V * K) / 100
    moved = pictures.discrete_traversal(code, shape)
    assert moved.shape == (V, K, C + V * K)
    for v in range(V):
        own = slice(C + v * K, C + (v + 1) * K)
        np.testing.assert_array_equal(moved[v, :, own], np.eye(K))
        np.testing.assert_array_equal(np.delete(moved[v], own, axis=1), np.tile(np.delete(code, own), (K, 1)))


def test_the_latents_that_move_the_image_most_are_shown():
    images = np.zeros((12, 3, 2, 2, 1), np.uint8)
    images[:, 1] = 10 * np.array([5, 1, 9, 7, 12, 3, 8, 2, 11, 6, 4, 10]).reshape(12, 1, 1, 1)
    assert pictures.most_moving(images).tolist() == [0, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert pictures.most_moving(images[:4]).tolist() == [0, 1, 2, 3]


def test_a_continuous_traversal_moves_one_latent_through_normal_quantiles():
    shape, code = pictures.Layout(C, V, K), np.arange(C + V * K) / 100
    moved = pictures.continuous_traversal(code, shape)
    assert moved.shape == (C, 12, C + V * K)
    for i in range(C):
        np.testing.assert_allclose(norm.cdf(moved[i, :, i]), np.linspace(0.05, 0.95, 12))
        np.testing.assert_array_equal(np.delete(moved[i], i, axis=1), np.tile(np.delete(code, i), (12, 1)))


def test_prior_codes_have_the_prior_s_distribution(model):
    """20,000 codes. Moments and frequencies within 5 standard errors: false alarm below 1e-4 over all of them; parts
    that shared their noise would correlate by more than 0.1 (standard error 0.007)."""
    count, shape = 20_000, pictures.layout(model.latent)
    relaxed = pictures.prior_codes(model.latent, count, run_seed(0, "prior"))
    assert relaxed.shape == (count, model.latent.size)
    continuous, discrete = (
        relaxed[:, : shape.continuous],
        relaxed[:, shape.continuous :].reshape(count, shape.variables, shape.categories),
    )
    if shape.continuous:
        assert np.abs(continuous.mean(0)).max() < 5 / count**0.5
        assert np.abs(continuous.var(0) - 1).max() < 5 * (2 / count) ** 0.5
    if not shape.variables:
        return
    np.testing.assert_allclose(discrete.sum(-1), 1, atol=1e-5)
    one_hot = pictures.one_hot_prior_codes(model.latent, count, run_seed(0, "prior"))
    np.testing.assert_array_equal(one_hot[:, : shape.continuous], continuous)
    vertices = one_hot[:, shape.continuous :].reshape(count, V, K)
    np.testing.assert_array_equal(np.sort(vertices, -1), np.eye(K)[-1] * np.ones((count, V, 1)))
    assert np.abs(vertices.mean(0) - 1 / K).max() < 5 * (1 / K * (1 - 1 / K) / count) ** 0.5
    for codes in (relaxed, one_hot):
        blocks = [codes[:, : shape.continuous], *np.moveaxis(codes[:, shape.continuous :].reshape(count, V, K), 1, 0)]
        for i, block in enumerate(blocks):
            for earlier in blocks[:i]:
                if block.shape[1] and earlier.shape[1]:
                    both = np.corrcoef(np.concatenate([block, earlier], 1)[:, np.r_[:1, block.shape[1]]].T)
                    assert abs(both[0, 1]) < 0.05


def test_grey_images_take_the_gaussian_s_mean():
    for activation, act in (("linear", lambda a: a), ("elu", lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))))):
        model = a_model("IGR_I_Dis", "gaussian", output_activation=activation)
        kernel, bias = (np.asarray(weight) for weight in model.decoder.trainable_variables)
        codes = np.random.default_rng(1).normal(size=(5, V * K)).astype(np.float32)
        wanted = np.rint(255 * expit(act((codes @ kernel + bias)[:, :6]))).reshape(5, 3, 2, 1)
        np.testing.assert_allclose(pictures.mean_images(model, codes), wanted, atol=1)


def test_a_run_keeps_its_pictures_and_the_verb_makes_the_same_from_its_checkpoint(tmp_path, capsys):
    from igr_suite.families.vae.presets import default
    from igr_suite.lab.runs.config import replace_parts

    config = replace_parts(
        default("IGR_I_Dis", epochs=1, limit=100, importance_samples=1),
        model={"architecture": "linear", "variables": 2, "categories": 3},
        evaluation={"pictures": True},
    )
    with RunFolder(tmp_path / "run").open(config) as folder:
        execute(config, folder)
    kept = (folder.path / picture_file.FILE).read_bytes()
    assert len(kept) < 300_000
    loaded = picture_file.load(folder.path)
    assert loaded["originals"].shape == (18, 28, 28, 1) and loaded["traversal_discrete"].shape == (2, 3, 28, 28, 1)
    (folder.path / picture_file.FILE).unlink()
    assert main(["pictures", str(folder.path)]) == 0
    assert (folder.path / picture_file.FILE).read_bytes() == kept
    drawn = capsys.readouterr().out.split()
    assert {path.rpartition("/")[2] for path in drawn} == {
        f"{name}.{kind}"
        for name in ("reconstructions", "prior_samples", "traversals")
        for kind in ("png", "pdf", "svg")
    }
    assert "prior" not in json.loads((folder.path / "meta.json").read_text())

    (folder.path / picture_file.FILE).unlink()
    for file in folder.checkpoints.iterdir():
        file.unlink()
    assert main(["pictures", str(folder.path)]) == 2
    assert "neither pictures.npz nor a checkpoint" in capsys.readouterr().err
    (folder.path / "summary.json").unlink()
    assert main(["pictures", str(folder.path)]) == 2
    assert "is not finished" in capsys.readouterr().err
