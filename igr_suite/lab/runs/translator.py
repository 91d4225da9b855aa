"""Settings of the authors' programs in this suite's terms, by one table of keys for each program.

The programs have dictionaries of settings, strings of hyperparameters or command-line options. All of them become
dotted paths of a run config here. This module never imports TensorFlow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from igr_suite.errors import UserError
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config import RunConfig

Config = TypeVar("Config", bound=RunConfig)
DATA_SETS = {"fmnist": "fashion_mnist"}  # the authors' name -> ours, where they differ
GREY = ("fashion_mnist", "celeb_a")  # the authors' runs binarise all other data sets


@dataclass(frozen=True)
class Key:
    """One key of a program's settings.

    Attributes:
      kind: type of its value; Any leaves the value as it is.
      to: the dotted path that takes the value, or a function (value, context) -> {dotted path: value}, which raises
        UserError for a value that has no counterpart; None for a key that sets nothing.
      must: for a key that follows from others here, a function of the resolved config that gives the accepted values
        and the reason.
      default: the program's default, where a translation begins with the defaults of the program.
    """

    kind: Any = Any
    to: str | Callable[[Any, Any], Mapping[str, Any]] | None = None
    must: Callable[[Any], tuple[tuple, str]] | None = None
    default: Any = None

    def paths(self, value: Any, context: Any) -> Mapping[str, Any]:
        """Returns the dotted paths that a value of this key sets."""
        if callable(self.to):
            return self.to(value, context)
        return {} if self.to is None else {self.to: value}


Keys = Mapping[str, Key]


def translate(
    settings: Mapping[str, Any], keys: Keys, context: Any = None, name_of: Callable[[str], str] = str
) -> dict[str, Any]:
    """Returns the settings with the program's keys replaced by dotted paths.

    Args:
      settings: `--set` values, a dictionary of settings or a program's options: the program's keys beside dotted paths;
        text or typed values.
      keys: of the program.
      context: what functions of the table may look at.
      name_of: how a sentence names a key, such as "--{}".format.
    Raises:
      UserError: a value of another type, one that has no counterpart, or one that another key contradicts.
    """
    translated = {path: value for path, value in settings.items() if path not in keys}
    sources = {path: f"{path}={text_of(value)}" for path, value in translated.items()}
    for key, given in settings.items():
        if key not in keys:
            continue
        value = read(given, keys[key].kind, name_of(key))
        for path, ours in keys[key].paths(value, context).items():
            source = f"{name_of(key)}={text_of(value)}"
            if path not in translated:
                translated[path], sources[path] = ours, source
            elif not _equal(translated[path], ours, path):
                raise UserError(
                    f"{path} is set twice, to {text_of(translated[path])} by {sources[path]} and to {text_of(ours)} by "
                    f"{source}; leave one of them out"
                )
    return translated


def check_implied(settings: Mapping[str, Any], keys: Keys, config: Any = None) -> None:
    """Checks the keys that follow from others.

    Args:
      settings: as for `translate`.
      keys: of the program.
      config: the run config that the settings lead to.
    Raises:
      UserError: a value disagrees with the config.
    """
    for key, given in settings.items():
        if key in keys and keys[key].must is not None:
            value = read(given, keys[key].kind, key)
            accepted, reason = keys[key].must(config)
            if value not in accepted:
                raise UserError(
                    f"{key} must be {text_of(accepted[0])} here, got {text_of(value)}: {reason}; leave it out"
                )


def config_of(kind: type[Config], paths: Mapping[str, Any]) -> Config:
    """Returns the config of a class whose dotted paths have these values; all others have the defaults of the class.

    Raises:
      UserError: a value of another type, or values that do not go together.
    """
    nested: dict[str, Any] = {}
    for path, value in paths.items():
        *groups, leaf = path.split(".")
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[leaf] = value
    return kind.from_dict(nested)


def read(value: Any, kind: Any, name: str) -> Any:
    """Returns a value of a type from text or from a typed value.

    Raises:
      UserError: the value is of another type; the sentence begins with the name.
    """
    return values.parse(value, kind, name) if isinstance(value, str) else values.check(value, kind, name)


def text_of(value: Any) -> str:
    """Returns a value as `--set` takes it: "true", "none", "0.3"."""
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def data_set(name: str, context: Any = None) -> dict[str, str]:
    """Returns what the key `dataset_name` sets."""
    del context
    return {"data.name": DATA_SETS.get(name, name)}


def binarisation_of(data: str) -> str:
    """Returns how the authors' programs make the images of a data set binary."""
    return "none" if data in GREY else "static"


def _equal(value: Any, ours: Any, path: str) -> bool:
    kind = type(ours)
    return (values.parse(value, kind, path) if isinstance(value, str) and kind is not type(None) else value) == ours
