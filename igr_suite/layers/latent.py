"""What layers of latent variables share: parameters, priors, seeds, samples, masks, and a KL as a loss of the model."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from igr_suite.checks import check_count, check_flag
from igr_suite.errors import UserError
from igr_suite.layers.checks import check_backend, check_name, check_prior, check_seed
from igr_suite.layers.scheduled import Schedule, Scheduled, check_scheduled, from_config, to_config, value_at

Shape = tuple[int | None, ...]


class LatentLayer(keras.layers.Layer):
    """Draws latent variables from a distribution whose parameters are its inputs or come from a Dense of its own.

    A subclass sets `given_shape`, `blocks` and `code_shape` in its constructor, then calls `finish`, and implements
    `distribution`, `prior_of`, `initial_prior`, `draw`, `kl_divergence` and `code`. Everything is computed in float32,
    or in float64 under a policy that computes in float64; only the result is rounded to the policy's type.

    Class attributes:
      default_prior: name of the prior that has no weights.
      inferences: the ways to a code at inference; those of `drawn` need a draw.
      kls: the ways to compute the KL.
      scheduled: the arguments that may be schedules or variables.
    Attributes:
      given_shape: of one example's parameters, without the axes of batch and positions.
      blocks: name -> size along the last axis of the parameters.
      code_shape: of one example's code.
      seed_generator: of the draws.
      steps: number of calls in training, a variable; None where nothing is scheduled.
    """

    default_prior: ClassVar[str]
    inferences: ClassVar[tuple[str, ...]]
    drawn: ClassVar[tuple[str, ...]] = ("sample", "hard")
    kls: ClassVar[tuple[str, ...]]
    scheduled: ClassVar[tuple[str, ...]] = ("kl_weight",)

    given_shape: tuple[int, ...]
    blocks: dict[str, int]
    code_shape: tuple[int, ...]

    def __init__(
        self,
        variables: int,
        *,
        dense: bool,
        samples: int | None,
        kl: str,
        kl_weight: Scheduled,
        prior: str | Mapping[str, Any],
        inference: str,
        seed: int | None,
        **options,
    ):
        check_backend(type(self).__name__)
        super().__init__(autocast=False, **options)
        self.latents = check_count("variables", variables)
        self.dense = check_flag("dense", dense)
        self.samples = None if samples is None else check_count("samples", samples)
        self.kl = check_name("kl", kl, self.kls)
        self.kl_weight = check_scheduled("kl_weight", kl_weight, 0.0, "0 leaves the KL out")
        self.inference = check_name("inference", inference, self.inferences)
        self.seed = check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.prior = prior
        self.projection: keras.layers.Dense | None = None
        self.steps: keras.Variable | None = None
        self.prior_weights: dict[str, keras.Variable] = {}

    def finish(self) -> None:
        """Completes the construction: checks the prior, and makes the Dense."""
        self.prior = check_prior(self.prior, self.default_prior, self.parameter_shapes())
        if self.dense:
            size = int(np.prod(self.given_shape))
            self.projection = keras.layers.Dense(size, name="parameters", dtype=self.dtype_policy)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every block of one example's parameters."""
        return {name: (*self.given_shape[:-1], size) for name, size in self.blocks.items()}

    @property
    def float_type(self) -> tf.DType:
        """The type of all computations after the Dense."""
        return tf.float64 if self.compute_dtype == "float64" else tf.float32

    # --- Keras: building, shapes, masks, files

    def build(self, input_shape) -> None:
        self._positions(input_shape)
        if self.projection is not None:
            self.projection.build(input_shape)
        if any(isinstance(getattr(self, name), Schedule) for name in self.scheduled):
            # Every replica counts for itself: where replicas wait for each other within `call`, Keras gives the losses
            # of the last one to all.
            own = {"dtype": "int64", "initializer": "zeros", "aggregation": "none"}
            self.steps = self.add_weight(shape=(), trainable=False, name="steps", **own)
        if self.prior == "learned":
            initial = self.initial_prior()
            for name, shape in self.parameter_shapes().items():
                self.prior_weights[name] = self.add_weight(
                    shape=shape,
                    initializer=lambda shape, dtype, value=initial[name]: tf.broadcast_to(tf.cast(value, dtype), shape),
                    autocast=False,
                    name=f"prior_{name}",
                )

    def compute_output_shape(self, input_shape) -> Shape:
        positions = self._positions(input_shape)
        return (*positions[:1], *((self.samples,) if self.samples else ()), *positions[1:], *self.code_shape)

    def _positions(self, input_shape) -> Shape:
        """The axes in front of an example's variables: the batch, and positions in a sequence or an image.

        Raises:
          UserError: inputs of the wrong shape.
        """
        input_shape = tuple(input_shape)
        if self.projection is None:
            axes = len(self.given_shape)
            if len(input_shape) <= axes or input_shape[-axes:] != self.given_shape:
                raise UserError(
                    f"{self.name} has dense=False, so its inputs are parameters [batch, ..., "
                    f"{', '.join(map(str, self.given_shape))}], in the order {', '.join(self.blocks)}; got the shape "
                    f"{input_shape} (keras.layers.Reshape({self.given_shape}) makes it of a flat vector)"
                )
            return input_shape[:-axes]
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise UserError(
                f"{self.name} needs inputs [batch, ..., features] with a known last axis, got the shape {input_shape}"
            )
        return input_shape[:-1]

    def compute_mask(self, inputs, previous_mask=None):
        """The mask of the inputs, for every sample: a code at a masked position is masked."""
        if previous_mask is None or self.samples is None:
            return previous_mask
        return keras.ops.repeat(keras.ops.expand_dims(previous_mask, 1), self.samples, axis=1)

    def get_config(self) -> dict[str, Any]:
        prior = dict(self.prior) if isinstance(self.prior, Mapping) else self.prior
        names = ("dense", "samples", "kl", "inference", "seed")
        return {
            **super().get_config(),
            "variables": self.latents,
            **{name: getattr(self, name) for name in names},
            "prior": prior,
            **{name: to_config(getattr(self, name)) for name in self.scheduled},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LatentLayer":
        changing = {name: from_config(config[name]) for name in cls.scheduled if name in config}
        return super().from_config({**config, **changing})

    def save_own_variables(self, store) -> None:
        """Saves the weights and, which Keras would not, the state of the seeds: a loaded layer goes on with the draws
        that this one would make."""
        super().save_own_variables(store)
        store["seed_generator_state"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote."""
        own = {name: store[name] for name in store.keys()}  # noqa: SIM118 a store is no mapping
        state = own.pop("seed_generator_state", None)
        super().load_own_variables(own)
        if state is not None:
            self.seed_generator.state.assign(state)

    # --- from inputs to codes

    def call(self, inputs, training=False, mask=None):
        self._check_mask(inputs, mask)
        posterior = self.posterior(inputs)
        way = "sample" if training else self.inference
        weighs = not (isinstance(self.kl_weight, float) and self.kl_weight == 0.0)
        draw = self.draw(posterior) if way in self.drawn or (weighs and self.kl == "sampled") else None
        if weighs:
            self._add_kl(self.kl_divergence(posterior, draw), mask)
        code = self._batch_first(self.code(posterior, draw, way), repeat=way not in self.drawn)
        if training and self.steps is not None:
            self.steps.assign_add(1)
        return tf.cast(code, self.compute_dtype)

    def posterior(self, inputs: tf.Tensor):
        """The distribution of the latent variables, with the present values of what is scheduled.

        Args:
          inputs: [B, ..., F], or with `dense=False` the parameters themselves.
        Returns:
          A distribution with parameters in float32 or float64; its batch shape is [B, ..., variables].
        """
        if not self.built:
            self.build(inputs.shape)
        if self.projection is not None:
            inputs = self.projection(tf.cast(inputs, self.compute_dtype))
            inputs = tf.reshape(inputs, tf.concat([tf.shape(inputs)[:-1], self.given_shape], 0))
        parts = tf.split(tf.cast(inputs, self.float_type), list(self.blocks.values()), axis=-1)
        return self.distribution(dict(zip(self.blocks, parts)))

    def distribution(self, parameters: dict[str, tf.Tensor]):
        """The distribution with these parameters, one tensor [B, ..., size] for each block."""
        raise NotImplementedError

    def prior_of(self, posterior):
        """The prior that this posterior is compared with; its parameters broadcast against the posterior's."""
        raise NotImplementedError

    def initial_prior(self) -> dict[str, tf.Tensor]:
        """Where the parameters of a learned prior begin, by block."""
        raise NotImplementedError

    def prior_parameters(self) -> dict[str, tf.Tensor] | None:
        """The parameters of a learned or given prior by block; None for the default one."""
        if self.prior == self.default_prior:
            return None
        if self.prior == "learned":
            return {name: tf.cast(weight.value, self.float_type) for name, weight in self.prior_weights.items()}
        shapes, given = self.parameter_shapes(), dict(self.prior)  # type: ignore[arg-type]  # no other name is left
        return {name: tf.broadcast_to(tf.constant(given[name], self.float_type), shapes[name]) for name in shapes}

    def draw(self, posterior, seed: tf.Tensor | None = None):
        """A reparameterised draw.

        Args:
          posterior: from `posterior`.
          seed: stateless seed, int [2]; by default the next one of the layer's own.
        Returns:
          A draw whose `sample` is [B, ..., code], or [S, B, ..., code] with `samples=S`.
        """
        raise NotImplementedError

    def kl_divergence(self, posterior, draw=None) -> tf.Tensor:
        """KL(posterior || prior), summed over the variables, as the argument `kl` says.

        Args:
          posterior: from `posterior`.
          draw: from `draw`; needed for kl="sampled", whose KL is the mean over its samples.
        Returns:
          [B, ...].
        """
        raise NotImplementedError

    def code(self, posterior, draw, way: str) -> tf.Tensor:
        """The code by one of `inferences`: samples first where `draw` is used, without an axis of samples elsewhere."""
        raise NotImplementedError

    def current(self, name: str) -> float | tf.Tensor:
        """The present value of an argument that may be scheduled, "kl_weight" or "temperature"."""
        return value_at(getattr(self, name), 0 if self.steps is None else self.steps.value, self.float_type)

    def next_seed(self) -> tf.Tensor:
        """A stateless seed, int32 [2], and a step of the layer's seeds."""
        return tf.cast(self.seed_generator.next(), tf.int32)

    def _add_kl(self, kl: tf.Tensor, mask: tf.Tensor | None) -> None:
        """Adds the KL of an example to the model's losses: the sum over positions that are not masked, the mean over
        the batch."""
        if mask is not None:
            kl = tf.where(tf.cast(mask, tf.bool), kl, tf.zeros_like(kl))
        examples = tf.cast(tf.shape(kl)[0], kl.dtype)
        loss = self.current("kl_weight") * tf.math.divide_no_nan(tf.reduce_sum(kl), examples)
        self.add_loss(tf.cast(loss, keras.config.floatx()))  # as Keras's own losses, with which it is added up

    def _batch_first(self, code: tf.Tensor, repeat: bool) -> tf.Tensor:
        """Puts the samples' axis behind the batch's, where Keras leaves it alone; without such an axis repeats the
        code for every sample."""
        if self.samples is None:
            return code
        if repeat:
            return tf.repeat(code[:, tf.newaxis], self.samples, axis=1)
        return tf.transpose(code, [1, 0, *range(2, code.shape.rank)])

    def _check_mask(self, inputs: tf.Tensor, mask) -> None:
        positions = len(self._positions(inputs.shape))
        if mask is not None and len(mask.shape) != positions:
            raise UserError(
                f"{self.name} got a mask of shape {tuple(mask.shape)} for inputs of shape {tuple(inputs.shape)}; give "
                f"one value for each of the {positions} axes in front of the variables"
            )
