"""A decoupled model on two devices makes the step of the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def on_two_devices(*words: str) -> dict:
    variables = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]),
    }
    program = [sys.executable, "-W", "ignore", str(HERE / "decoupled_two_devices.py"), *words]
    done = subprocess.run(program, capture_output=True, text=True, env=variables, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def close(found: dict) -> None:
    for name, apart in found["apart"].items():
        assert apart["moved"] > 1e-3, (name, "nothing was learnt")
        assert apart["state"] < 1e-5 and apart["history"] < 1e-4 and apart["evaluation"] < 1e-5, (name, apart)


@pytest.mark.sweep
def test_two_replicas_make_the_step_of_the_whole_batch():
    """Batches of odd size and of one example, weights of examples, every kind of sum over the batch; what needs one
    device is refused."""
    found = on_two_devices()
    assert len(found["apart"]) == 1
    close(found)
    assert all(words in found["refused"][name] for name, words in REFUSED.items()), found["refused"]


@pytest.mark.sweep
def test_so_they_do_with_every_setting():
    found = on_two_devices("all")
    assert len(found["apart"]) > 15
    close(found)


REFUSED = {
    "accumulation": "gradient_accumulation_steps=2 of the optimiser",
    "averages": "ema_overwrite_frequency=2 of the optimiser",
    "several that clip": "leave clipping out, or train on one device",
    "XLA": "leave jit_compile=True out",
    "outside": "was made outside the scope of the strategy",
    "dropped updates": "p_update=0.5 leaves updates out",
}
