"""Run configs: frozen dataclasses that hold everything that decides a run's result, and nothing else."""

import dataclasses
import functools
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config_classes import UnknownClass, class_of, register
from igr_suite.lab.runs.options import WithOptions, take_back

SCHEMA = 1
LONGEST_SLUG = 80
_LATER = "later"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Base of all run configs; a subclass is a frozen, keyword-only dataclass whose leaves are JSON values or tuples of
    them.

    Class attributes:
      executor: "package.module:function"; `function(config, folder)` does the run and writes its summary. Imported by
        workers only.
      useful_threads: the number of threads with which such a run is fastest, as measured (docs/performance.md).
      parts_side_by_side: the number of threads that a single run can use when cores would otherwise be idle: its step
        divides into so many parts, each made of whole operations.
      subject: the module whose `load` makes a finished run a subject of `igr variance`; "" for runs without discrete
        variables.
      extendable_by: dotted paths of numbers that only set how long a run trains: a run with a larger number begins, bit
        by bit, like one with a smaller number and can continue from it. Empty where that does not hold or is not shown.
      fitted: whether `training.fit` trains such a run, so that the summary repeats the numbers of the last metrics row;
        the run is not whole when these differ, or when a distance between metrics rows is larger than a later one.

    Example:
      @dataclass(frozen=True, kw_only=True)
      class Count(RunConfig):
          executor: ClassVar[str] = "my_package.counting:run"
          until: int = 10
          seed: int = 0
          def slug(self): return f"count-{self.until}-s{self.seed}"
    """

    executor: ClassVar[str] = ""
    useful_threads: ClassVar[int] = 1
    parts_side_by_side: ClassVar[int] = 1
    subject: ClassVar[str] = ""
    extendable_by: ClassVar[tuple[str, ...]] = ()
    fitted: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        register(cls)

    def __post_init__(self):
        values.check(self, type(self), "")
        self.validate()

    def validate(self) -> None:
        """Raises UserError when fields do not go together; called once all of them have their types."""

    def check_inputs(self, data_dir: str | None) -> None:
        """Raises UserError when an input of the run is missing; called for every run before the first one starts.

        Args:
          data_dir: folder of tensorflow-datasets; None means the environment's.
        """

    def contradiction(self, summary: Mapping[str, Any], last: Mapping[str, Any] | None, rows: int) -> str:
        """Returns a sentence that says why a finished run's files are incomplete or belong to two runs; "" where
        nothing shows that (see `wholeness`).

        Args:
          summary: content of summary.json.
          last: the last metrics row with its step, None without rows.
          rows: the number of metrics rows.
        """
        return ""

    @property
    def evaluations_per_step(self) -> int | None:
        """The number of function evaluations of one training step, summed over the batch. One evaluation is the
        likelihood of one image at one value of its latent variables, a row of the decoder's forward pass. None where a
        run has no such function, or where the number does not follow from its config.
        """
        return None

    def data_parallel_obstacle(self) -> str | None:
        """Returns why the batches of this run cannot be divided among devices (`--strategy`), and what to do instead;
        None where they can be."""
        return (
            f"a step of a {type(self).__name__} run is not known to be a mean over the examples of its batch; leave "
            f"--strategy out"
        )

    def slug(self) -> str:
        """Returns the readable part of the run's name."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def run_id(self) -> str:
        """The run's name: slug and the first 8 hex digits of the SHA-256 of the resolved config's canonical JSON."""
        canonical = json.dumps(
            {"kind": type(self).__name__, "config": _identity(self)}, sort_keys=True, separators=(",", ":")
        )
        slug = re.sub(r"[^A-Za-z0-9._+=-]+", "-", self.slug())[:LONGEST_SLUG].strip("-.")
        return f"{slug}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """Returns nested dicts of JSON values; tuples become lists."""
        return _plain(self)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Self:
        """Returns the config that `to_dict` describes; absent keys take their defaults.

        Raises:
          UserError: unknown key (names the nearest), missing key, or a value of the wrong type.
        """
        return values.build(cls, d)

    def with_values(self, settings: Mapping[str, Any]) -> Self:
        """Returns a copy with dotted paths set: `config.with_values({"model.temperature": "0.3"})`.

        Strings are parsed by the field's annotated type; other values are checked against it.

        Raises:
          UserError: unknown path (names the nearest), or a value of the wrong type.
        """
        settings = self.translate(settings)
        changed = self.to_dict()
        for path, value in settings.items():
            self._place(changed, path, value)
        self.adapt(changed, settings)
        return self.from_dict(changed)

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        """Returns the keys that `translate` accepts besides dotted paths; the message about an unknown key lists them
        too."""
        return ()

    def translate(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings with aliases replaced by dotted paths; called by `with_values`."""
        return settings

    def adapt(self, changed: dict[str, Any], settings: Mapping[str, Any]) -> None:
        """Removes from `changed` the values that only followed from one that `settings` replaces; called by
        `with_values`.

        Options of the run config and of its parts (`options.WithOptions`) are reset here; a subclass may do more.

        Args:
          changed: the config as nested dicts, with the new settings; changed in place.
          settings: dotted path -> new value.
        """
        if isinstance(self, WithOptions):
            take_back(self, changed, settings)
        for name in values.field_types(type(self)):
            part = getattr(self, name)
            if isinstance(part, WithOptions) and changed[name] is not None:
                given = {path.partition(".")[2] for path in settings if path.startswith(f"{name}.")}
                take_back(part, changed[name], given)

    def _place(self, changed: dict[str, Any], path: str, value: Any) -> None:
        target, kind, walked = changed, type(self), []
        for name in path.split("."):
            group = values.group_of(kind)
            if group is None or name not in values.field_types(group):
                known = [*values.paths(type(self)), *self.aliases()]
                group_members = [other for other in known if other.split(".")[0] == path.split(".")[0] and "." in path]
                raise UserError(
                    f"unknown key '{path}' in a {type(self).__name__} run: {nearest(path, group_members or known)}"
                )
            if walked:
                if target[walked[-1]] is None:
                    target[walked[-1]] = {}  # a group that was absent takes its defaults
                target = target[walked[-1]]
            kind = values.field_types(group)[name]
            walked.append(name)
        parsed = values.parse(value, kind, path) if isinstance(value, str) else values.check(value, kind, path)
        target[walked[-1]] = _plain(parsed)


