"""Names, options and facts of the importance-weighted objectives, and their requirements on the number of samples
(never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb
from types import MappingProxyType
from typing import Any

from igr_suite.checks import is_whole, number
from igr_suite.errors import UserError, nearest

TUCKER, RAINFORTH, LIEVIN = "Tucker et al. (2019)", "Rainforth et al. (2018)", "Liévin et al. (2020)"
LI, DAUDEL = "Li & Turner (2016)", "Daudel et al. (2023)"
LARGEST_TABLE = 2**28  # bytes of the jackknife's table [subsets, K, B] in float32


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts about an objective that configs, the CLI, the bias check, tests and docs read.

    Attributes:
      name: in configs, tables and on the command line; the authors' flag where they have one.
      title: in figures.
      source: paper.
      target: name of the objective whose inference gradient it estimates; its own name where it defines one.
        `references` takes options into account.
      unbiased: whether its mean is that gradient at the default options; `is_unbiased` takes options into account.
      bound: whether the reported value is a lower bound of log p(x) in expectation.
      options: the options that it reads, with defaults.
      experimental: whether it is not part of a published method as it stands.
    """

    name: str
    title: str
    source: str
    target: str
    unbiased: bool = True
    bound: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    experimental: bool = False

    def __post_init__(self):
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    @property
    def reference(self) -> str | None:
        """The target if the estimator is unbiased for it, else None."""
        return self.target if self.unbiased else None


JACKKNIFE = {"order": 1, "form": "masked"}
THERMODYNAMIC = {"partitions": 5, "first": 0.02, "rule": "left"}
_ALL = (
    Facts(name="iwae", title="IWAE", source="Burda et al. (2016)", target="iwae"),
    Facts(name="stl", title="STL", source="Roeder et al. (2017)", target="iwae", unbiased=False),
    Facts(name="dreg", title="DReG", source=TUCKER, target="iwae"),
    Facts(name="rws", title="RWS", source="Bornschein & Bengio (2015)", target="rws"),
    Facts(name="rws-dreg", title="RWS-DReG", source=TUCKER, target="rws"),
    Facts(name="dreg-alpha", title="DReG(alpha)", source=TUCKER, target="iwae+rws", options={"alpha": 0.9}),
    Facts(name="dreg-norm", title="DReG-norm", source=TUCKER, target="iwae", unbiased=False),
    Facts(name="rws-dreg-norm", title="RWS-DReG-norm", source=TUCKER, target="rws", unbiased=False),
    Facts(name="jk", title="JVI", source="Nowozin (2018)", target="jk", bound=False, options=JACKKNIFE),
    Facts(name="jk-dreg", title="JVI-DReG", source=TUCKER, target="jk", bound=False, options=JACKKNIFE),
    Facts(name="dreg-cv", title="DReG-cv", source="Tucker et al. (2019), code only", target="iwae", experimental=True),
    Facts(name="miwae", title="MIWAE", source=RAINFORTH, target="miwae", options={"groups": 8}),
    Facts(
        name="miwae-dreg", title="MIWAE-DReG", source=f"{RAINFORTH}, {TUCKER}", target="miwae", options={"groups": 8}
    ),
    Facts(name="piwae", title="PIWAE", source=RAINFORTH, target="piwae", options={"groups": 8}),
    Facts(
        name="piwae-dreg", title="PIWAE-DReG", source=f"{RAINFORTH}, {TUCKER}", target="piwae", options={"groups": 8}
    ),
    Facts(name="ciwae", title="CIWAE", source=RAINFORTH, target="ciwae", options={"beta": 0.05}),
    Facts(
        name="ciwae-dreg", title="CIWAE-DReG", source=f"{RAINFORTH}, {TUCKER}", target="ciwae", options={"beta": 0.05}
    ),
    Facts(name="vr-iwae", title="VR-IWAE", source=f"{LI}, {DAUDEL}", target="vr-iwae", options={"alpha": 0.5}),
    Facts(name="vr-iwae-dreg", title="VR-IWAE-DReG", source=DAUDEL, target="vr-iwae", options={"alpha": 0.5}),
    Facts(name="vargrad", title="VarGrad", source="Richter et al. (2020)", target="ciwae"),
    Facts(name="vimco", title="VIMCO", source="Mnih & Rezende (2016)", target="iwae", options={"mean": "geometric"}),
    Facts(name="ovis-mc", title="OVIS-MC", source=LIEVIN, target="iwae", options={"auxiliary": 8}),
    Facts(name="ovis", title="OVIS~", source=LIEVIN, target="iwae", unbiased=False, options={"gamma": 1.0}),
    Facts(
        name="tvo",
        title="TVO",
        source="Masrani et al. (2019)",
        target="tvo",
        options=THERMODYNAMIC,
    ),
    Facts(
        name="tvo-dreg",
        title="TVO-DReG",
        source=f"Masrani et al. (2019), {TUCKER}",
        target="tvo-dreg",
        options=THERMODYNAMIC,
    ),
)
FACTS: Mapping[str, Facts] = MappingProxyType({facts.name: facts for facts in _ALL})
NAMES = tuple(FACTS)
OPTION_NAMES = tuple(dict.fromkeys(option for facts in _ALL for option in facts.options))
CHOICES = {"form": ("masked", "closed"), "mean": ("geometric", "arithmetic"), "rule": ("left", "right", "trapezoid")}
_UNIT_INTERVAL = ("alpha", "beta", "gamma")
_RENYI = ("vr-iwae", "vr-iwae-dreg")
_LEAST = {"order": 0, "groups": 1, "auxiliary": 1, "partitions": 1}


