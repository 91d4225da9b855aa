"""The function evaluations per training step that configs state: against numbers computed by hand, and against the
calls that models make."""

from types import MethodType

import numpy as np
import pytest
import tensorflow as tf

from igr_suite import estimators
from igr_suite.families.dni.config import TrainDNI
from igr_suite.families.half_mnist.config import (
    HalfMNISTModelConfig,
    HalfMNISTScheduleConfig,
    SyntheticGradientConfig,
    TrainHalfMNIST,
)
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, TrainHardVAE
from igr_suite.families.hard_vae.config import RelaxModelConfig, TrainRelax
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.families.iwae.config import DReGConfig, DReGScheduleConfig, TrainDReG
from igr_suite.families.mixture.config import MixtureModelConfig, TrainMixture
from igr_suite.families.mixture.model import MixtureVAE
from igr_suite.families.sbn import methods as sbn_methods
from igr_suite.families.sbn import rebar as sbn_rebar
from igr_suite.families.sbn import relax as sbn_relax
from igr_suite.families.sbn import steps as sbn_steps
from igr_suite.families.sbn.config import FUSED, MODEL_OPTIONS, SBNConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.families.sbn.model import SBN
from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.vae.config import ModelConfig, TrainVAE
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.randomness import run_seed
from igr_suite.training.config_parts import OptimiserConfig, ScheduleConfig, StepScheduleConfig

SEED = run_seed(0, "evaluations")


def sbn(**settings) -> TrainSBN:
    return TrainSBN(model=SBNConfig(**settings), schedule=StepScheduleConfig(batch_size=24))


@pytest.mark.parametrize(
    ("config", "evaluations"),
    [
        (TrainVAE(schedule=ScheduleConfig(batch_size=64, samples=1)), 64),
        (TrainVAE(schedule=ScheduleConfig(batch_size=100, samples=20)), 2000),
        (TrainStructured(schedule=ScheduleConfig(batch_size=100, samples=50)), 5000),
        (
            TrainMixture(model=MixtureModelConfig(components=20), schedule=ScheduleConfig(batch_size=100, samples=1)),
            2000,
        ),
        (TrainRelax(model=RelaxModelConfig(name="Relax_IGR"), schedule=ScheduleConfig(batch_size=100)), 200),
        (
            TrainRelax(
                model=RelaxModelConfig(name="Relax_GS_Dis", coupling="independent"),
                schedule=ScheduleConfig(batch_size=100),
            ),
            300,
        ),
        (TrainDReG(model=DReGConfig(estimator="dreg", samples=64), schedule=DReGScheduleConfig(batch_size=32)), 2048),
        (sbn(estimator="nvil", layers=2), 24),
        (sbn(estimator="muprop", layers=2), 48),
        (sbn(estimator="rebar", layers=2), 72),  # hard, and relaxed from each of two layers upwards
        (sbn(estimator="rebar", layers=2, multilayer_cv="joint"), 48),
        (sbn(estimator="relax", surrogate="net", layers=2), 24),
        (sbn(estimator="relax", layers=3, samples=2), 192),
        (sbn(estimator="track", layers=2), 144),  # hard, at means, two relaxed ones each of REBAR and DynamicREBAR
        (TrainHalfMNIST(model=HalfMNISTModelConfig(samples=5), schedule=HalfMNISTScheduleConfig(batch_size=100)), 500),
        (TrainHalfMNIST(model=HalfMNISTModelConfig(estimator="oracle", oracle_samples=250)), 25_100),
        (
            TrainHalfMNIST(
                model=HalfMNISTModelConfig(estimator="sdni"), sg=SyntheticGradientConfig(average_samples=10)
            ),
            1100,
        ),
        (sbn(estimator="disarm", layers=2), 24 * 3),  # the sample of the pass, and a mirrored one for each layer
        (sbn(estimator="rloo", estimator_options=("samples=5",), layers=3), 24 * 5),
        (TrainHardVAE(model=HardVAEConfig(estimator="rebar")), 200),
        (TrainHardVAE(model=HardVAEConfig(estimator="reinforce", estimator_options=("baseline=batch",))), 100),
        (TrainHardVAE(model=HardVAEConfig(estimator="arsm")), 4600),  # 45 pairs of 10 categories and no exchange
        (TrainHardVAE(model=HardVAEConfig(estimator="ars", layers=2)), 1900),
        (TrainHardVAE(model=HardVAEConfig(estimator="carms", layers=2)), 800),  # none is the sample of the pass
        (TrainHardVAE(model=HardVAEConfig(estimator="disarm_sb", layers=2)), 300),
        (TrainHardVAE(model=HardVAEConfig(estimator="local_expectation")), 100 * (20 * 9 + 1)),
        (sbn(estimator="local_expectation", layers=2), 24 * (2 * 200 + 1)),
        (TrainHardVAE(model=HardVAEConfig(estimator="my.file:Mine")), None),
        (TrainDNI(), None),  # a classifier: no latent variables
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "run_id") else str(value),
)
def test_hand_computed_numbers(config, evaluations):
    assert config.evaluations_per_step == evaluations


