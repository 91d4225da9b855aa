"""Run configs: identity, reading back, and what is said about wrong keys and values."""

from dataclasses import dataclass

import pytest
from dummy_runs import Count, Pace

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, added_later, config_from_json, config_to_json, flatten

GONE_KEY = '{"kind": "Count", "module": "dummy_runs", "config": {"gone": 1}}'
GONE_CLASS = '{"kind": "A", "module": "b", "config": {}}'


@dataclass(frozen=True, kw_only=True)
class Nested(RunConfig):
    pace: Pace | None = None
    size: float | tuple[int, int] = 1.0


def test_run_id_is_what_it_was_when_results_were_committed():
    assert Count().run_id == "count-3-s0-072510eb"


def test_run_id_does_not_depend_on_how_a_number_is_written():
    assert Count(pace=Pace(seconds=1)).run_id == Count(pace=Pace(seconds=1.0)).run_id
    assert Count(pace=Pace(marks=[1, 2])).run_id == Count(pace=Pace(marks=(1, 2))).run_id
    assert Count(seed=1).run_id != Count(seed=2).run_id


def test_an_option_added_later_keeps_the_names_of_the_runs_before_it():
    @dataclass(frozen=True, kw_only=True)
    class Grown(Pace):
        smooth: float = added_later(0.0)

    @dataclass(frozen=True, kw_only=True)
    class Before(RunConfig):
        pace: Pace = Pace()

    @dataclass(frozen=True, kw_only=True)
    class After(RunConfig):
        pace: Grown = Grown()
        extra: str | None = added_later(None)

    def digest(config):
        return config.run_id.rsplit("-", 1)[1]

    After.__name__ = "Before"  # the class of a published run does not change its name
    assert digest(After()) == digest(Before())
    assert digest(After(pace=Grown(smooth=0.5))) != digest(Before()) != digest(After(extra="x"))
    assert After().to_dict()["extra"] is None, "config.json shows every option"


def test_slug_becomes_a_file_name():
    class StepDecay(Count):
        def slug(self):
            return "a/b c:d" + "x" * 200

    assert StepDecay().run_id.startswith("a-b-c-dxxx")
    assert len(StepDecay().run_id) == 89


@pytest.mark.parametrize(
    "config", [Count(), Count(pace=Pace(marks=(1, 2), name="x")), Nested(), Nested(pace=Pace(), size=(1, 2))]
)
def test_json_gives_the_config_back(config):
    assert config_from_json(config_to_json(config)) == config
    assert type(config).from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("until", "1e3", 1000),
        ("until", "7", 7),
        ("pace.seconds", "3e-4", 3e-4),
        ("pace.fail", "user", "user"),
        ("pace.marks", "1,2,3", (1, 2, 3)),
        ("pace.marks", "()", ()),
        ("pace.name", "none", None),
        ("pace.name", "3", "3"),
    ],
)
def test_settings_are_parsed_by_the_type_of_their_field(path, text, value):
    config = Count(pace=Pace(name="before", marks=(9,))).with_values({path: text})
    target = config.pace if path.startswith("pace") else config
    assert getattr(target, path.split(".")[-1]) == value


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("pace.secnds", "1", "unknown key 'pace.secnds' in a Count run: did you mean 'pace.seconds'?"),
        ("untl", "1", "did you mean 'until'?"),
        ("until.more", "1", "unknown key 'until.more'"),
        ("pace", "1", "pace is a group of settings, set one of its keys: pace.seconds"),
        ("until", "1.5", "until must be an integer, got '1.5'"),
        ("pace.seconds", "nan", "pace.seconds must be a finite number, got 'nan'"),
        ("pace.fail", "usr", "pace.fail must be one of 'no', 'user', 'bug', got 'usr'; did you mean 'user'?"),
        ("pace.marks", "1,a", "pace.marks must be a list"),
        ("until", "0", "until must be positive, got 0"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(path, text, sentence):
    with pytest.raises(UserError) as error:
        Count().with_values({path: text})
    assert sentence in str(error.value)


def test_a_key_below_an_absent_group_makes_the_group_with_its_defaults():
    assert Nested().with_values({"pace.seconds": "1"}) == Nested(pace=Pace(seconds=1.0))


@pytest.mark.parametrize(
    "bad", [{"until": "3"}, {"until": True}, {"pace": {"seconds": [1]}}, {"pace": 3}, {"pace": {"marks": ["a"]}}]
)
def test_values_of_the_wrong_type_are_refused(bad):
    with pytest.raises(UserError, match="must be"):
        Count.from_dict(bad)


def test_unknown_nested_key_names_the_whole_path():
    with pytest.raises(UserError, match=r"unknown key 'pace.scale' of Pace"):
        Count.from_dict({"pace": {"scale": 1}})


@pytest.mark.parametrize("text", ["", "{", "[]", GONE_KEY, GONE_CLASS])
def test_damaged_config_is_a_sentence(text):
    with pytest.raises(UserError, match="delete the run's folder"):
        config_from_json(text)


def test_flatten_gives_dotted_names():
    assert flatten(Count(pace=Pace(marks=(1,))).to_dict())["pace.marks"] == (1,)
