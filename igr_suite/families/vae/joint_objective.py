"""The JointVAE objective: each KL is held at a capacity that rises during training."""

import tensorflow as tf

from igr_suite.families.vae.config import CapacityConfig


def capacity_at(ramp: tuple[float, float, int], step: tf.Tensor) -> tf.Tensor:
    """C(t) = linspace(lo, hi, n)[min(t, n - 1)].

    Args:
      ramp: (lo, hi, n).
      step: t, integer scalar.
    Returns:
      float32 scalar, nats.
    """
    lo, hi, count = ramp
    share = tf.cast(tf.minimum(tf.cast(step, tf.int64), count - 1), tf.float32) / (count - 1)
    return lo * (1 - share) + hi * share


def jointvae_objective(
    log_likelihood: tf.Tensor, kl_continuous: tf.Tensor, kl_discrete: tf.Tensor, config: CapacityConfig, step: tf.Tensor
) -> tf.Tensor:
    """log p(x | z) - gamma |KL_continuous - C_z(t)| - gamma |KL_discrete - C_c(t)|; its mean is the negated JointVAE
    loss.

    With gamma = 1, C = 0 and KLs that are not negative it is the ELBO. A sampled KL enters with its noise, which |.|
    does not average away: objectives with sampled and with closed KLs are not comparable.

    Args:
      log_likelihood: log p(x | z) [...].
      kl_continuous, kl_discrete: [...], broadcasting against it.
      config: gamma and the two ramps.
      step: t, integer scalar, the number of training steps before this one.
    Returns:
      [...] in nats.
    Source: Dupont (2018), eq. 7; docs/papers/igr.md, section 3.3.
    """
    missed = tf.abs(kl_continuous - capacity_at(config.continuous, step)) + tf.abs(
        kl_discrete - capacity_at(config.discrete, step)
    )
    return log_likelihood - config.gamma * missed