@pytest.mark.parametrize(
    "name", ["reinforce", "nvil", "simple_muprop", "muprop", "rebar", "dynamic_rebar", "relax", "concrete"]
)
def test_one_layer_takes_what_the_registry_says(name):
    facts = estimators.registered()[name].facts
    read = name == "concrete"  # which evaluates a hard sample more where its value is read, as training does
    assert SBNConfig(estimator=name, layers=1).evaluations == facts.hard + facts.relaxed + read


def batch(pixels: int = 784, size: int = 4) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 2, (size, pixels)) * 255, tf.uint8)


def counted(model, method: str) -> list[int]:
    """Numbers of results of every call of a method of a model, as they come."""
    found, original = [], getattr(model, method)

    def counting(self, *arguments, **options):
        result = original(*arguments, **options)
        found.append(int(tf.size(result)))
        return result

    object.__setattr__(model, method, MethodType(counting, model))
    return found


VAE = {"image_shape": (28, 28, 1), "binarisation": "static", "seed": 0}


@pytest.mark.parametrize(
    "config",
    [
        TrainVAE(
            model=ModelConfig(architecture="linear", variables=2, categories=3),
            schedule=ScheduleConfig(batch_size=4, samples=3),
        ),
        TrainMixture(
            model=MixtureModelConfig(components=3, dimensions=2), schedule=ScheduleConfig(batch_size=4, samples=2)
        ),
        TrainRelax(
            model=RelaxModelConfig(name="Relax_IGR", architecture="linear", variables=2),
            schedule=ScheduleConfig(batch_size=4),
        ),
        TrainRelax(
            model=RelaxModelConfig(name="Relax_Ber_Dis", architecture="linear", variables=2, coupling="independent"),
            schedule=ScheduleConfig(batch_size=4),
        ),
    ],
    ids=["vae", "mixture", "relax", "relax_independent"],
)
def test_likelihoods_of_a_training_step_are_counted(config):
    options = VAE | {"optimiser": OptimiserConfig()}
    if isinstance(config, TrainMixture):
        model = MixtureVAE(config.model, **options, samples=config.schedule.samples)
    elif isinstance(config, TrainRelax):
        model = RelaxVAE(config.model, **options, likelihood="bernoulli")
    else:
        model = DiscreteVAE(config.model, **options, likelihood="bernoulli", samples=config.schedule.samples)
    found = counted(model, "log_likelihood")
    model.train_step(batch(), SEED)
    assert sum(found) == config.evaluations_per_step


@pytest.mark.parametrize(
    ("model", "sg"),
    [
        ({"samples": 3}, None),
        ({"estimator": "oracle", "oracle_samples": 5}, None),
        ({"estimator": "sdni"}, {"kind": "lin", "average_samples": 2}),
    ],
    ids=["samples", "oracle", "averaged"],
)
def test_losses_of_a_half_mnist_step_are_counted(model, sg):
    sg = None if sg is None else SyntheticGradientConfig(**sg)
    config = TrainHalfMNIST(
        model=HalfMNISTModelConfig(latents=3, **model), sg=sg, schedule=HalfMNISTScheduleConfig(batch_size=4)
    )
    built = HalfMNIST(config, steps_per_epoch=10)
    found = counted(built, "losses")
    built.train_step(batch(), SEED)
    assert sum(found) == config.evaluations_per_step


@pytest.mark.parametrize("estimator", FUSED)
def test_passes_of_a_belief_network_s_step_are_counted(monkeypatch, estimator):
    found = []

    def counting(function, values):
        def call(*arguments, **options):
            result = function(*arguments, **options)
            found.append(sum(int(tf.size(value)) for value in values(result)))
            return result

        return call

    for module in (sbn_steps, sbn_methods, sbn_rebar, sbn_relax):
        for name, values in (
            ("hard_pass", lambda p: [p.value]),
            ("mean_field_value", lambda p: [p[0]]),
            ("soft_passes", lambda p: p.values),
        ):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, counting(getattr(module, name), values))
    settings = {"net_layers": 1} if estimator in MODEL_OPTIONS["net_layers"][0] else {}
    config = TrainSBN(
        model=SBNConfig(estimator=estimator, layers=2, hidden=3, samples=2, **settings),
        schedule=StepScheduleConfig(batch_size=4),
    )
    model = SBN(config.model, SBNOptimiserConfig(), np.full(8, 0.3))
    model.train_step(batch(8), SEED)
    twice = 8 if estimator == "concrete" else 0  # its hard pass under a tape is the shared one, which the compiler sees
    assert sum(found) - twice == config.evaluations_per_step
