"""Experiments: stages, settings, data sets and where results go."""

import pytest
from dummy_runs import Count

from igr_suite.errors import UserError
from igr_suite.families.vae.presets import default
from igr_suite.lab import Experiment, RunFolder
from igr_suite.lab.running.experiment import expand
from igr_suite.lab.running.places import parse_settings, scale_folder


def finish(folder, config):
    with RunFolder(folder / config.run_id).open(config) as run:
        run.write_summary({"total": config.until})


def test_later_stages_wait_and_see_the_settings(tmp_path):
    first = [Count(seed=1), Count(seed=2)]
    stages = (
        lambda scale, results: first,
        lambda scale, results: [Count(seed=9, until=sum(s["total"] for s in results.all(first)))],
    )
    experiment, settings = Experiment(paper="p", item="i", stages=stages), {"until": "5"}
    assert expand(experiment, "smoke", tmp_path, settings).waiting == 2
    for config in first:
        finish(tmp_path, config)
    assert expand(experiment, "smoke", tmp_path, settings).waiting == 2
    assert expand(experiment, "smoke", tmp_path).waiting is None
    for config in first:
        finish(tmp_path, config.with_values(settings))
    expansion = expand(experiment, "smoke", tmp_path, settings)
    assert expansion.waiting is None and [config.until for config in expansion.runs.values()] == [5, 5, 5]


def test_equal_runs_are_one_run(tmp_path):
    experiment = Experiment(paper="p", item="i", runs=lambda scale: [Count(seed=seed) for seed in (1, 1, 2)])
    assert len(expand(experiment, "quick", tmp_path).runs) == 2
    assert len(expand(experiment, "quick", tmp_path, {"seed": "3"}).runs) == 1


def test_runs_that_are_left_out_need_not_take_the_settings(tmp_path):
    experiment = Experiment(paper="p", item="i", runs=lambda scale: [default("VAE"), default("GS_Dis")])
    settings = {"model.temperature": "0.3"}
    with pytest.raises(UserError, match="not used by VAE"):
        expand(experiment, "quick", tmp_path, settings)
    for options in ({"wanted": lambda run_id: "GS" in run_id}, {"lenient": True}):
        kept = expand(experiment, "quick", tmp_path, settings, **options).runs.values()
        assert [(config.model.name, config.model.temperature) for config in kept] == [("GS_Dis", 0.3)]
    with pytest.raises(UserError, match="unknown key"):
        expand(experiment, "quick", tmp_path, {"model.temperatur": "0.3"}, lenient=True)


def test_a_later_stage_that_reads_runs_which_cannot_take_the_settings_has_none(tmp_path):
    first = [default("VAE"), default("GS_Dis")]

    def later(scale, results):
        results.require([results.changed(run) for run in first])
        return [Count(seed=1)]

    experiment = Experiment(paper="p", item="i", stages=(lambda scale, results: first, later))
    settings = {"model.temperature": "0.3"}
    for options in ({"wanted": lambda run_id: "GS" in run_id}, {"lenient": True}):
        found = expand(experiment, "quick", tmp_path, settings, **options)
        assert [run.model.name for run in found.runs.values()] == ["GS_Dis"] and found.waiting is None
    none = expand(experiment, "quick", tmp_path, settings, lambda run_id: False)
    assert not none.runs, "whoever asked for them says that no name matches"
    for options in ({}, {"wanted": lambda run_id: "VAE" in run_id}):
        with pytest.raises(UserError, match="not used by VAE"):
            expand(experiment, "quick", tmp_path, settings, **options)
    with pytest.raises(UserError, match="unknown key"):
        expand(experiment, "quick", tmp_path, {"model.temperatur": "0.3"}, lenient=True)
    assert expand(experiment, "quick", tmp_path, {"seed": "3"}).waiting == 2


def test_datasets_are_those_of_the_scale_or_the_one_that_is_set(tmp_path):
    seen = []
    stage = lambda scale, results: seen.append(results.datasets) or []  # noqa: E731
    experiment = Experiment(paper="p", item="i", stages=(stage,), datasets={"quick": ("mnist", "omniglot")})
    for scale, settings in (("quick", {}), ("smoke", {}), ("quick", {"data.name": "mnist_5k"})):
        expand(experiment, scale, tmp_path, settings)
    assert seen == [("mnist", "omniglot"), (), ("mnist_5k",)]


def test_data_sets_that_may_be_absent_are_left_out_until_they_are_asked_for_or_have_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    stages = (lambda scale, results: [default("VAE", data=name) for name in results.datasets],)
    names = ("mnist_5k", "mnist", "celeb_a")
    experiment = Experiment(paper="p", item="i", stages=stages, datasets={"paper": names}, if_prepared=("celeb_a",))

    def of(settings=None, **options):
        expansion = expand(experiment, "paper", tmp_path / "runs", settings, **options)
        return tuple(config.data.name for config in expansion.runs.values()), expansion.left_out

    assert of() == (("mnist_5k", "mnist"), ("celeb_a",)), "mnist is absent too, but its runs are to be refused"
    assert of({"data.name": "celeb_a"}) == (("celeb_a",), ())
    prepared = tmp_path / "prepared" / "celeb_a" / "2.1.0"
    prepared.mkdir(parents=True)
    (prepared / "dataset_info.json").write_text(
        '{"splits": [{"name": "train"}, {"name": "validation"}, {"name": "test"}]}'
    )
    for split in ("train", "validation", "test"):
        (prepared / f"celeb_a-{split}.tfrecord-00000-of-00001").touch()
    assert of(data_dir=str(tmp_path / "prepared")) == (names, ())
    finish_vae = default("VAE", data="celeb_a")
    with RunFolder(tmp_path / "runs" / finish_vae.run_id).open(finish_vae) as run:
        run.write_summary({})
    assert of() == (names, ()), "results that were made elsewhere are drawn"


def test_changed_runs_go_to_a_folder_of_their_own(tmp_path):
    experiment = Experiment(paper="p", item="i", runs=lambda scale: [])
    names = [
        scale_folder(tmp_path, experiment, "quick", parse_settings(pairs)).name
        for pairs in ([], ["b=1", "a=2"], ["a=2", "b=1"])
    ]
    assert names == ["quick", "quick+a=2,b=1", "quick+a=2,b=1"]
    hashed = scale_folder(tmp_path, experiment, "quick", {"a": "x/y"}).name
    assert len(hashed) == len("quick+12345678") and "/" not in hashed
    assert parse_settings(["a=b=c"], data="mnist") == {"a": "b=c", "data.name": "mnist"}


def test_experiment_needs_runs_or_stages():
    with pytest.raises(UserError, match="needs either runs"):
        Experiment(paper="p", item="i")


def test_what_a_figure_cannot_show_is_refused_before_anything_runs(tmp_path):
    about = {"until": ("3", "5"), "model.options": ()}
    experiment = Experiment(paper="p", item="i", runs=lambda scale: [Count(until=3)], about=about)
    assert [config.until for config in expand(experiment, "quick", tmp_path, {"until": "5"}).runs.values()] == [5]
    with pytest.raises(UserError, match="p/i is about until=3 or 5 and cannot show 4"):
        expand(experiment, "quick", tmp_path, {"until": "4"})
    with pytest.raises(UserError, match="p/i cannot show runs with model.options.x=1"):
        expand(experiment, "quick", tmp_path, {"model.options.x": "1"})