def executor_of(config: RunConfig) -> Callable[..., None]:
    """Imports and returns the function that a config names.

    Raises:
      UserError: the config names none.
    """
    module, _, name = type(config).executor.partition(":")
    if not name:
        raise UserError(
            f"{type(config).__name__}.executor must be 'package.module:function', got '{type(config).executor}'"
        )
    return getattr(importlib.import_module(module), name)


def two_values(name: str, in_summary: Any, in_metrics: Any) -> str:
    """Returns the sentence for a `contradiction`: the summary and the last metrics row hold different values of one
    quantity."""
    return (
        f"{name} is {in_summary} in summary.json and {in_metrics} in the last row of metrics.jsonl: they are of two "
        f"runs"
    )


def added_later(default: Any) -> Any:
    """Declares a config field that was added after runs of its class had been committed: at its default it does not
    enter the run's name.

    Without this, every new option would orphan the results from which the committed figures are drawn.

    Args:
      default: the value that stands for what the code did before the option existed.
    """
    return dataclasses.field(default=default, metadata={_LATER: True})


def replace_parts(config: Any, **parts: Mapping[str, Any]) -> Any:
    """Returns the config with fields of its parts changed: replace_parts(config, model={"temperature": 0.3})."""
    return dataclasses.replace(
        config, **{part: dataclasses.replace(getattr(config, part), **values) for part, values in parts.items()}
    )


def _identity(value: Any) -> Any:
    """Returns the config as `to_dict` gives it, without the `added_later` fields that are at their defaults."""
    if isinstance(value, _LEAVES) or not dataclasses.is_dataclass(value):
        return _plain(value)
    later = _later(type(value))
    shown = {name: getattr(value, name) for name in values.field_types(type(value))}
    return {name: _identity(held) for name, held in shown.items() if name not in later or held != later[name]}


@functools.cache
def _later(cls: type) -> dict[str, Any]:
    """Returns the `added_later` fields of a config class with their defaults."""
    return {field.name: field.default for field in dataclasses.fields(cls) if field.metadata.get(_LATER)}


_LEAVES = (str, int, float, type(None))


def _plain(value: Any) -> Any:
    if isinstance(value, _LEAVES):
        return value
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in values.field_types(type(value))}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns {"model.temperature": 0.3, ...} from nested dicts; lists become tuples, so that data frames can be
    grouped by every value."""
    flat = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = tuple(value) if isinstance(value, list) else value
    return flat


def config_to_json(config: RunConfig) -> str:
    """Returns the text of config.json: the config, and the names of its class and module."""
    content = {
        "schema": SCHEMA,
        "kind": type(config).__name__,
        "module": type(config).__module__,
        "run_id": config.run_id,
    }
    return json.dumps({**content, "config": config.to_dict()}, indent=2) + "\n"


def config_from_json(text: str, source: str = "config.json") -> RunConfig:
    """Returns the config that `config_to_json` wrote. Its class is looked up (see `config_classes`); the module is not
    imported.

    Args:
      text: content of a config.json.
      source: its name in error messages.
    Raises:
      UnknownClass: no loaded code defines its class.
      UserError: the text is damaged, or its class no longer takes these keys.
    """
    try:
        content = json.loads(text)
        kind, module, config = content["kind"], content["module"], content["config"]
        if not (isinstance(kind, str) and isinstance(module, str) and isinstance(config, dict)):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{source} is not a readable run config; delete the run's folder to run it again") from None
    try:
        return class_of(kind, module).from_dict(config)
    except UnknownClass as error:
        raise UnknownClass(f"{source}: {error}") from None
    except UserError as error:
        way_out = "delete the run's folder or check that version out"
        raise UserError(f"{source} was written by another version of the code ({error}); {way_out}") from None