def facts_of(name: str) -> Facts:
    """Facts of a named objective.

    Raises:
      UserError: unknown name.
    """
    if name not in FACTS:
        raise UserError(f"unknown objective '{name}': {nearest(name, NAMES)}")
    return FACTS[name]


def resolve(name: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The objective's options with defaults filled in; None means that an option is not given.

    Raises:
      UserError: unknown name, an option that the objective does not read, or a value outside its range.
    """
    facts = facts_of(name)
    given = {option: value for option, value in (given or {}).items() if value is not None}
    for option, value in given.items():
        if option not in facts.options:
            readers = ", ".join(other for other, theirs in FACTS.items() if option in theirs.options)
            raise UserError(
                f"{name} does not read {option}={value}; "
                + (f"{option} is for {readers}" if readers else "no objective does")
            )
    options = {**facts.options, **given}
    for option, value in options.items():
        _check_option(name, option, value)
    if options.get("form") == "closed" and options["order"] != 1:
        raise UserError(f"{name} has its closed form for order=1 only, got order={options['order']}; use form=masked")
    return options


def shared_options(name: str, other: str) -> tuple[str, ...]:
    """Options that mean the same to two objectives: those that both read with the same default. `alpha`, for example,
    is a weight for dreg-alpha and an order for vr-iwae."""
    ours, theirs = facts_of(name).options, facts_of(other).options
    return tuple(option for option, default in ours.items() if option in theirs and theirs[option] == default)


def _check_option(name: str, option: str, value) -> None:
    if option in CHOICES and value not in CHOICES[option]:
        raise UserError(f"{option} of {name} must be {' or '.join(CHOICES[option])}, got {value!r}")
    if name in _RENYI and option == "alpha" and not 0.0 <= number(value) < 1.0:
        raise UserError(
            f"alpha of {name} must be at least 0 and less than 1, got {value}; its limit at 1, the ELBO, is ciwae with "
            "beta=1, and below 0 there is no bound"
        )
    if option in _UNIT_INTERVAL and not 0.0 <= number(value) <= 1.0:
        raise UserError(f"{option} of {name} must lie between 0 and 1, got {value}")
    if option in _LEAST and not is_whole(value, _LEAST[option]):
        raise UserError(f"{option} of {name} must be an integer of at least {_LEAST[option]}, got {value!r}")
    if option == "first" and not 0.0 < number(value) < 1.0:
        raise UserError(f"first of {name}, the lowest positive node, must lie strictly between 0 and 1, got {value}")


def minimum_samples(name: str, options: Mapping[str, Any] | None = None) -> int:
    """The least K for which the objective is defined."""
    options = resolve(name, options)
    if "order" in options:
        return options["order"] + 1
    if "groups" in options:
        return options["groups"]
    if "auxiliary" in options:
        return options["auxiliary"] + 2
    return 2 if name in ("rws-dreg-norm", "dreg-cv", "vargrad", "vimco", "ovis", "tvo") else 1


def check_samples(
    name: str, samples: int, options: Mapping[str, Any] | None = None, batch_size: int = 1, antithetic: bool = False
) -> None:
    """Refuses numbers of samples for which the objective is not defined or whose tables are too large.

    Args:
      samples: K, all samples of an example.
      options: the objective's, as for `resolve`.
      batch_size: examples at once, for the size of the jackknife's table.
      antithetic: whether half of the samples mirror the others.
    Raises:
      UserError: too few samples, samples that do not divide into groups, odd K with antithetic sampling, or a table too
        large.
    """
    options = resolve(name, options)
    least = minimum_samples(name, options)
    if samples < least:
        settings = ", ".join(
            f"{option}={options[option]}" for option in ("order", "groups", "auxiliary") if option in options
        )
        owner = f"{name} with {settings}" if settings else name
        raise UserError(f"{owner} needs at least {least} samples, got {samples}; raise num_samples")
    if samples % options.get("groups", 1):
        raise UserError(
            f"{name} divides its samples into {options['groups']} equal groups, which {samples} samples do not allow"
        )
    if antithetic and samples % 2:
        raise UserError(f"antithetic sampling mirrors half of the samples, so num_samples must be even, got {samples}")
    if options.get("form") == "masked":
        _check_table(name, options["order"], samples, batch_size)


def _check_table(name: str, order: int, samples: int, batch_size: int) -> None:
    subsets = subset_count(samples, order)
    table = 4 * subsets * samples * batch_size
    if table > LARGEST_TABLE:
        way_out = (
            "use form=closed, fewer samples or a smaller batch"
            if order == 1
            else "use a lower order, fewer samples or a smaller batch"
        )
        raise UserError(
            f"{name} of order {order} at {samples} samples has {subsets:,} subsets; with batches of {batch_size} they "
            f"need {table / 2**20:,.0f} MiB a table, more than {LARGEST_TABLE // 2**20}; {way_out}"
        )


def subset_count(samples: int, order: int) -> int:
    """The number of subsets of K samples with at most `order` left out."""
    return sum(comb(samples, left_out) for left_out in range(order + 1))


def references(name: str, options: Mapping[str, Any] | None = None) -> tuple[tuple[str, dict[str, Any], float], ...]:
    """The objectives, with options and weights, whose mean inference gradient this one is compared with.

    Returns:
      ((name, options, weight), ...): one entry, two for dreg-alpha.
    """
    options = resolve(name, options)
    facts = facts_of(name)
    if name == "dreg-alpha":
        return ("iwae", {}, 1.0 - options["alpha"]), ("rws", {}, options["alpha"])
    if name == "vargrad":
        return (("ciwae", {"beta": 1.0}, 1.0),)  # L_1
    theirs = {option: value for option, value in options.items() if option in FACTS[facts.target].options}
    return ((facts.target, theirs, 1.0),)


def is_unbiased(name: str, options: Mapping[str, Any] | None = None) -> bool:
    """Whether the mean inference gradient is that of `references` at these options."""
    options = resolve(name, options)
    return options["gamma"] == 0.0 if name == "ovis" else facts_of(name).unbiased
