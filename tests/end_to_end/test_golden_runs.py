"""Golden runs of the families that no other test runs from data to summary, and what golden values catch.

The golden runs of the other families are made by their own tests: `grep -rn "golden(" tests`.
"""

import json

import pytest
from golden_values import ABSOLUTE, PLACE, RELATIVE, Golden, differences, numbers_of

from igr_suite.families.dni.copy_rnn_config import TrainCopyRNN
from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.mixture.config import TrainMixture
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs.config import executor_of
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import loop

LIMITED = {
    "data.train_limit": 60,
    "data.evaluation_limit": 20,
    "schedule.epochs": 2,
    "schedule.batch_size": 20,
    "evaluation.importance_samples": 3,
    "optimiser.learning_rate": 0.003,
    "seed": 3,
}
RUNS = {
    "joint_vae": TrainVAE().with_values(
        LIMITED
        | {"model.name": "IGR_I", "model.architecture": "linear", "model.latent_dim": 2, "model.categories": 4}
        | {"model.capacity.continuous": "0,5,6", "model.capacity.discrete": "0,1,6"}
    ),
    "relax_vae": TrainRelax().with_values(
        LIMITED
        | {"model.architecture": "linear", "model.variables": 2, "model.categories": 3, "model.control_units": 4}
        | {"evaluation.variance_draws": 2, "evaluation.variance_images": 4}
    ),
    "hard_vae": TrainHardVAE().with_values(
        LIMITED
        | {"model.estimator": "dynamic_rebar", "model.architecture": "linear", "model.variables": 2}
        | {"model.categories": 3, "model.layers": 2, "model.prior": "trained"}
    ),
    "mixture_vae": TrainMixture().with_values(
        LIMITED | {"model.name": "DLGMM_IGR_SB", "model.components": 3, "model.dimensions": 2}
    ),
    "copy_rnn": TrainCopyRNN().with_values(
        {
            "model.units": 4,
            "model.window": 2,
            "model.sg_hidden": (5,),
            "task.bits": 2,
            "batch_size": 3,
            "windows": 12,
            "seed": 3,
        }
    ),
}
LEARNING_RATE = {"copy_rnn": "learning_rate"}  # the others': optimiser.learning_rate


@pytest.fixture(scope="module", autouse=True)
def in_graph_mode():
    """XLA would compile for seconds what is trained for six steps here."""
    compiled = loop.compiled_steps

    def plain(model, *arguments):
        model.jit_steps = False
        return compiled(model, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "compiled_steps", plain)
        yield


def executed(config, place) -> RunFolder:
    with RunFolder(place / config.run_id).open(config) as folder:
        executor_of(config)(config, folder)
    return folder


@pytest.mark.parametrize("family", RUNS)
def test_golden_values(golden, family, tmp_path):
    golden(family, executed(RUNS[family], tmp_path))


def moved(family: str, setting: str, value: object, place) -> list[str]:
    """The golden numbers that a change of one setting moves."""
    (committed,) = json.loads((PLACE / f"{family}.json").read_text()).values()
    return differences(numbers_of(executed(RUNS[family].with_values({setting: value}), place)), committed)


def faster(family: str) -> tuple[str, float]:
    """The setting of the learning rate, and a value 1% higher."""
    rate = RUNS[family].learning_rate if family in LEARNING_RATE else RUNS[family].optimiser.learning_rate
    return LEARNING_RATE.get(family, "optimiser.learning_rate"), 1.01 * rate


def test_a_learning_rate_1_percent_higher_and_another_seed_are_caught(tmp_path):
    """Negative control on the cheapest run; on all four with `make sweep`."""
    for setting, value in (faster("copy_rnn"), ("seed", 4)):
        assert moved("copy_rnn", setting, value, tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("family", RUNS)
def test_small_changes_are_caught_in_every_family(family, tmp_path):
    for setting, value in (faster(family), ("seed", 4)):
        assert moved(family, setting, value, tmp_path)


def test_a_moved_an_absent_and_a_new_number_fail_with_their_names(tmp_path):
    """Also that rewriting writes what is compared afterwards, to more digits than are compared."""
    with RunFolder(tmp_path / "run").open(RUNS["copy_rnn"]) as run:
        run.metrics.append(1, train_loss=0.123456789)
        run.write_summary({"steps": 1, "loss": 98.7654321, "zero": 0.0, "text": "a", "counts": [1, 2]})
    Golden(True, tmp_path)("family", run)
    compare = Golden(False, tmp_path)
    compare("family", run)
    content = json.loads((tmp_path / "family.json").read_text())
    (values,) = content.values()
    summary = {f"summary.{name}" for name in ("steps", "loss", "zero", "counts.0", "counts.1")}
    assert set(values) == summary | {"last.step", "last.train_loss"}
    for name, change, says in (
        ("summary.loss", 1 + 2 * RELATIVE, "summary.loss: golden 98"),
        ("summary.zero", None, "summary.zero: golden 2e-06, now 0"),
        ("summary.other", None, "summary.other: golden 2e-06, absent now"),
    ):
        changed = values | {name: values[name] * change if change else 2 * ABSOLUTE}
        (tmp_path / "family.json").write_text(json.dumps({run.config().run_id: changed}))
        with pytest.raises(AssertionError, match=says):
            compare("family", run)
    within = values | {"summary.loss": values["summary.loss"] * (1 + 0.5 * RELATIVE)}
    (tmp_path / "family.json").write_text(json.dumps({run.config().run_id: within}))
    compare("family", run)
    (tmp_path / "family.json").write_text(json.dumps({"another-run": values}))
    with pytest.raises(AssertionError, match="a config has changed"):
        compare("family", run)
