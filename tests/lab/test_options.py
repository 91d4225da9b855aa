"""Options of configs: None means not given; an option is refused where nothing reads it and has its default elsewhere;
a value that only followed from another setting is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.config_classes import package_classes
from igr_suite.lab.runs.options import Option, WithOptions, by_choice


@dataclass(frozen=True, kw_only=True)
class Part(WithOptions):
    """A shape and what it reads."""

    group: ClassVar[str] = "part"
    options: ClassVar[Mapping[str, Option]] = {
        **by_choice(
            "shape",
            {"circle": {"radius": 1.0}, "box": {"width": 2.0, "height": 2.0}, "tall": {"width": 2.0, "height": 8.0}},
        ),
        "corner": Option(
            lambda config: config.width / 4,
            read=lambda config: config.width is not None,
            unread="is read by boxes only",
        ),
        "label": Option(
            "no", read=lambda config: config.shape != "circle", unread="is read by boxes only", dropped=True
        ),
    }

    shape: str = "circle"
    radius: float | None = None
    width: float | None = None
    height: float | None = None
    corner: float | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shapes(RunConfig):
    """A run of one part."""

    part: Part = field(default_factory=Part)
    seed: int = 0


def test_defaults_are_taken_where_they_are_read_and_may_depend_on_earlier_ones():
    assert Part() == Part(shape="circle", radius=1.0)
    assert (Part(shape="tall").height, Part(shape="tall").corner, Part(shape="tall", width=4.0).corner) == (
        8.0,
        0.5,
        1.0,
    )
    assert Part(shape="box").radius is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"width": 3.0},
            r"part.width=3.0 is not used by circle, only by box, tall; leave it out, or pick runs with --only",
        ),
        ({"shape": "box", "radius": 3.0}, "part.radius=3.0 is not used by box, only by circle"),
        ({"corner": 1.0}, "part.corner=1.0 is read by boxes only; leave it out$"),
    ],
)
def test_what_is_not_read_is_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        Part(**given)


def test_a_changed_setting_takes_back_what_only_followed_from_it():
    box = Shapes(part=Part(shape="box"))
    assert box.with_values({"part.shape": "circle"}).part == Part()
    assert box.with_values({"part.shape": "tall"}).part == Part(shape="tall"), "the height is tall's, not the box's"
    assert box.with_values({"seed": "3"}).part == box.part


def test_a_chosen_value_is_kept_refused_or_dropped():
    chosen = Shapes(part=Part(shape="box", height=3.0))
    assert chosen.with_values({"part.shape": "tall"}).part.height == 3.0
    with pytest.raises(UserError, match="part.height=3.0 is not used by circle"):
        chosen.with_values({"part.shape": "circle"})
    labelled = Shapes(part=Part(shape="box", label="yes"))
    assert labelled.with_values({"part.shape": "tall"}).part.label == "yes"
    assert labelled.with_values({"part.shape": "circle"}).part.label is None
    with pytest.raises(UserError, match="part.label=yes is read by boxes only"):
        Shapes().with_values({"part.label": "yes"})


def test_a_default_that_depends_on_another_option_follows_it():
    box = Shapes(part=Part(shape="box"))
    assert box.with_values({"part.width": "8"}).part.corner == 2.0
    assert Shapes(part=Part(shape="box", corner=1.5)).with_values({"part.width": "8"}).part.corner == 1.5


def test_every_option_of_the_package_is_a_field_that_may_be_left_out():
    package_classes()
    parts = [cls for cls in WithOptions.__subclasses__() if cls.__module__.startswith("igr_suite.")]
    assert len(parts) >= 10
    for cls in parts:
        assert cls.options and all(cls.__dataclass_fields__[key].default is None for key in cls.options), cls
