"""The bias check of one config: warm-up training, then paired differences at frozen weights."""

from collections.abc import Callable

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.families.iwae.bias import PairedDifferences
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.iwae.train import build_model, load_splits, start_weights
from igr_suite.objectives import names, registry
from igr_suite.randomness import run_seed
from igr_suite.training.executor import filled_batches_plan
from igr_suite.training.loop import LONGEST_CALL, compiled_steps


def check(
    config: TrainDReG,
    samples: int,
    warmup: int,
    reference: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, object]:
    """Trains `warmup` steps and compares the estimator's mean inference gradient with its reference's.

    Args:
      config: model, data, source of the weights.
      samples: number of paired draws.
      warmup: number of training steps before them.
      reference: name of an objective; None takes the one whose gradient the estimator estimates (`names.references`).
      say: called with a sentence at every stage.
    Returns:
      JSON values: what was compared, and `bias.verdict`.
    Raises:
      UserError: unknown reference, the estimator itself as reference, or as in `train.start_weights`.
    """
    estimator = registry.build(config.model.estimator, **config.model.options_of(config.model.estimator))
    chosen = (
        names.references(config.model.estimator, estimator.options) if reference is None else ((reference, {}, 1.0),)
    )
    references = [(registry.build(name, **options), weight) for name, options, weight in chosen]
    if [(other.facts, other.options) for other, _ in references] == [(estimator.facts, estimator.options)]:
        raise UserError(
            f"{config.model.estimator} is its own reference, so there is nothing to compare; check another "
            f"--estimator, or name another --reference"
        )
    for name, options, _ in chosen:
        names.check_samples(name, config.model.samples, options, config.schedule.batch_size, config.model.antithetic)
    _, splits, mean = load_splits(config)
    model = build_model(config, mean)
    start_weights(model, config)
    train(model, splits["train"], config, warmup)
    say(f"{warmup} steps of training are done; {samples} paired draws follow")
    paired = PairedDifferences(model, splits["train"], estimator, references, config.schedule.batch_size, config.seed)
    measured = paired.measure(samples, lambda done: say(f"{done} of {samples} draws") if done % 1000 == 0 else None)
    compared = " + ".join(f"{weight:g} {name}" if weight != 1.0 else name for name, _, weight in chosen)
    return {
        "estimator": config.model.estimator,
        "reference": compared,
        "run": config.run_id,
        "warmup_steps": warmup,
        **measured,
    }


def train(model: DReGVAE, images, config: TrainDReG, steps: int) -> None:
    """The first `steps` steps of the config's training."""
    plan = filled_batches_plan(config, len(images))
    run, seed, step = compiled_steps(model, tf.constant(images), plan.batch_size), run_seed(config.seed, "train"), 0
    while step < steps:
        end_of_epoch = (step // plan.steps_per_epoch + 1) * plan.steps_per_epoch
        stop = min(step + LONGEST_CALL, end_of_epoch, steps)
        run(plan.orders(step, stop), stop - step, step, seed)
        step = stop
