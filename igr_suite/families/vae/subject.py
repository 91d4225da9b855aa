"""A trained VAE of discrete codes as a subject of `estimator_variance`."""

import math

import keras
import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.families.hard_vae import train as train_relax
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.families.vae import train as train_vae
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.estimator_variance import Source, first_images, registered_names, registered_source, restored
from igr_suite.randomness import run_seed

REFERENCES = {"bernoulli": "disarm", "categorical": "rebar"}


def load(folder: RunFolder, config: TrainVAE | TrainRelax, images: int, seed: tf.Tensor) -> "VAESubject":
    """The subject of a finished run: newest checkpoint, first training images. `seed` is not used: nothing is drawn here.

    Raises:
      UserError: codes without a law of the argmax, no checkpoint, or fewer images than asked for.
    """
    del seed
    family = train_relax if isinstance(config, TrainRelax) else train_vae
    dataset = family.load_images(config)
    model = family.build_model(config, dataset)
    if isinstance(model, DiscreteVAE) and (config.model.joint or not model.latent.has_argmax_law):
        raise UserError(
            f"{config.model.name} has no law of one-hot codes alone, which estimators are compared on; take a run of GS_Dis or IGR_I_Dis"
        )
    batch = tf.constant(first_images(train_vae.training_images(config, dataset), images))
    noise = run_seed(config.seed, "estimator variance")
    restored(model, folder)
    x = model.observe(batch, noise) if isinstance(model, DiscreteVAE) else to_unit_interval(batch, model.binarisation, noise)
    return VAESubject(model, x)


class VAESubject:
    """The bound log p(x | b) + log p(b) - log q(b | x) of hard codes b, p(b) uniform.

    Where training relaxes the codes q is the law of their argmax. Logits are the encoder's outputs; of Gaussian laws they are log q, by
    quadrature.

    Args:
      model: trained.
      x: observations [N, D].
    """

    own_steps = 0
    jit = False  # measured: the decoder's products are slower under XLA (docs/performance.md)

    def __init__(self, model: DiscreteVAE | RelaxVAE, x: tf.Tensor):
        self.model, self.x = model, x
        self.weights = [v.value if isinstance(v, keras.Variable) else v for v in model.encoder.trainable_variables]
        self.support = "bernoulli" if model.config.name == "Relax_Ber_Dis" else "categorical"
        self.names, self.reference = registered_names(self.support), REFERENCES[self.support]
        self.logits = tf.constant(self._logits())

    def _logits(self) -> tf.Tensor:
        if isinstance(self.model, RelaxVAE):
            parameters = self.model.encode(self.x)
            if self.support == "bernoulli":
                return parameters[..., 0]
            return parameters if self.model.config.name == "Relax_GS_Dis" else self.model.log_law(parameters)
        output = tf.cast(self.model.encoder(self.x), self.x.dtype)
        return self.model.latent.log_argmax_law(self.model.latent.sample(output, 1, run_seed(0, "unused")).posterior)

    def source(self, name: str, fresh: bool = False) -> Source:
        """See `Subject`; nothing here is the run's own, so `fresh` changes nothing."""
        del fresh
        return registered_source(name, self.logits, self.bound, self.pull, self.own_steps)

    def bound(self, code: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Codes [S, N, D] or [S, N, V, K], which may be relaxed, and logits -> [S, N]."""
        if self.support == "bernoulli":
            log_q, states = tf.reduce_sum(bernoulli.log_probability(logits, code), -1), 2
            shaped = code[..., tf.newaxis]
        else:
            log_q, states = tf.reduce_sum(categorical.log_probability(logits, code), -1), code.shape[-1]
            shaped = code
        if isinstance(self.model, DiscreteVAE):
            shaped = tf.reshape(code, (*code.shape[:2], -1))
        return self.model.log_likelihood(shaped, self.x) - logits.shape[1] * math.log(states) - log_q

    def pull(self, gradient: tf.Tensor) -> list[tf.Tensor]:
        """Gradient by the logits -> gradients by the encoder's weights."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.weights)
            logits = self._logits()
        return tape.gradient(logits, self.weights, output_gradients=gradient, unconnected_gradients="zero")
