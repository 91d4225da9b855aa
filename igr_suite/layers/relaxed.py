"""What the layers of relaxed discrete variables share: temperature, hard codes, codes at inference, and KLs."""

from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import tensorflow as tf

from igr_suite.checks import check_flag
from igr_suite.errors import UserError
from igr_suite.layers.latent import LatentLayer
from igr_suite.layers.scheduled import Scheduled, check_scheduled

if TYPE_CHECKING:
    from igr_suite.relaxations import Draw, Relaxation

LOWEST = 1e-3  # schedules and variables of the temperature are kept at or above it

# igr_suite.relaxations imports TensorFlow Probability, which takes a quarter of TensorFlow's own time: every function
# that needs it imports it, so that `import igr_suite.layers` does not.


class RelaxedLayer(LatentLayer):
    """Samples of a continuous distribution on the simplex near a discrete one.

    A subclass has the attributes of `LatentLayer` and `relaxation_class` and `categories`.
    """

    default_prior = "uniform"
    inferences = ("sample", "hard", "mode", "mean")
    kls: ClassVar[tuple[str, ...]] = ("closed", "sampled", "discrete")
    scheduled = ("temperature", "kl_weight")

    relaxation_class: "type[Relaxation]"
    categories: int

    def __init__(self, variables: int, temperature: Scheduled, *, hard: bool, **options):
        super().__init__(variables, **options)
        from igr_suite.relaxations.base import check_temperature

        self.hard = check_flag("hard", hard)
        if isinstance(temperature, Real):
            check_temperature(temperature)
        self.temperature = check_scheduled("temperature", temperature, 0.0, "0.1 to 1 is usual")

    def finish(self) -> None:
        """Also tries the relaxation with the options, the KL and the code that the arguments ask for."""
        super().finish()
        from igr_suite.relaxations.gaussian import GaussianNoise

        if self.kl == "closed" and not issubclass(self.relaxation_class, GaussianNoise):
            raise UserError(
                f"{self.relaxation_class.__name__} has no KL in closed form; take kl='sampled', or kl='discrete' for "
                f"that of the discrete distributions"
            )
        with tf.init_scope():
            shapes = self.parameter_shapes()
            trial = self.distribution({name: tf.zeros(shape, self.float_type) for name, shape in shapes.items()})
            if self.prior != "learned":
                self.prior_of(trial)
            for argument, needs_argmax in (("kl", "discrete"), ("inference", "mean")):
                if getattr(self, argument) == needs_argmax:
                    self._try_argmax(trial, f"{argument}='{needs_argmax}'")

    def _try_argmax(self, trial: "Relaxation", argument: str) -> None:
        from igr_suite.relaxations import argmax_log_probs

        try:
            argmax_log_probs(trial)
        except UserError:
            raise UserError(
                f"{argument} needs the distribution of the argmax, which has no formula for {type(trial).__name__}; "
                f"take another {argument.partition('=')[0]}, or GS, IGR_I, IGSM or GSP as the relaxation"
            ) from None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hard": self.hard}

    def distribution(self, parameters: dict[str, tf.Tensor]) -> "Relaxation":
        return self.relaxation_class(
            **self.all_parameters(parameters), temperature=self.current("temperature"), **self.map_options()
        )

    def all_parameters(self, parameters: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The parameters of all categories from those of the layer."""
        return parameters

    def map_options(self) -> dict[str, Any]:
        """Further arguments of the relaxation's constructor."""
        return {}

    def prior_of(self, posterior: "Relaxation") -> "Relaxation":
        given = self.prior_parameters()
        own = (*self.relaxation_class.parameter_blocks(self.categories), "name")
        # The same temperature and flow, as tensors too: a closed-form KL needs one map for both distributions.
        shared = {name: value for name, value in posterior.parameters.items() if name not in own}
        if given is None:
            return self.relaxation_class.uniform_prior(
                self.categories, shared.pop("temperature"), posterior.dtype, **shared
            )
        return self.relaxation_class(**self.all_parameters(given), **shared)

    def draw(self, posterior: "Relaxation", seed: tf.Tensor | None = None) -> "Draw":
        return posterior.draw(() if self.samples is None else self.samples, self.next_seed() if seed is None else seed)

    def kl_divergence(self, posterior: "Relaxation", draw: "Draw | None" = None) -> tf.Tensor:
        from igr_suite.relaxations import argmax_log_probs, categorical_kl, closed_form_kl, sampled_kl

        if self.kl == "discrete":
            uniform = self.prior == "uniform"
            prior = None if uniform else argmax_log_probs(self.prior_of(posterior))
            return tf.reduce_sum(categorical_kl(argmax_log_probs(posterior), prior), -1)
        if self.kl == "closed":
            return tf.reduce_sum(closed_form_kl(posterior, self.prior_of(posterior)), -1)
        if draw is None:
            raise UserError(f"the KL of {self.name} is sampled (kl='sampled'); give kl_divergence the draw, too")
        kl = tf.reduce_sum(sampled_kl(posterior, self.prior_of(posterior), draw), -1)
        return kl if self.samples is None else tf.reduce_mean(kl, 0)

    def code(self, posterior: "Relaxation", draw: "Draw | None", way: str) -> tf.Tensor:
        from igr_suite.relaxations import argmax_log_probs, nearest_vertex

        if way == "mean":
            return self.entries(tf.exp(argmax_log_probs(posterior)))
        if way == "mode":
            return self.entries(nearest_vertex(posterior.without_noise()))
        assert draw is not None  # only "mean" and "mode" go without a draw
        code = draw.sample
        if self.hard or way == "hard":
            # In this order the sum is the vertex itself: the difference is exactly 0.
            code = nearest_vertex(code) + (code - tf.stop_gradient(code))
        return self.entries(code)

    def entries(self, code: tf.Tensor) -> tf.Tensor:
        """What the layer returns of a code [..., K]."""
        return code

    def current(self, name: str) -> float | tf.Tensor:
        value = super().current(name)
        return tf.maximum(value, LOWEST) if name == "temperature" and isinstance(value, tf.Tensor) else value
