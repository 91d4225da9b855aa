"""A program for test_strategy.py: with two logical CPU devices it trains small models on one and on two replicas and
prints JSON.

python tests/training/two_devices.py FOLDER [all]      # without `all` two of the models, and no run by its executor
"""

import contextlib
import json
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from igr_suite import randomness
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError
from igr_suite.families.iwae.config import DReGConfig, DReGOptimiserConfig
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.mixture.config import MixtureModelConfig
from igr_suite.families.mixture.model import MixtureVAE
from igr_suite.families.structured import train as train_structured
from igr_suite.families.structured.config import StructuredModelConfig, StructuredOptimiserConfig, TrainStructured
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.families.structured.stochastic_binary import unit_noise
from igr_suite.families.vae.config import CapacityConfig, ModelConfig
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.lab.runs.interrupts import Interrupted, Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.relaxations import relaxation
from igr_suite.training.adam import FusedAdam
from igr_suite.training.config_parts import OptimiserConfig
from igr_suite.training.loop import LONGEST_CALL, Plan, compiled_steps, fit
from igr_suite.training.strategy import Replicas

BATCH, STEPS = 12, 5
SMALL = np.random.default_rng(0).integers(0, 256, (40, 16), dtype=np.uint8)
DIGITS = np.random.default_rng(0).integers(0, 256, (40, 784), dtype=np.uint8)
RUN = TrainStructured().with_values(
    {
        "model.units": 3,
        "data.train_limit": 100,
        "data.evaluation_limit": 60,
        "schedule.epochs": 2,
        "schedule.batch_size": 20,
        "evaluation.samples_while_training": 2,
        "evaluation.samples": 2,
        "evaluation.relaxed_samples": 2,
    }
)


class Line(keras.Model):
    """y = w x with noise in y: the least that can be trained by the loop on several devices."""

    scalars, jit_steps = ("loss",), False

    def __init__(self):
        super().__init__()
        self.trained = [tf.Variable(tf.zeros(16))]
        self.optimiser = FusedAdam(1e-2)
        self.optimiser.build(self.trained)
        self.built = True

    def state_variables(self) -> list:
        return [*self.trained, *self.optimiser.variables]

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        x, y = to_unit_interval(batch, "none"), randomness.standard_normal((batch.shape[0],), seed, batch_axis=0)
        error = tf.linalg.matvec(x, self.trained[0]) - y
        self.optimiser.apply([tf.linalg.matvec(x, error, transpose_a=True) / batch.shape[0]], self.trained)
        return {"loss": 0.5 * tf.reduce_mean(tf.square(error))}


def vae(**options) -> DiscreteVAE:
    config = ModelConfig(architecture="linear", variables=2, categories=3, **options)
    places = {"image_shape": (4, 4, 1), "likelihood": "bernoulli", "binarisation": "dynamic"}
    return DiscreteVAE(config, **places, optimiser=OptimiserConfig(), samples=2, seed=1)


def dreg() -> DReGVAE:
    config = DReGConfig(estimator="dreg-cv", samples=4, latents=2, hidden=3, task="structured", antithetic=True)
    return DReGVAE(
        config, DReGOptimiserConfig(), np.linspace(0.1, 0.9, 16), averages=True, seed=1, float_type=tf.float64
    )


def structured() -> StructuredOutput:
    return StructuredOutput(
        StructuredModelConfig(name="GS", units=3), optimiser=StructuredOptimiserConfig(), samples=2, seed=1
    )


def mixture() -> MixtureVAE:
    config = MixtureModelConfig(name="DLGMM_Var", threshold=0.8, components=4, dimensions=2)
    return MixtureVAE(
        config, image_shape=(4, 4, 1), binarisation="dynamic", optimiser=OptimiserConfig(), samples=2, seed=1
    )


MODELS = {  # each with what another one has not: distributions, KLs, variables beside the networks'
    "GS, JointVAE loss": lambda: vae(name="GS", latent_dim=2, capacity=CapacityConfig()),
    "IGR_Planar_Dis, closed KL": lambda: vae(name="IGR_Planar_Dis", kl="closed"),
    "DReG, structured, averages, trained control variate": dreg,
    "DLGMM_Var": mixture,
    "structured output": structured,
}
FEW = ("DReG, structured, averages, trained control variate", "structured output")


def built(build, replicas: Replicas):
    """A model in the scope of its replicas, whose noise is that of the same generator with and without a strategy."""
    with replicas.scope():
        model = build()
    model.jit_steps = False
    return model


def states(build, replicas: Replicas) -> dict[str, np.ndarray]:
    """Scalars and gradient of the first step (a tenth of it: Adam's first averages), and all state variables after
    STEPS steps."""
    model = built(build, replicas)
    images = SMALL if not isinstance(model, StructuredOutput) else DIGITS
    orders = np.random.default_rng(1).integers(0, len(images), (LONGEST_CALL, BATCH)).astype(np.int32)
    run, seed = compiled_steps(model, tf.constant(images), BATCH, replicas), run_seed(3, "train")
    sums = run(orders, 1, 0, seed)
    averages = [v.numpy() for v in model.optimiser.variables if "momentum" in v.path]
    first_step = {
        "scalars": np.array([float(sums[name]) for name in model.scalars]),
        "gradient": side_by_side(averages),
    }
    run(np.roll(orders, -1, 0), STEPS - 1, 1, seed)
    return first_step | {"state": side_by_side([v.numpy() for v in model.state_variables()])}


