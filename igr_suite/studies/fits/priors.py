"""Fitted priors, which are fitted when they are first needed and read from results/priors from then on (imports
TensorFlow only to fit)."""

import dataclasses
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from igr_suite.errors import UserError
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.arrays import BadArchive, read_arrays
from igr_suite.lab.runs.files import alone_in, read_json, write_atomically, write_json
from igr_suite.lab.runs.reading import read_regular
from igr_suite.studies.fits.config import FitDiscrete

SCHEMA = 1
EXCHANGEABLE = ("IGR_I", "IGR_Planar")
# The fit behind a uniform prior (docs/papers/igr.md, section 2.1, newest code).
UNIFORM_FIT = {"samples": 10_000, "iterations": 1_000, "loss": "squared"}
# Distribution of a VAE -> the distribution whose fit is its prior. As in the authors' code, IGR-Planar's prior is
# IGR-I's Gaussian, since the Gaussian of a flow fits only the flow with which it was fitted, and the truncated stick
# has the sticks of the finite one.
FIT_OF = {
    "IGR_I": "IGR_I",
    "IGR_Planar": "IGR_I",
    "IGR_SB_Finite": "IGR_SB_Finite",
    "IGR_SB": "IGR_SB_Finite",
    "IGR_SB_Log": "IGR_SB_Log",
}


@dataclass(frozen=True)
class FittedPrior:
    """Parameters of a fitted distribution, and their description.

    Attributes:
      values: arrays under the names of the distribution's constructor: logits [K], or loc and log_scale [K-1]
        (IGR-Planar: w, u, b too).
      metadata: model, target, categories, temperature, delta, seed, loss and the rest of the fit's config; the final
        loss.
      run_id: of the fit's config, the name of the cache's entry.
    """

    values: dict[str, np.ndarray]
    metadata: dict
    run_id: str

    @property
    def record(self) -> dict[str, object]:
        """The record of the prior in a run that uses it: the fit, its final loss and iterations, and the checksum of
        its arrays."""
        return {"fit": self.run_id} | {
            name: self.metadata[name] for name in ("final_loss", "iterations_done", "sha256")
        }

    def averaged(self) -> "FittedPrior":
        """The prior with loc and log_scale averaged over categories, as the authors use those of IGR-I and IGR-Planar.

        Raises:
          UserError: the distribution is not exchangeable, as with sticks, whose parameters depend on their position.
        """
        if self.metadata["model"] not in EXCHANGEABLE:
            raise UserError(
                f"averaging over categories makes sense for {', '.join(EXCHANGEABLE)}, not for {self.metadata['model']}"
            )
        flat = {name: np.full_like(self.values[name], self.values[name].mean()) for name in ("loc", "log_scale")}
        return dataclasses.replace(self, values=self.values | flat)


def uniform_prior_config(model: str, categories: int, **changes) -> FitDiscrete:
    """The fit behind a uniform prior, UNIFORM_FIT: squared loss, 10,000 samples, 1,000 iterations.

    IGR-I and IGR-Planar start from the closed form, since from loc = log_scale = 0 they hardly move if there are many
    categories.

    Args:
      model: a distribution of `FitDiscrete`.
      categories: K.
      **changes: other fields of `FitDiscrete`, such as temperature and seed.
    """
    start = {"start": "uniform"} if model in EXCHANGEABLE else {}
    return FitDiscrete(target="uniform", model=model, categories=categories, **(UNIFORM_FIT | start | changes))


def vae_prior(distribution: str, categories: int, delta: float | None, root: str | Path | None = None) -> FittedPrior:
    """The fitted prior of a VAE's distribution: averaged over categories for IGR-I and IGR-Planar, unchanged for
    stick-breaking distributions.

    The fit's temperature is the authors' (IGR-I 0.05, IGR-SB-Finite 0.01; IGR-SB-Log 0.1) and not the VAE's: one prior
    serves all temperatures of a search, and it makes the distribution of the argmax nearly uniform.

    Args:
      distribution: a name in FIT_OF.
      categories: K.
      delta: of the VAE's softmax++; None for a distribution without one.
      root: as for `fitted_prior`.
    Returns:
      Prior with loc and log_scale [K-1].
    """
    prior = fitted_prior(uniform_prior_config(FIT_OF[distribution], categories, delta=delta), root)
    return prior.averaged() if distribution in EXCHANGEABLE else prior


def fitted_prior(config: FitDiscrete, root: str | Path | None = None) -> FittedPrior:
    """Returns the prior of a config from the cache, fitting and caching it when it is not there.

    Args:
      config: of the fit; its hash is the entry's name, so another setting is another entry.
      root: results folder; None means IGR_RESULTS, else the checkout's.
    Raises:
      UserError: the cached entry is damaged or was made by another config, or the folder is not writable.
    """
    folder = results_root(root) / "priors"
    arrays, described = folder / f"{config.run_id}.npz", folder / f"{config.run_id}.json"
    way_out = f"delete {arrays.name} and {described.name} to fit it again"
    metadata = read_json(described, way_out)
    if metadata is None:
        with alone_in(folder):  # of several processes that need the prior, one fits it; the others wait and read it
            metadata = read_json(described, way_out)
            if metadata is None:
                return _fit(config, arrays, described)
    return _read(arrays, described, metadata, config, way_out)


def _fit(config: FitDiscrete, arrays: Path, described: Path) -> FittedPrior:
    from igr_suite.studies.fits.fit import fit

    outcome = fit(config)
    content = _packed(outcome.fitted)
    metadata = {
        "schema": SCHEMA,
        **config.to_dict(),
        "final_loss": outcome.loss,
        "iterations_done": outcome.iterations,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_atomically(arrays, content)
    write_json(described, metadata)  # last: its presence means that the entry is complete
    return FittedPrior(outcome.fitted, metadata, config.run_id)


def _read(arrays: Path, described: Path, metadata: dict, config: FitDiscrete, way_out: str) -> FittedPrior:
    if not isinstance(metadata, dict) or metadata.get("schema") != SCHEMA:
        raise UserError(f"{described} is not a prior of schema {SCHEMA}; {way_out}")
    wrong = [name for name, value in config.to_dict().items() if metadata.get(name) != value]
    if wrong:
        raise UserError(f"{described} describes another fit: {wrong[0]} is {metadata.get(wrong[0])}; {way_out}")
    try:
        content = read_regular(arrays)
    except FileNotFoundError:
        raise UserError(f"{arrays} is absent while {described.name} is there; {way_out}") from None
    except OSError as error:
        raise UserError(f"cannot read {arrays}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != metadata.get("sha256"):
        raise UserError(f"{arrays} is damaged (its checksum is not the recorded one); {way_out}")
    try:
        return FittedPrior(read_arrays(content), metadata, config.run_id)
    except BadArchive as error:
        raise UserError(f"{arrays} is not an archive of arrays ({error}); {way_out}") from None


def _packed(values: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(value, np.float32) for name, value in values.items()})
    return buffer.getvalue()
