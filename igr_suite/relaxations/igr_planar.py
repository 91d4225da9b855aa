"""IGR-Planar: a planar flow between the Gaussian and softmax++."""

import tensorflow as tf

from igr_suite.relaxations.gaussian import GaussianRelaxation
from igr_suite.relaxations.igr_i import uniform_loc
from igr_suite.relaxations.planar_flow import Planar, PlanarFlow
from igr_suite.relaxations.registry import register


@register("IGR_Planar")
class IGRPlanar(GaussianRelaxation):
    """psi = softmax++(h(loc + scale eps) / temperature), h a chain of planar layers (two by default).

    Args:
      loc: [B, V, K-1].
      log_scale: [B, V, K-1].
      temperature: positive; number or tensor broadcasting against [B, V].
      flow: weights of h, one set a variable, not amortised; see `initial_planar_flow`.
      delta: weight of the last category.
      norm: "squared", or "historical" for the normalisation of the authors' code, which may lose invertibility.
    Raises:
      UserError: temperature or delta not positive, unknown norm, or parameters that do not broadcast.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.3.
    """

    def __init__(
        self,
        loc,
        log_scale,
        temperature,
        flow: PlanarFlow,
        delta: float = 1.0,
        norm: str = "squared",
        name: str = "IGRPlanar",
    ):
        self.flow = flow
        self.norm = norm
        super().__init__(loc, log_scale, temperature, delta, Planar(flow, norm), dict(locals()), name)

    @classmethod
    def uniform_prior(  # type: ignore[override]  # its own options
        cls,
        categories: int,
        temperature,
        dtype: tf.DType = tf.float32,
        *,
        flow: PlanarFlow,
        delta: float = 1.0,
        norm: str = "squared",
    ) -> "IGRPlanar":
        """The Gaussian of IGR-I's uniform distribution, pushed through the same flow: the KL to it is the Gaussian
        closed form.

        Its argmax is uniform only as far as the flow is near the identity. For a prior placed after the flow, which
        stays uniform, take `IGRI.uniform_prior` and `sampled_kl(..., prior_after_flow=True)`.

        Args:
          categories: K.
          temperature: as for the posterior.
          dtype: of the parameters.
          flow: the posterior's.
          delta: as for the posterior.
          norm: as for the posterior.
        Returns:
          distribution with loc and log_scale [K-1].
        """
        loc = uniform_loc(categories, temperature, delta=delta, dtype=dtype)
        return cls(loc, tf.zeros([categories - 1], dtype), temperature, flow, delta, norm)

    @property
    def map_key(self) -> tuple:
        return (*super().map_key, self.norm, *self.flow)

    def _broadcast(self) -> dict[str, tf.Tensor]:
        return {**super()._broadcast(), "flow": self.flow.w[0]}
