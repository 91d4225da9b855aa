"""IGR-SB: stick-breaking distributions, with a fixed number of categories and truncated at a precision."""

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.relaxations.base import check_categories
from igr_suite.relaxations.gaussian import GaussianRelaxation
from igr_suite.relaxations.registry import register
from igr_suite.relaxations.softmax_plus_plus import append_last_category
from igr_suite.relaxations.stick_breaking import StickBreaking, log_remainders
from igr_suite.relaxations.stick_prior import uniform_stick_loc
from igr_suite.relaxations.truncation import check_truncation, kept_sticks, sticks_within, truncated_logits


class StickBreakingRelaxation(GaussianRelaxation):
    """A relaxation whose Gaussians are the logits of the breaks of a stick."""

    @classmethod
    def uniform_prior(cls, categories: int, temperature, dtype: tf.DType = tf.float32, **options):
        """The distribution with unit scales and E[eta_k] = 1/K for the K-1 pieces and the remainder, see
        `uniform_stick_loc`.

        Args:
          categories: K of the samples.
          temperature: as for the posterior; they must be equal for a closed-form KL.
          dtype: of the parameters.
          **options: as for the posterior.
        Returns:
          distribution with loc and log_scale [K-1].
        """
        return cls(
            uniform_stick_loc(categories, dtype),
            tf.zeros([check_categories(categories) - 1], dtype),
            temperature,
            **options,
        )


@register("IGR_SB_Finite")
class IGRSBFinite(StickBreakingRelaxation):
    """psi = softmax++(eta / temperature), eta_k = s_k prod_{j<k} (1 - s_j), s = sigmoid(loc + scale eps).

    eta lies in [0, 1], so low temperatures are needed, and the last category can never win the argmax:
    psi_K <= delta / (delta + K-1). `IGR_SB_Log` has neither restriction. The support is a part of the simplex; the
    density is 0 (log -inf) elsewhere.

    Args:
      loc: stick locations [B, V, K-1].
      log_scale: [B, V, K-1].
      temperature: positive; number or tensor broadcasting against [B, V].
      delta: weight of the last category.
    Raises:
      UserError: temperature or delta not positive.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.2.
    """

    def __init__(self, loc, log_scale, temperature, delta: float = 1.0, name: str = "IGRSBFinite"):
        super().__init__(loc, log_scale, temperature, delta, StickBreaking(), dict(locals()), name)


@register("IGR_SB")
class IGRSB(StickBreakingRelaxation):
    """Stick-breaking that keeps only the sticks whose sum stays within a threshold, then softmax++, then zeros.

    With n sticks kept, psi = (softmax++(eta_1..n / temperature), 0, ..., 0): n+1 categories. Densities and KL are those
    of all K-1 Gaussians, without the truncation. A draw's info holds `n_required`, the mean number of sticks kept, and
    `never_exceeds`, the share of draws whose K-1 sticks all stay within the threshold: if it is above 0, K is too
    small.

    Args:
      loc: stick locations [B, V, K-1].
      log_scale: [B, V, K-1].
      temperature: positive; number or tensor broadcasting against [B, V].
      delta: weight of the extra category.
      threshold: rho, in (0, 1).
      quantile: percentage of the stick counts that "batch" and "historical" keep.
      truncation: "batch", "sample" or "historical", see `truncation.kept_sticks`.
    Raises:
      UserError: an option out of its range.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.2.
    """

    def __init__(
        self,
        loc,
        log_scale,
        temperature,
        delta: float = 1.0,
        threshold: float = 0.9,
        quantile: float = 50.0,
        truncation: str = "batch",
        name: str = "IGRSB",
    ):
        check_truncation(truncation, threshold, quantile)
        parameters = dict(locals())
        self.threshold = threshold
        self.quantile = quantile
        self.truncation = truncation
        super().__init__(loc, log_scale, temperature, delta, StickBreaking(), parameters, name)

    def _logits(self, scores: tf.Tensor, kappa: tf.Tensor) -> tuple[tf.Tensor, dict]:
        tempered = scores / self.temperature[..., tf.newaxis]
        if scores.shape[-1] == 0:  # one category: no stick to break, and none that exceeds the threshold
            return append_last_category(tempered), {
                "n_required": tf.zeros([], self.dtype),
                "never_exceeds": tf.ones([], self.dtype),
            }
        within = sticks_within(log_remainders(kappa), self.threshold)
        kept = kept_sticks(within, self.truncation, self.quantile)
        info = {
            "n_required": _mean(tf.cast(kept, self.dtype)),
            "never_exceeds": _mean(tf.cast(within[..., -1], self.dtype)),
        }
        return truncated_logits(tempered, kept, self.delta), info

    def _sample_and_log_prob(self, sample_shape, seed=None):
        raise UserError(
            "a truncated sample of IGR_SB lies on a face of the simplex and has no density there; take draw(...) and "
            "log_prob_of, which is the density before the truncation"
        )


def _mean(values: tf.Tensor) -> tf.Tensor:
    """The mean, or 0 for an empty batch, which keeps no stick."""
    return tf.where(tf.size(values) > 0, tf.reduce_mean(values), tf.zeros([], values.dtype))
