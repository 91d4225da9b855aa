"""Executes a `TrainCopyRNN` config: windows of the copy task, the greatest length learnt, summary."""

import numpy as np
import tensorflow as tf

from igr_suite.families.dni.copy_rnn import CopyRNN
from igr_suite.families.dni.copy_rnn_config import TrainCopyRNN
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.executor import Training, train
from igr_suite.training.loop import Plan

WINDOWS_A_ROW = 1000  # windows of an epoch of the loop


def execute(config: TrainCopyRNN, folder: RunFolder) -> None:
    """Trains and writes the summary; continues from the folder's last checkpoint if there is one."""
    model = CopyRNN(config)
    rows = min(WINDOWS_A_ROW, config.windows)
    plan = Plan(rows, 1, -(-config.windows // rows), 1, config.seed)

    def evaluate(step: int) -> dict[str, float]:
        # the longest sequence that it has learnt is one step shorter than the present one
        return {"mastered": float(model.length.numpy() - 1), "running_bits": float(model.running.numpy())}

    meta = {"parameters": sum(int(np.prod(v.shape)) for v in model.trained)}
    train(Training(model=model, rows=tf.zeros([rows, 1], tf.uint8), plan=plan, evaluate=evaluate, meta=meta), folder)