def side_by_side(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])


def apart(alone: dict[str, np.ndarray], together: dict[str, np.ndarray]) -> dict[str, float]:
    """Distances relative to the norm."""
    return {key: float(np.linalg.norm(alone[key] - together[key]) / np.linalg.norm(alone[key])) for key in alone}


def draws(seed: tf.Tensor, rows: int) -> dict[str, tuple[tf.Tensor, int]]:
    """Noise for so many rows by every way in, and the axis of the batch."""
    batch = tf.constant(SMALL)[:BATCH]
    context = tf.distribute.get_replica_context()
    batch = batch[context.replica_id_in_sync_group * rows :][:rows]
    parameters = tf.zeros((rows, 2, 4))
    return {
        "uniform": (randomness.uniform((3, rows, 4), seed, batch_axis=1), 1),
        "uniform, float64": (randomness.uniform((rows, 4), seed, tf.float64, batch_axis=0), 0),
        "normal": (randomness.standard_normal((2, 3, rows, 4), seed, batch_axis=-2), 2),
        "normal, float64, shape a tensor": (
            randomness.standard_normal(tf.constant((3, rows, 4)), seed, tf.float64, batch_axis=1),
            1,
        ),
        "bits": (tf.cast(randomness.random_bits((rows, 5), seed, batch_axis=0), tf.int64), 0),
        "pixels": (to_unit_interval(batch, "dynamic", seed), 0),
        "GS": (relaxation("GS").from_network(parameters, 0.5).draw(3, seed).sample, 1),
        "IGR_I": (relaxation("IGR_I").from_network(parameters, 0.5).draw((), seed).sample, 0),
        "binary units": (unit_noise(StructuredModelConfig(name="GS"), [2, 3, rows, 4], seed), 2),
    }


def noise_is_equal(replicas: Replicas) -> dict[str, bool]:
    """Whether the replicas' draws, put side by side, are the draw for all rows."""
    seed = run_seed(5, "noise")
    whole = draws(seed, BATCH)

    @tf.function(autograph=False)
    def on_replicas():
        parts = replicas.strategy.run(lambda: {name: value for name, (value, _) in draws(seed, BATCH // 2).items()})
        return {name: replicas.strategy.experimental_local_results(part) for name, part in parts.items()}

    return {
        name: bool(
            np.array_equal(np.concatenate([part.numpy() for part in parts], whole[name][1]), whole[name][0].numpy())
        )
        for name, parts in on_replicas().items()
    }


@contextlib.contextmanager
def own_noise():
    """The defect that the strategy prevents: every replica draws for its own rows from the common seed."""
    shared, randomness.of_whole_batch = randomness.of_whole_batch, lambda draw, shape, batch_axis: draw(shape)
    try:
        yield
    finally:
        randomness.of_whole_batch = shared


class Half(Interrupts):
    """Stops a run after its fifth call of nine."""

    calls = 0

    @property
    def requested(self) -> bool:
        self.calls += 1
        return self.calls == 5


def trained(folder: Path, replicas: Replicas, stopped: bool = False) -> dict:
    """Rows and final weights of a small run, from its checkpoint or from the start, and what meta.json says of its
    devices."""
    folder.mkdir(exist_ok=True)
    model, opened, plan = built(Line, replicas), RunFolder(folder), Plan(len(SMALL), BATCH, 3, 1, 0)
    with contextlib.closing(opened), contextlib.suppress(Interrupted):
        fit(model, tf.constant(SMALL), plan, opened, lambda step: {}, Half() if stopped else Interrupts(), replicas)
    return {
        "rows": opened.metrics.rows(),
        "weights": model.trained[0].numpy().tolist(),
        "note": opened.meta().get("strategy"),
    }


def runs(place: Path, settings: dict[str, Replicas]) -> dict[str, dict]:
    """Whole runs, and runs that were stopped under one setting and went on under the other."""
    finished = {}
    for name, replicas in settings.items():
        finished[name] = trained(place / name, replicas)
        trained(place / f"half {name}", replicas, stopped=True)
        for then, others in settings.items():
            path = place / f"{name} then {then}"
            shutil.copytree(place / f"half {name}", path)
            finished[path.name] = trained(path, others)
    return finished


def refusals(replicas: Replicas) -> dict[str, str]:
    """Sentences that only several devices bring about."""
    try:
        replicas.rows(BATCH + 1)
    except UserError as error:
        return {"rows": str(error)}


def main(place: Path, everything: bool) -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # graphs that run five times
    one_worker = Replicas("multi_worker")  # first: it wants a TensorFlow that has done nothing yet
    one, two = Replicas(), Replicas("mirrored")
    report = {"replicas": two.count, "noise": noise_is_equal(two), "apart": {}, "refusals": refusals(two)}
    for name in MODELS if everything else FEW:
        build = MODELS[name]
        alone = states(build, one)
        report["apart"][name] = apart(alone, states(build, two))
        if name == "structured output":
            report["one worker"] = apart(alone, states(build, one_worker))
            with own_noise():
                report["own noise"] = apart(alone, states(build, two))
    report["runs"] = runs(place, {"plain": one, "mirrored": two})
    if everything:
        with RunFolder(place / RUN.run_id).open(RUN) as folder:
            train_structured.execute(RUN, folder)
        report["rows of one process"] = folder.metrics.rows()
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["all"])
