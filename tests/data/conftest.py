"""Folders of their own for every test, and a tiny dataset as TFDS would have prepared it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from igr_suite.data.catalogue import RECIPES, Recipe
from igr_suite.data.tfds_source import TfdsSource

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    """No test sees the user's cache or data."""
    monkeypatch.setenv("IGR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))


def _write_tfds(folder, shards: dict[str, list[np.ndarray]], dataset="tiny"):
    """Writes what TFDS would have prepared: `shards` maps a split to the images of each of its files."""
    import tensorflow as tf

    folder.mkdir(parents=True)
    for split, parts in shards.items():
        for number, images in enumerate(parts):
            path = folder / f"{dataset}-{split}.tfrecord-{number:05d}-of-{len(parts):05d}"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for image in images:
                    png = tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_png(image).numpy()]))
                    label = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(image[0, 0, 0])]))
                    example = tf.train.Example(features=tf.train.Features(feature={"image": png, "label": label}))
                    writer.write(example.SerializeToString())
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    splits = [
        {
            "name": split,
            "filepathTemplate": template,
            "numBytes": "1",
            "shardLengths": [str(len(images)) for images in parts],
        }
        for split, parts in shards.items()
    ]
    info = {"name": dataset, "version": folder.name, "fileFormat": "tfrecord", "moduleName": "none", "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    core = "tensorflow_datasets.core.features."
    image = {
        "dtype": "uint8",
        "encodingFormat": "png",
        "shape": {"dimensions": [str(n) for n in next(iter(shards.values()))[0].shape[1:]]},
    }
    features = {
        "image": {"pythonClassName": core + "image_feature.Image", "image": image},
        "label": {"pythonClassName": core + "class_label_feature.ClassLabel", "classLabel": {"numClasses": "256"}},
    }
    described = {"pythonClassName": core + "features_dict.FeaturesDict", "featuresDict": {"features": features}}
    (folder / "features.json").write_text(json.dumps(described))


def _numbered(start, count):
    """Images [count, 28, 28, 1] whose first pixel is their number and whose last is 255."""
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(start, start + count)
    images[:, -1, -1, 0] = 255
    return images


@pytest.fixture
def printed():
    """A function that runs a program in a fresh process of Python and returns what it prints."""

    def run(program):
        command = [sys.executable, "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()

    return run


@pytest.fixture
def write_tfds():
    return _write_tfds


@pytest.fixture
def numbered():
    return _numbered


@pytest.fixture
def tiny(monkeypatch, tmp_path, write_tfds, numbered):
    """A dataset `tiny` in the catalogue and in the data folder: 12 training images in two shards, 3 test images."""
    recipe = Recipe(
        "tiny",
        "a test's",
        TfdsSource("tiny", "1.0.0", {"train": "train", "test": "test"}),
        (8, 4, 3),
        (28, 28, 1),
        "bernoulli",
    )
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    folder = tmp_path / "data" / "tiny" / "1.0.0"
    write_tfds(folder, {"train": [numbered(0, 7), numbered(7, 5)], "test": [numbered(20, 3)]})
    return folder
