"""Several devices for one run: every batch is divided among replicas of the model, and the update is that of the whole
batch.

        rows of replica r of R:  r B/R ... (r + 1) B/R - 1,
        gradient = mean over replicas of the mean over a replica's rows

The global batch B stays the config's, so a replica has B / R rows; every example has the same noise as on one device
(`randomness.of_whole_batch`). Weights, checkpoints and metrics are those of one device up to the order of sums.

Models need only an optimiser that averages (`training/adam.py`). Their steps must be means over examples, without
statistics of a batch or squares of its gradient. The configs of other models say so
(`RunConfig.data_parallel_obstacle`), and their runs are refused before they start.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.lab.runs import strategies
from igr_suite.lab.runs.store import RunFolder
from igr_suite.replicas import mean_over_replicas

NOTE = "strategy"  # in meta.json


class Replicas:
    """The devices on which a run is trained.

    Args:
      name: of a strategy; None trains on one device, without a strategy.
    Attributes:
      count: R.
    Raises:
      UserError: unknown name, or machines that are not described as TensorFlow requires.
    """

    def __init__(self, name: str | None = None):
        strategies.check_name(name)
        self.name = name
        self.strategy = None if name is None else _strategy(name)
        self.count = 1 if self.strategy is None else self.strategy.num_replicas_in_sync
        self.processes = strategies.workers()[1] if name == "multi_worker" else 1

    @classmethod
    def chosen(cls) -> "Replicas":
        """The devices that this process is configured to use; call it before anything else starts TensorFlow."""
        return cls(strategies.chosen())

    def scope(self) -> AbstractContextManager:
        """The context in which a model has to be built, so that every replica has its weights."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def rows(self, batch_size: int) -> int:
        """Rows of a replica, B / R.

        Raises:
          UserError: B is not a multiple of R.
        """
        if batch_size % self.count:
            raise UserError(
                f"a batch of {batch_size} examples cannot be divided among {self.count} devices; let the strategy see "
                f"fewer of them (CUDA_VISIBLE_DEVICES), or set schedule.batch_size to a multiple of {self.count}, "
                f"which is another run"
            )
        return batch_size // self.count

    def announce(self, batch_size: int, folder: RunFolder) -> None:
        """Writes to the run's log and to its meta.json how batches are divided, or removes the note from meta.json if
        the run continues without a strategy.

        Raises:
          UserError: batches cannot be divided.
        """
        rows = self.rows(batch_size)
        if self.strategy is None:
            if folder.meta().get(NOTE) is not None:
                folder.write_meta(**{NOTE: None})
            return
        devices = list(self.strategy.extended.worker_devices)
        batch = f"global batch {batch_size} = {self.count} x {rows}, as large as on one device"
        if self.count == 1:
            batch = f"there is one device only, which takes the whole batch of {batch_size}"
        folder.write_meta(
            **{
                NOTE: {
                    "name": self.name,
                    "replicas": self.count,
                    "processes": self.processes,
                    "devices": devices,
                    "batch": batch,
                }
            }
        )
        print(f"strategy {self.name}, replicas on {', '.join(devices)}: {batch}", file=sys.stderr, flush=True)

    def train_step(self, model: keras.Model, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The model's `train_step` on one batch, each replica on its rows; scalars are means over replicas."""
        if self.strategy is None:
            return model.train_step(batch, seed)
        rows = self.rows(batch.shape[0])

        def step(batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            first = tf.distribute.get_replica_context().replica_id_in_sync_group * rows
            scalars = model.train_step(tf.slice(batch, [first, 0], [rows, batch.shape[1]]), seed)
            return mean_over_replicas([tf.stack([scalars[name] for name in model.scalars])])[0]

        means = self.strategy.experimental_local_results(self.strategy.run(step, args=(batch, seed)))[0]
        return dict(zip(model.scalars, tf.unstack(means)))

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """For each flag, whether it is set in any process; all processes must call this at the same points of the
        run."""
        if self.processes == 1:
            return list(flags)
        return [count > 0 for count in self._sum(tf.constant(flags)).numpy()]

    @tf.function(autograph=False, reduce_retracing=True)
    def _sum(self, flags: tf.Tensor) -> tf.Tensor:
        def add(flags: tf.Tensor) -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce(
                tf.distribute.ReduceOp.SUM, tf.cast(flags, tf.float32)
            )

        return self.strategy.experimental_local_results(self.strategy.run(add, args=(flags,)))[0]


# TensorFlow numbers the collective operations of every strategy from the start, so those of two strategies in one
# process would collide.
@functools.cache
def _strategy(name: str) -> tf.distribute.Strategy:
    return {"mirrored": _mirrored, "multi_worker": _multi_worker}[name]()


def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker() -> tf.distribute.Strategy:
    """The strategy over the machines in TF_CONFIG, else in SLURM's step, else over this machine only."""
    index, count = strategies.workers()
    if os.environ.get("TF_CONFIG") or count == 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    # One process a machine has all its GPUs; TensorFlow's own count of them fails without nvidia-smi.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(gpus_per_node=1, gpus_per_task=1, auto_set_gpu=False)
    own = resolver.cluster_spec().as_dict()["worker"][index].rpartition(":")[0]
    name = os.environ.get("SLURMD_NODENAME", own)
    if own != name:
        raise UserError(
            f"TensorFlow takes process {index} for {own}, and it runs on {name}; name the machines in TF_CONFIG instead"
        )
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
