"""Datasets that tensorflow-datasets (TFDS) has prepared; only reading and fetching import it, locating does not."""

import hashlib
import json
import re
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from igr_suite import terminal
from igr_suite.data.preprocessing import unchanged
from igr_suite.data.sources import NEEDS_NOTHING, Located, Source
from igr_suite.errors import UserError
from igr_suite.extras import require

_BATCH = 500


@dataclass(frozen=True)
class TfdsSource(Source):
    """A prepared folder `<data_dir>/<dataset>/<version>/`.

    Rows are in TFDS's own order (sorted by a hash of each example), whatever the number of shards.

    Attributes:
      dataset: name within TFDS.
      version: a version known to work, for error messages; the newest prepared one is read.
      splits: name of the split here -> name of the TFDS split.
      transform: maps a batch of decoded images to uint8 [B, H, W, C].
      label: feature that holds the label, or None.
      if_incomplete: what to do when only other splits are prepared.
    """

    dataset: str
    version: str
    splits: dict[str, str]
    transform: Callable[[np.ndarray], np.ndarray] = field(default=unchanged)
    label: str | None = "label"
    if_incomplete: str = ""

    @property
    def needs(self) -> str:
        return f"TFDS {self.dataset} ({', '.join(self.splits.values())})"

    def locate(self, name: str, data_dir: Path) -> Located:
        folder = self._newest(data_dir)
        if folder is None:
            raise UserError(
                f"{name} is not prepared: there is no {data_dir / self.dataset}/<version>/dataset_info.json. "
                f"Fetch it with `igr data fetch {name}`, or name a folder that holds it with --data-dir or "
                f"TFDS_DATA_DIR; {NEEDS_NOTHING}"
            )
        present, digest = self._inspect(name, folder)
        missing = [split for split in self.splits.values() if split not in present]
        if missing:
            hint = f" {self.if_incomplete}." if self.if_incomplete else ""
            raise UserError(
                f"{name} needs the TFDS splits {' and '.join(self.splits.values())}, but {folder} holds only "
                f"{' and '.join(present) or 'none'}.{hint} For all splits move that folder away, or choose another "
                f"with --data-dir, and run `igr data fetch {name}`; {NEEDS_NOTHING}"
            )
        return Located(folder, f"tfds {self.dataset} {folder.name}", f"{folder.name}-{digest}")

    def read(self, located: Located) -> dict[str, np.ndarray]:
        tfds = require("tensorflow_datasets")

        builder = tfds.builder_from_directory(str(located.path))
        in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)  # one shard after the other
        arrays = {}
        for ours, theirs in self.splits.items():
            rows = builder.info.splits[theirs].num_examples
            dataset = builder.as_dataset(split=theirs, batch_size=_BATCH, shuffle_files=False, read_config=in_order)
            images, labels, start = None, np.empty(rows, np.int32), 0
            for batch in tfds.as_numpy(dataset):
                batch_images = self.transform(batch["image"])
                if images is None:
                    images = np.empty((rows, *batch_images.shape[1:]), np.uint8)
                stop = start + len(batch_images)
                images[start:stop] = batch_images
                if self.label:
                    labels[start:stop] = batch[self.label]
                start = stop
            if images is None or start != rows:
                raise ValueError(f"split {theirs} announces {rows} images and holds {start}")
            arrays[ours] = images
            if self.label:
                arrays[f"{ours}_labels"] = labels
        return arrays

    def fetch(self, name: str, data_dir: Path) -> Path:
        if self._newest(data_dir) is not None:
            return self.locate(name, data_dir).path
        try:
            self._download(data_dir)
        except UserError:
            raise
        except Exception as error:  # TFDS, its downloader and the file system share no base class of exceptions
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"fetching {name} failed ({type(error).__name__}: {reason}). Without a network, prepare it elsewhere "
                f"with `igr data fetch {name}` and copy the folder to {data_dir / self.dataset / self.version}/: "
                f"dataset_info.json, features.json and {self.dataset}-<split>.tfrecord-* for the splits "
                f"{', '.join(self.splits.values())}; {NEEDS_NOTHING}"
            ) from error
        return self.locate(name, data_dir).path

    def _download(self, data_dir: Path) -> None:
        tfds = require("tensorflow_datasets")
        _check_network()

        with terminal.drawing():
            tfds.builder(self.dataset, data_dir=str(data_dir)).download_and_prepare()

    def _newest(self, data_dir: Path) -> Path | None:
        """Returns the folder of the newest prepared version; unfinished ones, which TFDS names
        `<version>.incompleteXXXX`, are ignored."""
        described = [path.parent for path in (data_dir / self.dataset).glob("*/dataset_info.json")]
        prepared = [folder for folder in described if re.fullmatch(r"\d+\.\d+\.\d+", folder.name)]
        return max(prepared, key=lambda folder: [int(part) for part in folder.name.split(".")], default=None)

    def _inspect(self, name: str, folder: Path) -> tuple[list[str], str]:
        """Returns the names of the splits whose files are present, and a digest of the folder's description and file
        sizes."""
        digest = hashlib.sha256((folder / "dataset_info.json").read_bytes())
        try:
            announced = [split["name"] for split in json.loads((folder / "dataset_info.json").read_bytes())["splits"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{name}: {folder / 'dataset_info.json'} is not TFDS's description of a dataset "
                f"({type(error).__name__}: {error}); remove that folder and run `igr data fetch {name}`"
            ) from error
        records = sorted((path.name, path.stat().st_size) for path in folder.glob(f"{self.dataset}-*"))
        digest.update(repr(records).encode())
        present = [
            split for split in announced if any(record.startswith(f"{self.dataset}-{split}.") for record, _ in records)
        ]
        return present, digest.hexdigest()[:12]


def _check_network() -> None:
    """Raises ConnectionError at once where no name resolves and no proxy is set; TFDS itself would retry for
    minutes."""
    if urllib.request.getproxies():
        return
    hosts = ("storage.googleapis.com", "github.com")
    for host in hosts:
        try:
            socket.getaddrinfo(host, 443)
            return
        except OSError:
            continue
    raise ConnectionError(f"there is no network: neither {' nor '.join(hosts)} resolves")
