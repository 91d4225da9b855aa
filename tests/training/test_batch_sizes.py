"""Every family of runs that trains in batches: a batch larger than the training split is refused in a sentence before
training, one as large trains."""

import dataclasses
import re

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.lab.running.discovery import find, names
from igr_suite.lab.running.experiment import expand
from igr_suite.lab.runs.config import RunConfig, executor_of
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.loop import Plan


def batch_size(config: RunConfig) -> int | None:
    return getattr(getattr(config, "schedule", None), "batch_size", None)


def trained_in_batches(place) -> dict[str, RunConfig]:
    """Family -> the first smoke run of the suite that trains in batches."""
    found = {}
    for name in names():
        for config in expand(find(name), "smoke", place, {}).runs.values():
            if batch_size(config) is not None:
                found.setdefault(type(config).__name__, config)
    return found


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    return trained_in_batches(tmp_path_factory.mktemp("results"))


FAMILIES = (
    "TrainDNI",
    "TrainDReG",
    "TrainHalfMNIST",
    "TrainHardVAE",
    "TrainMixture",
    "TrainRelax",
    "TrainSBN",
    "TrainStructured",
    "TrainVAE",
)


def test_these_are_the_families(families):
    assert tuple(sorted(families)) == FAMILIES


def resized(config: RunConfig, size: int) -> RunConfig:
    few = {"data.train_limit": 12, "data.evaluation_limit": 60} if hasattr(config.data, "train_limit") else {}
    return config.with_values({"schedule.batch_size": size, **few})


def refused(config: RunConfig, place) -> int:
    """Asserts that a run ends with the sentence before training, and returns the size of its training split."""
    with RunFolder(place / config.run_id).open(config) as folder:
        with pytest.raises(
            UserError, match=f"a batch of {batch_size(config)} examples is larger than the split, which has"
        ) as found:
            executor_of(config)(config, folder)
        assert not folder.metrics.rows() and not folder.checkpoints.exists()
    return int(re.search(r"which has (\d+); set the batch size", str(found.value))[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_larger_than_the_split_is_refused_before_training(families, tmp_path, family):
    size = refused(resized(families[family], 1_000_000), tmp_path)
    assert size in (12, 72), "the training images, or these and the validation images"
    assert refused(resized(families[family], size + 1), tmp_path) == size


@pytest.mark.sweep
@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_as_large_as_the_split_trains(families, tmp_path, family):
    config = resized(families[family], refused(resized(families[family], 1_000_000), tmp_path))
    with RunFolder(tmp_path / config.run_id).open(config) as folder:
        executor_of(config)(config, folder)
        assert folder.finished and folder.metrics.rows()[-1]["step"] > 0


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("stored_order", [False, True])
def test_one_batch_may_be_the_whole_split(fill, stored_order):
    plan = Plan(examples=10, batch_size=10, epochs=3, evaluate_every=1, seed=0, fill=fill, stored_order=stored_order)
    assert plan.steps_per_epoch == 1 and plan.steps == 3
    step, stops = 0, []
    while step < plan.steps:
        stop = plan.next_stop(step)
        assert np.array_equal(np.sort(plan.orders(step, stop)[0]), np.arange(10))
        stops.append(step := stop)
    assert stops == [1, 2, 3] and all(plan.logs(stop) and plan.evaluates(stop) for stop in stops)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"batch_size": 11}, "larger than the split, which has 10"), ({"batch_size": 0}, "at least 1")],
)
def test_a_plan_without_a_step_cannot_be_made(changes, sentence):
    plan = Plan(examples=10, batch_size=5, epochs=1, evaluate_every=1, seed=0)
    with pytest.raises(UserError, match=sentence):
        dataclasses.replace(plan, **changes)
