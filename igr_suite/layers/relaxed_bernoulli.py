"""A layer of binary variables, relaxed by the binary Concrete distribution."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from igr_suite.layers.relaxed import RelaxedLayer
from igr_suite.layers.scheduled import Scheduled


@keras.saving.register_keras_serializable(package="igr_suite")
class RelaxedBernoulli(RelaxedLayer):
    """V binary variables, relaxed so that gradients pass: codes in [0, 1].

        logits = Dense(inputs),  y = sigmoid((logits + log u - log(1 - u)) / temperature),  u ~ Uniform(0, 1)

    It is Gumbel-Softmax for two categories with logits [l, 0], the first of which is returned. The codes in training
    and at inference, `hard`, and the reduction of the KL are those of `RelaxedCategorical`; "mean" is sigmoid(logits),
    "mode" is 1 where the logit is not negative.

    Args:
      variables: V.
      temperature, hard, samples, kl_weight, inference, seed: as in `RelaxedCategorical`.
      dense: whether logits come from a Dense layer of the layer's own; if not, inputs are logits [B, ..., V].
      kl: "sampled", log q - log p of the relaxed distributions at the draw, or "discrete", the KL of the Bernoulli
        distributions.
      prior: "uniform" (probability 1/2); "learned", with weights that begin there; or {"logits": numbers that broadcast
        to [V]}.
    Call arguments:
      inputs: [B, ..., F].
      mask: bool [B, ...]; it passes, and masked positions have no KL.
    Returns:
      codes [B, ..., V] or [B, S, ..., V] in the policy's type.
    Raises:
      UserError: an argument that is wrong.
    Source: Maddison, Mnih & Teh (2017), appendix B.
    """

    kls: ClassVar[tuple[str, ...]] = ("sampled", "discrete")

    def __init__(
        self,
        variables: int,
        temperature: Scheduled = 0.5,
        *,
        hard: bool = False,
        samples: int | None = None,
        dense: bool = True,
        kl_weight: Scheduled = 0.0,
        kl: str = "sampled",
        prior: str | Mapping[str, Any] = "uniform",
        inference: str = "sample",
        seed: int | None = None,
        **keras_options,
    ):
        from igr_suite.relaxations import GumbelSoftmax

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
        self.categories, self.relaxation_class = 2, GumbelSoftmax
        self.blocks = {"logits": self.latents}
        self.given_shape = self.code_shape = (self.latents,)
        self.finish()

    def all_parameters(self, parameters: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        logits = parameters["logits"]
        return {"logits": tf.stack([logits, tf.zeros_like(logits)], -1)}

    def initial_prior(self) -> dict[str, tf.Tensor]:
        return {"logits": tf.zeros([self.latents], self.float_type)}

    def entries(self, code: tf.Tensor) -> tf.Tensor:
        return code[..., 0]
