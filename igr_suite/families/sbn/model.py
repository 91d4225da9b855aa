"""Sigmoid belief networks trained with score-function and reparameterisation gradients (REBAR and related
estimators)."""

import keras
import numpy as np
import tensorflow as tf

from igr_suite import randomness
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.discrete import baselines as baseline_networks
from igr_suite.discrete.chain import hard_pass
from igr_suite.discrete.config import DEFAULT_ESTIMATION, EstimationConfig
from igr_suite.families.sbn import methods as sbn_methods
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.families.sbn.config import FUSED_WHEN_TRACKED, SBNConfig, SBNOptimiserConfig
from igr_suite.families.sbn.networks import Networks, initial_weights
from igr_suite.families.sbn.passes import Model
from igr_suite.families.sbn.steps import Shared
from igr_suite.measuring.gradient_ema import GradientEMA
from igr_suite.measuring.product_ema import ProductEMA
from igr_suite.networks.likelihoods import pixel_offset
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.adam import FusedAdam, apply_after


class SBN(keras.Model):
    """L layers of Bernoulli units, each given the one below it (q) or above it (p), trained on the single-sample ELBO.

        F = log p(x | h_0) + sum_k log p(h_{k-1} | h_k) + log p(h_{L-1}) - sum_k log q(h_k | h_{k-1})

    Adam moves the weights along the estimator's gradient of F. With a rate of its own it moves the parameters of the
    control variate along the gradient of what the estimator minimises (squared residual, or variance of the gradient).
    Both gradients are of the same sample, before any update.

    Args:
      config: layers, task, estimator.
      optimiser: settings of Adam.
      mean: mean of the training images [pixels], as they are binarised.
      binarisation: how batches of uint8 become observations.
      seed: of the initial weights.
      float_type: float64 in tests.
      rows: number of images of a training batch times `samples`; with it the tracking mode averages gradients ten steps
        at a time, which is faster.
      estimation: how the own parameters of registered estimators are trained, with nothing left open.
    Source: Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein (2017); docs/papers/rebar.md.
    """

    jit_steps = True  # measured: many small operations (docs/performance.md)

    def __init__(
        self,
        config: SBNConfig,
        optimiser: SBNOptimiserConfig,
        mean: np.ndarray,
        binarisation: str = "static",
        seed: int = 0,
        float_type: tf.DType = tf.float32,
        rows: int | None = None,
        estimation: EstimationConfig = DEFAULT_ESTIMATION,
    ):
        require_plain_keras()
        super().__init__(name="sigmoid_belief_network")
        self.config, self.binarisation, self.float_type = config, binarisation, float_type
        self.networks = networks_of(config, len(mean))
        self.estimation, self.followed = estimation, config.followed
        self.methods = {
            name: sbn_methods.method_of(name, config, self.networks, estimation) for name in config.tracked_estimators
        }
        self.mean = tf.constant(mean, float_type)
        self.offset = tf.constant(pixel_offset(mean)[-self.networks.modelled :], float_type)

        shapes = self.networks.shapes()
        self.weights_by_network = _variables(initial_weights(shapes, run_seed(seed, "weights"), float_type))
        nets = sum(method.baselines for method in self.methods.values())
        start = {"baselines": baseline_networks.shapes(len(mean), nets)} if nets else {}
        start = initial_weights(start, run_seed(seed, "baselines"), float_type)
        self.baselines = _variables(start).get("baselines", [])
        self.own = {
            name: {key: tf.Variable(tf.cast(value, float_type)) for key, value in self._start(name, seed).items()}
            for name in self.methods
        }
        self.trained = [v for group in self.weights_by_network.values() for v in group]
        self.controls = [*self.baselines, *(v for group in self.own.values() for v in group.values())]
        adam = {"beta_1": optimiser.beta_1, "beta_2": optimiser.beta_2, "epsilon": optimiser.epsilon}
        self.optimiser = FusedAdam(optimiser.learning_rate, **adam)
        self.optimiser.build(self.trained)
        self.control_optimiser = FusedAdam(optimiser.learning_rate * optimiser.control_factor, **adam)
        self.control_optimiser.build(self.controls)
        separate = [shape for name in self._separate() for shape in shapes[name]]
        common = [shape for name in self._common() for shape in shapes[name]]
        averaged = [*separate, *common], len(separate), len(self.methods), config.ema_debias, float_type
        # Products of layer inputs and deltas need gradients that pass through the shared pass alone.
        products = rows and len(self.methods) > 1 and set(self.methods) <= set(FUSED_WHEN_TRACKED)
        self.averages = ProductEMA(*averaged, rows=rows) if products else GradientEMA(*averaged)
        self.built = True

    def _start(self, name: str, seed: int) -> dict[str, np.ndarray | tf.Tensor]:
        """Initial values of a method's own parameters."""
        method = self.methods[name]
        nets = initial_weights(
            {key: [shape] for key, shape in method.nets.items()}, run_seed(seed, f"nets of {name}"), self.float_type
        )
        return {**method.initial, **{key: value for key, (value,) in nets.items()}}

    def _separate(self) -> list[str]:
        """Networks whose gradients differ between the tracked estimators."""
        return self.networks.recognition

    def _common(self) -> list[str]:
        """Networks whose gradient is that at the hard sample for all tracked estimators: the generator's."""
        return [name for name in self.networks.shapes() if name not in self.networks.recognition]

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of what a training step returns."""
        if len(self.methods) == 1:
            own = self.methods[self.followed].scalars
            return ("elbo", "variance", *[name for name in own if not name.startswith("temperature_slope")])
        per_method = [f"{kind}_{name}" for kind in ("variance", "deviation") for name in self.methods]
        return (
            "elbo",
            "mean_square",
            *per_method,
            *(s for method in self.methods.values() for s in method.scalars if s.startswith("temperature")),
        )

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return [
            *self.trained,
            *self.controls,
            *self.optimiser.variables,
            *self.control_optimiser.variables,
            *self.averages.variables,
        ]

    def count_params(self) -> int:
        """Number of scalars of p, q and the prior."""
        return self.networks.size()

    @property
    def model(self) -> Model:
        """Shapes, present weights, fixed logits."""
        return Model(self.networks, sbn_methods.weights_of(self.weights_by_network), self.offset)

    def uniforms(self, rows: int, seed: tf.Tensor) -> list[tf.Tensor]:
        """u_k [rows, hidden] of every layer."""
        shape = (self.networks.layers, rows, self.networks.hidden)
        return tf.unstack(randomness.uniform(shape, seed, self.float_type))

    def observations(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """uint8 [B, pixels] -> values in [0, 1], repeated for `samples`: [S B, pixels], sample by sample."""
        x = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)), self.float_type)
        return tf.tile(x, (self.config.samples, 1)) if self.config.samples > 1 else x

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of both optimisers.

        Args:
          batch: uint8 [B, pixels].
          seed: int32 [2], the step's.
        Returns:
          "elbo" (F, nats per image), "variance" (of the gradient, see `GradientEMA`) and the estimator's scalars; means
            over the batch.
        """
        x = self.observations(batch, seed)
        noise = self.uniforms(x.shape[0], at_step(seed, tf.constant(2))), at_step(seed, tf.constant(3))
        gradients, control_gradients, scalars, _, (layer_inputs, deltas) = self._step(x, *noise)
        common = [g for name in self._common() for g in gradients[self.followed][name]]
        if isinstance(self.averages, ProductEMA):
            averages = self.averages.update_products(layer_inputs, deltas, common)
        else:
            averages = self.averages.update(
                [[g for name in self._separate() for g in of_method[name]] for of_method in gradients.values()], common
            )
        followed = [-g for name in self.networks.shapes() for g in gradients[self.followed][name]]
        self._train_networks(followed)
        if self.controls:
            self.control_optimiser.apply(control_gradients, self.controls)
        if len(self.methods) == 1:
            scalars["variance"] = averages["variance"][0]
        else:
            scalars["mean_square"] = averages["mean_square"]
            for i, name in enumerate(self.methods):
                scalars |= {f"{kind}_{name}": averages[kind][i] for kind in ("variance", "deviation")}
        return {name: tf.cast(scalars[name], tf.float32) for name in self.scalars}

    def _train_networks(self, gradients: list[tf.Tensor]) -> None:
        """One step of p and q, except while the followed method trains its control variate alone."""
        warmup = self.methods[self.followed].warmup
        apply_after(warmup, self.control_optimiser, lambda: self.optimiser.apply(gradients, self.trained))

    def step_gradients(self, x: tf.Tensor, uniforms: list[tf.Tensor], seed: tf.Tensor | None = None):
        """Gradients of all methods on one batch and its noise.

        Args:
          x: [N, pixels] in [0, 1].
          uniforms: u_k [N, hidden].
          seed: of the noise of registered estimators, int32 [2].
        Returns:
          {method: {network: gradients of the mean bound}}, gradients for `controls` (to be descended), scalars,
          {method: gradients of each example's bound by q's logits [N, hidden], a list by layer}.
        """
        return self._step(x, uniforms, seed)[:4]

    def _step(self, x: tf.Tensor, uniforms: list[tf.Tensor], seed: tf.Tensor | None):
        """`step_gradients`, and the factors of the recognition gradients: (the inputs of each map, each method's
        deltas)."""
        observed = self.networks.observe(x, self.mean)
        shared = Shared(self.model, observed, uniforms, seed)
        hard = shared.hard
        values = None
        if self.baselines:
            nets = [tf.convert_to_tensor(v) for v in self.baselines]
            values = baseline_networks.evaluate(nets, observed.centred)
        generator = self.networks.generator_gradients(shared.model.weights, hard.terms, hard.samples)
        gradients, logits, deltas, upstream, own = {}, {}, [], [], []
        scalars, first = {"elbo": tf.reduce_mean(hard.value)}, 0
        for name, method in self.methods.items():
            baselines = values.outputs[:, first : first + method.baselines] if method.baselines else None
            first += method.baselines
            step = method.step(shared, baselines, {key: tf.convert_to_tensor(v) for key, v in self.own[name].items()})
            gradients[name], logits[name] = generator | dict(step.gradients), step.logits
            upstream += [step.baselines] if method.baselines else []
            own += [step.parameters[key] for key in self.own[name]]
            scalars |= step.scalars
            if len(self.methods) > 1:
                parts = step.deltas or shared.deltas(step.logits)
                deltas.append([pair for kernels, biases in parts for pair in zip(kernels, biases)])
        if values is not None:
            own = [*baseline_networks.gradients(nets, observed.centred, values, tf.concat(upstream, 1)), *own]
        return gradients, own, scalars, logits, ([a for group in hard.layer_inputs for a in group], deltas)

    def recognition_gradients(
        self, x: tf.Tensor, uniforms: list[tf.Tensor], seed: tf.Tensor | None = None
    ) -> dict[str, list[tf.Tensor]]:
        """The gradients whose variances are `frozen_variance_<method>` and `frozen_logit_variance_<method>`; arguments
        as in `step_gradients`."""
        gradients, _, _, logits = self.step_gradients(x, uniforms, seed)
        weights = {
            f"frozen_variance_{name}": [g for q in self.networks.recognition for g in group[q]]
            for name, group in gradients.items()
        }
        return weights | {f"frozen_logit_variance_{name}": group for name, group in logits.items() if group}

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """{"elbo": F of one draw for each image [B]}, nats; arguments as in `log_weights`."""
        return {"elbo": self.log_weights(batch, 1, seed)[0]}

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str = "bound") -> tf.Tensor:
        """F of `samples` draws an image; the log of the mean of their exponentials estimates log p(x).

        Args:
          batch: uint8 [B, pixels], binary.
          samples: S.
          seed: int32 [2].
          estimator: "bound" is the only one.
        Returns:
          [S, B].
        """
        x = to_unit_interval(batch, "static", dtype=self.float_type)
        rows = tf.shape(x)[0]
        uniforms = self.uniforms(samples * rows, at_step(seed, tf.constant(2)))
        uniforms = [tf.reshape(u, (samples, rows, self.networks.hidden)) for u in uniforms]
        # the logits of layer 0 are computed once for all samples
        return hard_pass(SBNChain(self.model, self.networks.observe(x, self.mean)), uniforms).value


def networks_of(config: SBNConfig, pixels: int) -> Networks:
    """The shapes of a config's model for images of `pixels` pixels."""
    return Networks(
        layers=config.layers,
        hidden=config.hidden,
        pixels=pixels,
        nonlinear=config.nonlinear,
        predicts_half=config.task == "sp",
        hierarchical=config.sp_generator != "historical",
    )


def _variables(values: dict[str, list[tf.Tensor]]) -> dict[str, list[tf.Variable]]:
    return {name: [tf.Variable(value) for value in group] for name, group in values.items()}
