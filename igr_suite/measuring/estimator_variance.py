"""Gradient estimators compared at the frozen weights of a trained discrete model: variance, bias, signal, cost.

Draws are made in G equal groups. Every group gives an unbiased sample variance, so their mean has an interval by
Student's t. The groups' mean gradients d_g, less those of a large reference sample, give the squared bias without the
norm of the noise,

    |bias|^2  ~  1/(G(G-1)) sum_{g != h} d_g . d_h,

and its p-value by random sign flips of the d_g, which without bias are symmetric about 0, whatever the distribution and
dependence of their entries.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from igr_suite import estimators
from igr_suite.errors import UserError, nearest
from igr_suite.estimators.names import REFERENCE
from igr_suite.measuring.gradient_variance import moments_of
from igr_suite.measuring.gradients import Gradients
from igr_suite.randomness import at_step

GROUPS = 20
FLIPS = 99_999  # random signs of the groups for a p-value
LEVEL = 1e-3  # p below which an estimator counts as biased: the false-alarm rate for each of its two gradients


class Source(NamedTuple):
    """One estimator at fixed weights and images.

    Attributes:
      gradients: maps a seed to {"parameters": gradients of the mean bound with respect to q's weights, "logits":
        gradients of each image's bound with respect to q's logits}.
      hard, relaxed: evaluations of the bound for one estimate.
    """

    gradients: Callable[[tf.Tensor], Gradients]
    hard: int
    relaxed: int


class Subject(Protocol):
    """A model's frozen weights and a few images, on which estimators are compared.

    Attributes:
      names: of the estimators that can be measured.
      own_steps: number of steps for which registered estimators' own parameters are trained first.
      reference: name of the unbiased estimator against which biases are measured, unless another is asked for.
      jit: whether XLA compiles the draws.
    """

    names: tuple[str, ...]
    own_steps: int
    reference: str
    jit: bool

    def source(self, name: str, fresh: bool = False) -> Source:
        """The estimator with this name; `fresh` ignores the settings and parameters that the run has for it."""


class Groups(NamedTuple):
    """Statistics of grouped draws of one list of gradients: the groups' means [G, entries] and the means over entries
    of their sample variances [G]."""

    means: np.ndarray
    variances: np.ndarray


def first_images(train: np.ndarray, images: int) -> np.ndarray:
    """The first `images` training images.

    Raises:
      UserError: there are fewer of them.
    """
    if images > len(train):
        raise UserError(f"--images must be at most the {len(train)} training images of the run, got {images}")
    return train[:images]


def draw_groups(
    source: Source, draws: int, seed: tf.Tensor, jit: bool, say: Callable[[int], None]
) -> tuple[dict[str, Groups], float]:
    """Draws gradients in `GROUPS` equal groups.

    Args:
      source: of the gradients.
      draws: their total number, a multiple of GROUPS with at least two in a group.
      seed: each draw has its own noise, which is the same for all estimators that read the same noise.
      jit: whether XLA compiles the draws.
      say: called with the number of draws after every fifth group.
    Returns:
      {"parameters": ..., "logits": ...} and the seconds of an estimate (median over the groups after the first).
    """
    size = draws // GROUPS

    @tf.function(jit_compile=jit, autograph=False, input_signature=[tf.TensorSpec((), tf.int32)])
    def group(first):
        return moments_of(source.gradients, size, seed, first)

    means: dict[str, list] = {}
    variances: dict[str, list] = {}
    seconds = []
    for number in range(GROUPS):
        began = time.perf_counter()
        for name, moments in group(tf.constant(number * size)).items():
            means.setdefault(name, []).append(np.concatenate([m.mean.numpy().ravel() for m in moments]))
            entries = sum(m.mean.shape.num_elements() for m in moments)
            variances.setdefault(name, []).append(sum(float(m.variance()) for m in moments) / entries)
        seconds.append((time.perf_counter() - began) / size)
        if (number + 1) % 5 == 0:
            say((number + 1) * size)
    groups = {name: Groups(np.array(means[name], float), np.array(variances[name])) for name in means}
    return groups, float(np.median(seconds[1:]))


def squared_norm(vectors: np.ndarray) -> float:
    """Unbiased estimate of |E d|^2 from independent vectors [G, entries]; it may be negative."""
    gram = vectors @ vectors.T
    return float((gram.sum() - np.trace(gram)) / (len(gram) * (len(gram) - 1)))


def bias_test(means: np.ndarray, reference: np.ndarray, flips: int = FLIPS) -> dict[str, float]:
    """Tests group means [G, entries] for a bias against those of a reference, [G, entries] too.

    Returns:
      "bias": norm of the bias, 0 where its squared estimate is negative; "z": that estimate over its standard deviation
      under random signs; "p": how often random signs give an estimate as large.
    """
    vectors = means - reference
    gram = vectors @ vectors.T
    np.fill_diagonal(gram, 0.0)
    pairs = len(gram) * (len(gram) - 1)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(flips, len(gram)))
    null = np.einsum("fg,gh,fh->f", signs, gram, signs, optimize=True)
    observed = gram.sum()
    spread = np.sqrt(2.0 * np.sum(gram**2))
    scores = {
        "z": float(observed / spread) if spread > 0 else 0.0,
        "p": float((1 + np.sum(null >= observed - 1e-9 * abs(observed))) / (1 + flips)),
    }
    return {"bias": float(np.sqrt(max(observed / pairs, 0.0))), **scores}


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95% interval by Student's t."""
    from scipy import stats

    mean = float(values.mean())
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def measure(
    subject: Subject,
    names: Sequence[str],
    draws: int,
    reference: int,
    seed: tf.Tensor,
    say: Callable[[str], None] = lambda text: None,
    against: str | None = None,
) -> list[dict[str, Any]]:
    """Compares estimators.

    Args:
      subject: the model and images to measure on.
      names: from `subject.names`.
      draws, reference: numbers of estimates of each estimator and of the reference; rounded up to multiples of GROUPS.
      seed: int32 [2].
      say: takes progress lines.
      against: name of the unbiased estimator against which biases are measured; None for `subject.reference`.
    Returns:
      One row for each estimator: evaluations, seconds of an estimate, and for "parameters" (the batch gradient of q's
      weights) and "logits" (each image's gradient) the mean variance of an entry with its 95% interval, the
      signal-to-noise ratio |E g| / sqrt(sum of variances), the norm of the bias, also relative to the gradient's, z
      and p.
    Raises:
      UserError: an estimator that cannot be measured here, or a reference that is biased.
    """
    against = against or subject.reference
    for name in (*names, against):
        if name not in subject.names:
            reason = (
                "estimates the gradient of another target"
                if name in _of_other_targets()
                else "is unknown for this model"
            )
            option = "--estimators" if name in names else "--against"
            raise UserError(f"{option}: {name} {reason}; {nearest(name, subject.names)}")
    if not estimators.registered()[against].facts.unbiased:
        raise UserError(f"--against: {against} is biased itself; take {REFERENCE}")
    draws, reference = (GROUPS * max(2, -(-number // GROUPS)) for number in (draws, reference))

    def progress(text: str, total: int):
        return lambda done: say(f"{text}: {done:,} of {total:,} draws")

    truth, _ = draw_groups(
        subject.source(against, fresh=True),
        reference,
        at_step(seed, tf.constant(2)),
        subject.jit,
        progress(f"reference {against}", reference),
    )
    norms = {level: max(squared_norm(groups.means), 0.0) for level, groups in truth.items()}
    rows = []
    for name in names:
        source = subject.source(name)
        drawn, seconds = draw_groups(source, draws, at_step(seed, tf.constant(3)), subject.jit, progress(name, draws))
        row = {"estimator": name, "hard": source.hard, "relaxed": source.relaxed, "draws": draws, "seconds": seconds}
        for level, groups in drawn.items():
            variance = interval(groups.variances)
            entries = groups.means.shape[1]
            row |= {
                f"{level}_{key}": value for key, value in zip(("variance", "variance_low", "variance_high"), variance)
            }
            row[f"{level}_snr"] = (
                float(np.sqrt(norms[level] / (entries * variance[0]))) if variance[0] > 0 else float("inf")
            )
            row |= {f"{level}_{key}": value for key, value in bias_test(groups.means, truth[level].means).items()}
            row[f"{level}_relative_bias"] = (
                row[f"{level}_bias"] / np.sqrt(norms[level]) if norms[level] > 0 else float("nan")
            )
        row["biased"] = any(row[f"{level}_p"] < LEVEL for level in drawn)
        rows.append(row)
    return rows


def _of_other_targets() -> list[str]:
    return [name for name, cls in estimators.registered().items() if cls.facts.target != "expectation"]
