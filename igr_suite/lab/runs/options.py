"""Options: fields of a config that are read only under some values of its other fields.

An option's field has the default None, "not given". Where the config reads the field, None becomes the option's
default; elsewhere a given value is refused. A part of a config lists its options in one table, which also decides what
`RunConfig.with_values` resets when another setting changes: the defaults that only followed from the earlier settings.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from igr_suite.errors import UserError

Choices = Mapping[str, Mapping[str, Any]]


def always(config: Any) -> bool:
    """The condition of an option that every config reads."""
    del config
    return True


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
      default: the field's value where it is read and was not given; a function of the config where it depends on other
        fields.
      read: whether a config reads the field; a function of its fields, not of properties, and only of those options
        that come earlier in the table.
      unread: the rest of the error message about a field that is given and not read, after "model.x=3": "is read by
        model.task=sp only"; a function of the config where it depends on other fields.
      dropped: whether a chosen value is also reset when a changed setting no longer reads it; otherwise it is refused.
      readers: (default, the values of another setting that read it with that default), for the documentation; empty
        where it depends on more than one setting.
    """

    default: Any
    read: Callable[[Any], bool] = always
    unread: str | Callable[[Any], str] = ""
    dropped: bool = False
    readers: tuple[tuple[Any, tuple[str, ...]], ...] = ()

    def value(self, config: Any) -> Any:
        """Returns the default for a config."""
        return self.default(config) if callable(self.default) else self.default


def by_choice(
    choice: str, table: Choices, hint: str = ", or pick runs with --only", dropped: Collection[str] = ()
) -> dict[str, Option]:
    """Returns options that depend on one field alone.

    Args:
      choice: the field, such as "name".
      table: its value -> the options that are read with it, and their defaults.
      hint: a further remedy for the error message.
      dropped: the fields whose option is `Option.dropped`.
    Returns:
      Option's field -> option, in the order in which the table first names them.
    """

    defaults: dict[str, dict[str, Any]] = {}
    for name, options in table.items():
        for key, default in options.items():
            defaults.setdefault(key, {})[name] = default
    return {key: _depending_on(choice, readers, "", hint, key in dropped) for key, readers in defaults.items()}


def by_reader(choice: str, table: Mapping[str, tuple[tuple[str, ...], Any]]) -> dict[str, Option]:
    """Returns options that depend on one field alone and have one default for all of its values that read them.

    Args:
      choice: the field, such as "estimator".
      table: option's field -> (values of the choice that read it, its default).
    Returns:
      Option's field -> option.
    """

    return {
        key: _depending_on(choice, dict.fromkeys(readers, default), f"the {choice} ")
        for key, (readers, default) in table.items()
    }


def _depending_on(
    choice: str, defaults: Mapping[str, Any], article: str = "", hint: str = "", dropped: bool = False
) -> Option:
    """Returns the option that the keys of `defaults`, values of the field `choice`, read with these defaults."""
    distinct: list[Any] = []
    for default in defaults.values():
        if default not in distinct:
            distinct.append(default)
    return Option(
        default=lambda config: defaults[getattr(config, choice)],
        read=lambda config: getattr(config, choice) in defaults,
        unread=lambda config: (
            f"is not used by {article}{getattr(config, choice)}, only by {', '.join(defaults)}; leave it out{hint}"
        ),
        dropped=dropped,
        readers=tuple((value, tuple(name for name in defaults if defaults[name] == value)) for value in distinct),
    )


class WithOptions:
    """Base of config parts that have options; `super().__post_init__()` resolves them.

    Class attributes:
      group: dotted path of the part in its run config, "model"; "" where it is the run config itself.
      options: field -> option; later ones may depend on earlier ones.
    """

    group: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Option]] = {}

    def __post_init__(self):
        resolve(self)


def resolve(config: WithOptions) -> None:
    """Gives the options of a new config their defaults.

    Raises:
      UserError: an option is given that the config does not read.
    """
    for key, option in config.options.items():
        value, read = getattr(config, key), option.read(config)
        if value is not None and not read:
            path = f"{config.group}.{key}" if config.group else key
            reason = option.unread(config) if callable(option.unread) else option.unread
            raise UserError(f"{path}={value} {reason}" + ("" if "leave" in reason else "; leave it out"))
        if value is None and read:
            object.__setattr__(config, key, option.value(config))


def take_back(config: WithOptions, changed: dict[str, Any], given: Collection[str]) -> None:
    """Resets options of a changed config to "not given" where they only followed from the earlier settings.

    Args:
      config: the config before the change.
      changed: its fields with the new settings; changed in place.
      given: names of the fields that were set.
    """
    after = SimpleNamespace(**changed)  # as it will be resolved, so that later options see the defaults of earlier ones
    for key, option in config.options.items():
        read = option.read(after)
        if key not in given and changed[key] is not None:
            follows = option.read(config) and changed[key] == _plain(option.value(config))
            if follows or (option.dropped and not read):
                changed[key] = None
        setattr(after, key, option.value(after) if changed[key] is None and read else changed[key])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
