"""Executes a `TrainCopyRNN` config: windows of the copy task, the length reached, summary."""

import numpy as np
import tensorflow as tf

from igr_suite.families.dni.copy_rnn import CopyRNN
from igr_suite.families.dni.copy_rnn_config import TrainCopyRNN
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.loop import Plan, fit

WINDOWS_A_ROW = 1000  # the loop's epoch


def execute(config: TrainCopyRNN, folder: RunFolder) -> None:
    """Trains and writes the summary; goes on from the folder's last checkpoint if there is one."""
    model = CopyRNN(config)
    rows = min(WINDOWS_A_ROW, config.windows)
    plan = Plan(rows, 1, -(-config.windows // rows), 1, config.seed)
    folder.write_meta(parameters=sum(int(np.prod(v.shape)) for v in model.trained))

    def evaluate(step: int) -> dict[str, float]:
        # the longest sequence it has mastered is one shorter than the one it is working on
        return {"mastered": float(model.length.numpy() - 1), "running_bits": float(model.running.numpy())}

    with Interrupts() as interrupts:
        before = folder.meta().get("train_seconds", 0.0)
        seconds = fit(model, tf.zeros([rows, 1], tf.uint8), plan, folder, evaluate, interrupts)
        folder.write_meta(train_seconds=before + seconds)
    last = folder.metrics.rows()[-1]
    folder.write_summary({"steps": last.pop("step"), **last})
