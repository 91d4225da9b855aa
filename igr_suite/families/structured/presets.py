"""Settings of structured output prediction: the NeurIPS code's with corrections, and the README generation's (never
imports TensorFlow)."""

from igr_suite.families.structured.config import StructuredModelConfig, TrainStructured
from igr_suite.lab.runs.config import replace_parts
from igr_suite.training.config_parts import DataConfig, ScheduleConfig

RELAXATIONS = ("GS", "IGR_I", "IGR_Planar", "IGR_SB")
SHORT_NAMES = {"GS": "GS", "IGR_I": "IGR-I", "IGR_Planar": "IGR-Planar", "IGR_SB": "IGR-SB"}
TEMPERATURES = {"GS": 0.67, "IGR_I": 0.5, "IGR_Planar": 0.5, "IGR_SB": 0.5}  # G2's; G3 has 1 for all


def g3(
    name: str, *, architecture: str = "double_linear", samples: int = 1, seed: int = 0, temperature: float = 1.0
) -> TrainStructured:
    """The NeurIPS code's setting: 240 signed units a layer, unit scale, temperature 1, batches of 100, Adam with step
    sizes from 1e-3 down to 1e-4, 100 epochs."""
    return TrainStructured(
        model=StructuredModelConfig(name=name, architecture=architecture, temperature=temperature),
        data=DataConfig(name="mnist"),
        schedule=ScheduleConfig(samples=samples),
        seed=seed,
    )


def g2(name: str, *, seed: int = 0) -> TrainStructured:
    """The README's setting: 200 units in (0, 1) a layer, learned scales, temperatures 0.67 (GS) and 0.5 (IGR), one
    sample, batches of 64, Adam with step size 3e-4, 50 epochs."""
    return replace_parts(
        g3(name, architecture="g2_linear", seed=seed, temperature=TEMPERATURES[name]),
        optimiser={"learning_rate": 3e-4, "decay": None, "least_learning_rate": None},
        schedule={"batch_size": 64, "epochs": 50},
    )
