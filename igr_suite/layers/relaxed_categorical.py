"""A layer of categorical variables, relaxed by any registered distribution on the simplex."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from igr_suite.checks import check_count
from igr_suite.errors import UserError, nearest
from igr_suite.layers.relaxed import RelaxedLayer
from igr_suite.layers.scheduled import Scheduled


@keras.saving.register_keras_serializable(package="igr_suite")
class RelaxedCategorical(RelaxedLayer):
    """V categorical variables with K categories each, relaxed so that gradients pass: codes on the simplex.

        parameters = Dense(inputs),  psi ~ q(parameters, temperature),  loss += kl_weight * mean_b sum_v KL(q || p)

    In training, codes are relaxed samples psi, or with `hard=True` one-hot vectors with the gradient of psi
    (straight-through). At inference `inference` decides, whatever `hard` says:

        "sample"  as in training
        "hard"    the one-hot vector at the largest entry of a sample
        "mode"    the one-hot vector at the largest entry of the code without noise; needs no seed
        "mean"    the probabilities P(argmax psi = k); for GS, IGR_I, IGSM and GSP, which have formulas for them

    Keras averages losses over pixels: beside such a reconstruction loss an ELBO has kl_weight = 1 / number of pixels.
    `sample_weight` does not weigh the KL.

    Args:
      variables: V.
      categories: K, at least 2.
      relaxation: a name of the registry: "GS" (Gumbel-Softmax, Concrete), "IGR_I", "IGR_Planar" (whose flow's weights
        are the layer's), "IGR_SB", "IGR_SB_Finite", "IGR_SB_Log", "IGSM", "GSP", or one of your own.
      temperature: number; schedule of keras.optimizers.schedules, whose steps are the layer's calls in training and are
        saved; or a scalar keras.Variable, which callbacks may set, and which is learned if it is trainable. Schedules
        and variables count as 0.001 where they are below. A loaded or copied layer has a variable of its own.
      hard: whether codes are one-hot vectors.
      samples: S, for a second axis of codes that are drawn independently; None for no such axis.
      dense: whether parameters come from a Dense layer of the layer's own; if not, inputs are parameters
        [B, ..., V, P], one block after the other (logits [K] for GS; loc and log_scale of K-1 or K numbers for others).
      kl_weight: factor of the KL in the loss; number, schedule or variable. 0 leaves the KL out.
      kl: "closed", the KL of the Gaussians (not for GS; for IGSM and GSP an upper bound); "sampled", log q - log p at
        the draw; "discrete", that of the argmax's distributions, for the relaxations of inference="mean". The default
        is "closed", or "sampled" for GS.
      prior: "uniform"; "learned", with weights that begin there; or a dictionary of the parameters by name, numbers
        that broadcast to [V, size], such as {"loc": 0.0, "log_scale": 0.0}.
      inference: "sample", "hard", "mode" or "mean".
      seed: of the draws; equal seeds give equal draws, so layers of one model need different ones. None takes a random
        one.
      options: further arguments of the relaxation, such as {"delta": 0.5} or {"threshold": 0.9, "quantile": 70.0}; for
        IGR_Planar "flow_layers" too, by default 2.
    Call arguments:
      inputs: [B, ..., F]; the axes between, positions in a sequence or an image, have codes of their own.
      mask: bool [B, ...]; it passes, and masked positions have no KL.
    Returns:
      codes [B, ..., V, K] or [B, S, ..., V, K] in the policy's type.
    Raises:
      UserError: an argument that is wrong or does not fit the relaxation.
    Source: Jang, Gu & Poole (2017); Maddison, Mnih & Teh (2017); Potapczynski, Loaiza-Ganem & Cunningham (2020).
    """

    def __init__(
        self,
        variables: int,
        categories: int,
        relaxation: str = "GS",
        temperature: Scheduled = 0.5,
        *,
        hard: bool = False,
        samples: int | None = None,
        dense: bool = True,
        kl_weight: Scheduled = 0.0,
        kl: str | None = None,
        prior: str | Mapping[str, Any] = "uniform",
        inference: str = "sample",
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
        **keras_options,
    ):
        from igr_suite import relaxations

        if not isinstance(relaxation, str):
            raise UserError(f"relaxation must be the name under which a relaxation is registered, got {relaxation!r}")
        if not isinstance(options, (Mapping, type(None))):
            raise UserError(f"options must be a dictionary of the relaxation's own arguments, got {options!r}")
        chosen: Any = relaxations.relaxation(relaxation)  # a class of relaxations
        if kl is None:
            kl = "closed" if issubclass(chosen, relaxations.gaussian.GaussianNoise) else "sampled"
        super().__init__(
            variables,
            temperature,
            hard=hard,
            samples=samples,
            dense=dense,
            kl_weight=kl_weight,
            kl=kl,
            prior=prior,
            inference=inference,
            seed=seed,
            **keras_options,
        )
        self.categories = check_count("categories", categories, least=2)
        self.relaxation, self.relaxation_class = relaxation, chosen
        self.has_flow = chosen.has_flow()  # whose weights are the layer's
        items = (options or {}).items()
        self.options = {name: value.item() if isinstance(value, np.generic) else value for name, value in items}
        self._check_options()
        self.blocks = chosen.parameter_blocks(self.categories)
        self.given_shape = (self.latents, sum(self.blocks.values()))
        self.code_shape = (self.latents, self.categories)
        self.flow: tuple[keras.Variable, ...] = ()
        self.finish()

    def _check_options(self) -> None:
        known = [name for name in self.relaxation_class.constructor_options() if name != "temperature"]
        known += ["flow_layers"] * self.has_flow
        for name in self.options:
            if name not in known:
                raise UserError(
                    f"{self.relaxation} has no option '{name}'; "
                    + (nearest(str(name), known) if known else "it has none at all")
                )
        check_count("flow_layers", self.options.get("flow_layers", 1))

    def build(self, input_shape) -> None:
        if self.has_flow:
            layers, size = self.options.get("flow_layers", 2), self.categories - 1
            normal = keras.initializers.RandomNormal(stddev=0.05)  # as in relaxations.initial_planar_flow
            shapes = {"w": (layers, self.latents, size), "u": (layers, self.latents, size), "b": (layers, self.latents)}
            self.flow = tuple(
                self.add_weight(
                    shape=shape, initializer="zeros" if name == "b" else normal, autocast=False, name=f"flow_{name}"
                )
                for name, shape in shapes.items()
            )
        super().build(input_shape)

    def map_options(self) -> dict[str, Any]:
        options = {name: value for name, value in self.options.items() if name != "flow_layers"}
        if self.has_flow:
            from igr_suite.relaxations import PlanarFlow

            size = self.categories - 1
            weights = self.flow or (np.zeros([1, 1, size]), np.zeros([1, 1, size]), np.zeros([1, 1]))  # not built yet
            options["flow"] = PlanarFlow(*(tf.cast(tf.convert_to_tensor(w), self.float_type) for w in weights))
        return options

    def initial_prior(self) -> dict[str, tf.Tensor]:
        with tf.init_scope():
            prior = self.relaxation_class.uniform_prior(
                self.categories, self.current("temperature"), self.float_type, **self.map_options()
            )
        return {name: prior.parameters[name] for name in self.blocks}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "categories": self.categories,
            "relaxation": self.relaxation,
            "options": dict(self.options),
        }
