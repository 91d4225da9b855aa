"""Which settings are one value and which are the values of a grid."""

import pytest
from dummy_runs import Count, Pace

from igr_suite.errors import UserError
from igr_suite.lab.running.experiment import Experiment, expand, grid_of
from igr_suite.lab.running.grids import points, varied
from igr_suite.lab.running.places import parse_settings, scale_folder
from igr_suite.lab.running.sweeps import Sweep, beside, read, record, sweeps_of

CONFIGS = [Count(until=3), Count(until=4, pace=Pace(marks=(1,)))]
EXPERIMENT = Experiment(paper="p", item="i", runs=lambda scale: [Count(until=3, seed=seed) for seed in range(2)])


@pytest.mark.parametrize(
    ("path", "text", "texts"),
    [
        ("until", "5", None),
        ("until", "5,6", ("5", "6")),
        ("until", " 5 , 6, 5", ("5", "6")),
        ("pace.seconds", "1e-3,0.5", ("1e-3", "0.5")),
        ("pace.fail", "no,user", ("no", "user")),  # one of several words
        ("pace.marks", "1,2", None),  # a list
        ("pace.marks", "(1,2)", None),
        ("pace.marks", "(1,2),(3,)", ("(1,2)", "(3,)")),
        ("pace.marks", "[1,2],[]", ("[1,2]", "[]")),
        ("pace.name", "a,b", None),  # any text, or none
        ("pace.name", ("a,b", "c"), ("a,b", "c")),  # set twice
        ("pace.marks", ("1,2", "3"), ("1,2", "3")),
        ("until", ("5", "5"), None),
        ("until", "5,x", None),  # no value at all: refused with its whole text
        ("until", "5,", None),
        ("unknown", "5,6", None),
        ("pace", "5,6", None),
    ],
)
def test_commas_make_a_grid_only_where_the_field_takes_no_such_text(path, text, texts):
    assert varied({path: text}, CONFIGS) == ({} if texts is None else {path: texts})


def test_a_text_that_a_field_takes_but_its_config_refuses_is_a_grid():
    """As the name of an estimator: any text by its type, known names by the config."""
    from igr_suite.families.sbn.config import SBNConfig, TrainSBN

    config = TrainSBN(model=SBNConfig(estimator="disarm"))
    assert varied({"model.estimator": "disarm,rloo"}, [config]) == {"model.estimator": ("disarm", "rloo")}


def test_points_are_the_product_of_the_values():
    settings = {"until": "5,6", "seed": ("0", "1"), "pace.seconds": "0"}
    grid = varied(settings, CONFIGS)
    assert points(settings, grid) == [
        {"until": until, "seed": seed, "pace.seconds": "0"} for until in ("5", "6") for seed in ("0", "1")
    ]
    assert points({"until": "5"}, {}) == [{"until": "5"}] and points({}, {}) == [{}]
    with pytest.raises(UserError, match=r"the grid until \(200\) x seed \(200\) has 40,000 points"):
        points({}, {"until": tuple(map(str, range(200))), "seed": tuple(map(str, range(200)))})


def test_settings_of_a_command_line():
    assert parse_settings(["a=1", "a=2", "b=3,4", "a=1"]) == {"a": ("1", "2"), "b": "3,4"}
    assert parse_settings(["data.name=x", "data.name=y"]) == {"data.name": "x,y"}, "data sets, as --data has them"
    assert parse_settings(["a=1"], from_file=["a=1", "b=2"]) == {"a": "1", "b": "2"}
    for pairs, data, file in ((["a=1"], None, ["a=2"]), (["a=1", "a=2"], None, ["a=1"]), (["data.name=x"], "y", [])):
        with pytest.raises(UserError, match="is set twice, to '"):
            parse_settings(pairs, data, file)


def test_the_runs_of_a_sweep_are_those_of_all_points(tmp_path):
    expansion = expand(EXPERIMENT, "smoke", tmp_path, {"until": "5,6"})
    assert [(config.until, config.seed) for config in expansion.runs.values()] == [(5, 0), (5, 1), (6, 0), (6, 1)]
    assert [config.until for config in expand(EXPERIMENT, "smoke", tmp_path, {"until": "5"}).runs.values()] == [5, 5]
    with pytest.raises(UserError, match="until must be an integer, got '5,x'"):
        expand(EXPERIMENT, "smoke", tmp_path, {"until": "5,x"})
    with pytest.raises(UserError, match="did you mean 'pace.seconds'"):
        expand(EXPERIMENT, "smoke", tmp_path, {"pace.secs": "5,6"})


def test_stages_belong_to_their_point(tmp_path):
    """A later stage reads the summaries of its own point; the others may still wait."""
    from igr_suite.lab.runs.store import RunFolder

    first = [Count(until=3)]
    experiment = Experiment(
        paper="p",
        item="i",
        stages=(
            lambda scale, results: first,
            lambda scale, results: [Count(until=9, seed=results.all(first)[0]["total"])],
        ),
    )
    settings = {"pace.seconds": "0.1,0.2"}
    assert expand(experiment, "smoke", tmp_path, settings).waiting == 2
    config = first[0].with_values({"pace.seconds": "0.2"})
    with RunFolder(tmp_path / config.run_id).open(config) as folder:
        folder.write_summary({"total": 7})
    expansion = expand(experiment, "smoke", tmp_path, settings)
    seen = sorted((config.until, config.seed, config.pace.seconds) for config in expansion.runs.values())
    assert seen == [(3, 0, 0.1), (3, 0, 0.2), (9, 7, 0.2)] and expansion.waiting == 2


def test_a_sweep_is_found_by_its_file(tmp_path):
    settings = {"until": "5,6", "pace.name": ("a", "b")}
    grid = grid_of(EXPERIMENT, "smoke", tmp_path, settings)
    folder = scale_folder(tmp_path, EXPERIMENT, "smoke", settings)
    single = scale_folder(tmp_path, EXPERIMENT, "smoke", {"until": "5"})
    assert sweeps_of(tmp_path, EXPERIMENT, "smoke") == [] and read(folder) is None
    record(folder, Sweep(settings, grid, ("s0",)))
    record(folder, Sweep(settings, grid, ("s1", "s0")))
    assert sweeps_of(tmp_path, EXPERIMENT, "smoke") == [Sweep(settings, grid, ("s0", "s1"))]
    assert read(folder).words == "until=5,6 x pace.name=a,b"
    record(folder, Sweep(settings, grid))
    assert read(folder).only == ()
    assert folder != scale_folder(tmp_path, EXPERIMENT, "smoke", settings | {"pace.name": "a,b"}), "another setting"
    for text in ("{", "[]", '{"settings": {}, "varied": {}, "only": []}', '{"settings": {"a": 1}, "varied": {"a": 2}}'):
        (folder / "sweep.json").write_text(text)
        assert read(folder) is None and sweeps_of(tmp_path, EXPERIMENT, "smoke") == []
    record(folder, Sweep(settings, grid))
    single.mkdir()
    assert beside(tmp_path, EXPERIMENT, "smoke", {"until": "5"}) == [folder]
    assert beside(tmp_path, EXPERIMENT, "smoke", settings) == [single]
