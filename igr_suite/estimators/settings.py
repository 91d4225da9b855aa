"""Checks that estimators' settings share."""

from igr_suite.errors import UserError


def check_temperature(temperature: float) -> None:
    """Raises UserError unless the temperature is positive."""
    if not temperature > 0:
        raise UserError(f"temperature must be positive, got {temperature} (0.1 to 1 is usual)")


def check_samples(estimator: str, samples: int) -> None:
    """Raises UserError unless there are two samples or more, which leave-one-out estimators need."""
    if samples < 2:
        raise UserError(f"{estimator} needs at least 2 samples, got {samples}: each is compared with the others")
