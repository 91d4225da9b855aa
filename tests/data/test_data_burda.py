"""Burda's Omniglot file, written by the tests in its layout."""

import numpy as np
import pytest
import scipy.io

from igr_suite.data import fetch, load, status
from igr_suite.errors import UserError


def test_burdas_omniglot_is_read_upright_and_split_as_the_papers_do(tmp_path):
    train, test = np.zeros((784, 24_345), np.uint8), np.zeros((784, 8_070), np.uint8)
    train[28, :] = 1  # column-major: second column, first row
    train[783, :1_000] = 1  # marks rows to follow through the permutation
    test[1, :] = 1  # first column, second row
    target = np.zeros((50, 24_345), np.uint8)
    target[np.arange(24_345) % 50, np.arange(24_345)] = 1
    (tmp_path / "data").mkdir()
    scipy.io.savemat(
        tmp_path / "data" / "chardata.mat",
        {"data": train, "testdata": test, "target": target, "testtarget": target[:, :8_070]},
    )
    data = load("omniglot")
    assert (
        data.sizes == {"train": 23_000, "validation": 1_345, "test": 8_070}
        and data.source == "Burda et al. chardata.mat"
    )
    assert (
        np.all(data.train[:, 0, 1, 0] == 255) and np.all(data.test[:, 1, 0, 0] == 255) and not data.train[:, 1, 0].any()
    )
    order = np.random.RandomState(123).permutation(24_345)
    np.testing.assert_array_equal(data.train_labels, order[:23_000] % 50)
    np.testing.assert_array_equal(data.validation[:, 27, 27, 0] == 255, order[23_000:] < 1_000)
    assert status("omniglot").where == fetch("omniglot") == tmp_path / "data" / "chardata.mat"


def test_burdas_omniglot_is_refused_when_absent_or_another_file(tmp_path):
    (tmp_path / "data").mkdir()
    for verb in (load, fetch):
        with pytest.raises(
            UserError,
            match="omniglot is not prepared: there is no .*/data/chardata.mat. .*put chardata.mat from "
            "github.com/yburda",
        ):
            verb("omniglot")
    path = tmp_path / "data" / "chardata.mat"
    scipy.io.savemat(path, {"data": np.zeros((784, 3))})
    with pytest.raises(UserError, match="cannot be read .*no variable testdata, found: data"):
        load("omniglot")
    scipy.io.savemat(path, {"data": np.zeros((784, 1_400)), "testdata": np.zeros((784, 2))})
    with pytest.raises(UserError, match="is not the whole dataset: train has 55 images"):
        load("omniglot")
    path.write_bytes(b"not a MATLAB file")
    with pytest.raises(UserError, match="omniglot at .*chardata.mat cannot be read"):
        load("omniglot")
