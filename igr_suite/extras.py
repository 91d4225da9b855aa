"""Packages that only some uses need: the extra of igr-suite that brings each, and the sentence where one is missing."""

import importlib
import importlib.util
from types import ModuleType

from igr_suite.errors import UserError

EXTRAS = {  # module: (extra, what it is for)
    "matplotlib": ("plot", "drawing figures"),
    "mlflow": ("track", "--track mlflow"),
    "pyarrow": ("parquet", "a .parquet file"),
    "tensorboard": ("track", "looking at event files"),
    "tensorflow_datasets": ("tfds", "reading and fetching data sets of TFDS"),
    "wandb": ("track", "--track wandb"),
}


def installed(module: str) -> bool:
    """Returns whether a module can be found; imports nothing."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # it is imported and has no spec
        return True


def require(module: str) -> ModuleType:
    """Imports and returns a module of `EXTRAS`.

    Raises:
      UserError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(missing(error) or str(error)) from error


def missing(error: ImportError) -> str:
    """Returns the sentence for an import that failed because a package of an extra is not installed; "" for others."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS or installed(module):
        return ""
    extra, purpose = EXTRAS[module]
    return f"{purpose} needs {module}, which is not installed: pip install 'igr-suite[{extra}]'"
