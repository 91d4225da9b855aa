"""Batches divided among devices: equal noise, equal gradients and equal runs on one and on two replicas; what is
refused.

Two replicas are two logical CPU devices, which have to be made before TensorFlow starts: `two_devices.py` trains in a
process of its own. Two workers are two processes of this machine. Equal means up to the order of float32 sums (the DReG
models: of float64 sums).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from ports import free_ports

from igr_suite import randomness
from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.families.dni.config import TrainDNI
from igr_suite.families.dni.copy_rnn_config import TrainCopyRNN
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.mixture.config import TrainMixture
from igr_suite.families.sbn.config import TrainSBN
from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs import strategies
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.strategy import Replicas

HERE = Path(__file__).parent
# of float32 numbers, measured below 2e-7; with noise of the replicas' own gradients are more than 0.1 apart
EQUAL = 1e-6


def environment(**variables: str) -> dict[str, str]:
    threads = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    return (
        os.environ
        | threads
        | {"PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
        | variables
    )


def finished(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err[-3000:]
    return out


def started(*words: str, **variables: str) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *words], stdout=pipe, stderr=pipe, text=True, env=environment(**variables))


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> dict:
    """What two_devices.py found with two of its models."""
    return found_by(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def compared_all(tmp_path_factory) -> dict:
    """What it found with all of them, and one run by its executor."""
    return found_by(tmp_path_factory.mktemp("runs"), "all")


def found_by(folder: Path, *words: str) -> dict:
    process = started(str(HERE / "two_devices.py"), str(folder), *words)
    return json.loads(finished(process).splitlines()[-1])


def test_an_example_meets_the_same_noise_on_every_number_of_replicas(compared):
    assert compared["replicas"] == 2
    assert len(compared["noise"]) == 9
    assert all(compared["noise"].values()), compared["noise"]


def test_gradients_and_weights_on_two_replicas_are_those_on_one(compared):
    """A sum in the place of a mean would put gradients 100% apart."""
    close(compared["apart"], 2)


@pytest.mark.sweep
def test_so_they_are_for_every_kind_of_model(compared_all):
    close(compared_all["apart"], 5)


def close(distances: dict, models: int) -> None:
    assert len(distances) == models
    for name, apart in distances.items():
        least = 1e-12 if name.startswith("DReG") else EQUAL
        assert apart["gradient"] < least and apart["state"] < least, (name, apart)
        assert apart["scalars"] < EQUAL, (name, apart)


def test_noise_of_the_replicas_own_would_show(compared):
    assert compared["own noise"]["gradient"] > 0.1


def test_one_worker_is_one_device(compared):
    assert compared["one worker"] == {"scalars": 0.0, "gradient": 0.0, "state": 0.0}


def numbers(rows: list[dict]) -> list[list[float]]:
    return [list(row.values()) for row in rows]


def test_a_run_goes_on_with_and_without_a_strategy(compared):
    """Bitwise with the same one; every run has the same rows and weights up to the order of sums."""
    runs = compared["runs"]
    assert runs["mirrored then mirrored"] == runs["mirrored"]
    assert len(runs) == 6
    for name, run in runs.items():
        assert len(run["rows"]) == 12, name
        for one, other in zip(numbers(run["rows"]), numbers(runs["plain"]["rows"])):
            assert one == pytest.approx(other, rel=1e-5), name
        assert run["weights"] == pytest.approx(runs["plain"]["weights"], abs=1e-5), name  # a step of Adam is 1e-2


def test_meta_says_how_batches_are_divided(compared):
    runs = compared["runs"]
    assert runs["plain"]["note"] is None and runs["mirrored then plain"]["note"] is None
    note = runs["plain then mirrored"]["note"]
    assert (note["name"], note["replicas"], note["processes"]) == ("mirrored", 2, 1)
    assert [device.rpartition("/")[2] for device in note["devices"]] == ["device:CPU:0", "device:CPU:1"]
    assert note["batch"] == "global batch 12 = 2 x 6, as large as on one device"


def test_a_batch_has_to_be_divisible(compared):
    assert compared["refusals"]["rows"].startswith(
        "a batch of 13 examples cannot be divided among 2 devices; let the strategy see fewer"
    )


@pytest.mark.sweep
def test_two_workers_train_one_run(compared_all, tmp_path, monkeypatch):
    """Both go through the run of two_devices.py, and the first one alone writes."""
    monkeypatch.syspath_prepend(str(HERE))
    from two_devices import RUN

    path = tmp_path / RUN.run_id
    RunFolder(path).open(RUN).close()
    places = [f"localhost:{port}" for port in free_ports(2)]
    processes = []
    for index in range(2):
        cluster = {"cluster": {"worker": places}, "task": {"type": "worker", "index": index}}
        variables = {"TF_CONFIG": json.dumps(cluster), "IGR_STRATEGY": "multi_worker", "TMPDIR": str(tmp_path)}
        processes.append(started("-m", "igr_suite.lab.running.worker", "--folder", str(path), **variables))
    for process in processes:
        finished(process)
    run = RunFolder(path)
    for one, other in zip(numbers(run.metrics.rows()), numbers(compared_all["rows of one process"]), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    assert run.finished
    note = run.meta()["strategy"]
    assert (note["replicas"], note["processes"]) == (2, 2)
    assert [place.name for place in tmp_path.iterdir()] == [path.name], "the second worker's folder is gone"


def test_one_device_is_one_replica(tmp_path, capsys):
    replicas = Replicas("mirrored")
    assert replicas.count == 1
    folder = RunFolder(tmp_path)
    replicas.announce(100, folder)
    sentence = "there is one device only, which takes the whole batch of 100"
    assert folder.meta()["strategy"]["batch"] == sentence
    assert sentence in capsys.readouterr().err
    Replicas().announce(100, folder)
    assert folder.meta()["strategy"] is None, "the run has gone on without it"


def test_a_draw_that_names_no_batch_is_refused_on_replicas():
    class Context:
        num_replicas_in_sync, replica_id_in_sync_group = 2, 0

    original, tf.distribute.get_replica_context = tf.distribute.get_replica_context, Context
    try:
        with pytest.raises(ValueError, match="has to name the axis of its batch"):
            randomness.uniform((2, 3), tf.constant([1, 2]))
    finally:
        tf.distribute.get_replica_context = original


@pytest.mark.parametrize("kind", [TrainSBN, TrainRelax, TrainDNI, TrainHalfMNIST, TrainCopyRNN])
def test_models_of_which_nothing_is_proved_are_refused(kind):
    config = kind()
    sentence = (
        f"{config.run_id} cannot be trained with the strategy mirrored: a step of a {kind.__name__} run is not "
        f"known to be a mean"
    )
    with pytest.raises(UserError, match=sentence):
        strategies.check([config], "mirrored")
    strategies.check([config], None)


@pytest.mark.parametrize(
    "config, key",
    [
        (TrainVAE().with_values({"model.name": "IGR_SB_Dis"}), "model.truncation=batch keeps the sticks"),
        (
            TrainVAE().with_values({"model.name": "IGR_SB_Dis", "model.truncation": "historical"}),
            "model.truncation=historical keeps",
        ),
        (
            TrainMixture().with_values({"model.name": "DLGMM_IGR_SB", "model.objective": "historical"}),
            "model.truncation=batch keeps the components",
        ),
    ],
)
def test_truncation_by_the_batch_is_refused(config, key):
    with pytest.raises(UserError, match=f"{key}.* set model.truncation=sample"):
        strategies.check([config], "mirrored")
    strategies.check(
        [config.with_values({"model.truncation": "sample"}), TrainVAE(), TrainDReG(), TrainStructured()], "multi_worker"
    )


def test_unknown_strategies_and_clusters_are_refused(monkeypatch, capsys, tmp_path):
    run = ["run", "igr/discrete_vae", "--scale", "smoke", "--results", str(tmp_path), "--no-plot"]
    assert main([*run, "--strategy", "miror"]) == 2
    assert "unknown strategy 'miror': did you mean 'mirrored'" in capsys.readouterr().err
    assert main([*run, "--strategy", "mirrored", "--set", "model.truncation=batch", "--only", "IGR_SB_Dis"]) == 2
    assert "cannot be trained with the strategy mirrored: model.truncation=batch" in capsys.readouterr().err
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}')
    assert strategies.workers() == (0, 2)
    assert main([*run, "--strategy", "multi_worker", "--only", "GS_Dis"]) == 2
    assert "starts one process and TF_CONFIG (or SLURM) speaks of 2; use `igr submit" in capsys.readouterr().err
    monkeypatch.setenv("TF_CONFIG", "nonsense")
    with pytest.raises(UserError, match="TF_CONFIG must be like"):
        strategies.workers()
    monkeypatch.delenv("TF_CONFIG")
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "3")
    assert strategies.workers() == (1, 3)


def test_a_strategy_is_submitted_with_the_machines_that_it_takes(monkeypatch, capsys, tmp_path):
    words = [
        "submit",
        "igr/discrete_vae",
        "--scale",
        "smoke",
        "--results",
        str(tmp_path),
        "--only",
        "GS_Dis",
        "--dry-run",
    ]
    assert main([*words, "--strategy", "multi_worker", "--nodes", "2", "--gpus", "4"]) == 0
    text = capsys.readouterr().out
    for line in ("--nodes=2", "--ntasks-per-node=1", "--ntasks=2", "--gpus-per-task=4"):
        assert f"#SBATCH {line}\n" in text
    assert "export IGR_STRATEGY=multi_worker\n" in text and "\nsrun --kill-on-bad-exit=1 " in text
    assert main([*words, "--nodes", "2"]) == 2
    assert "--nodes 2 needs --strategy multi_worker" in capsys.readouterr().err
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "IGR_STRATEGY" not in text and "srun" not in text and "--nodes" not in text
