"""No number of a run's config can be what no number of its kind is."""

import pytest

from igr_suite.errors import UserError
from igr_suite.families.dni.config import DNIOptimiserConfig, TrainDNI
from igr_suite.families.dni.copy_rnn_config import TrainCopyRNN
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.mixture.config import TrainMixture
from igr_suite.families.sbn.config import TrainSBN
from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs.config import flatten

KINDS = [
    TrainVAE,
    TrainMixture,
    TrainStructured,
    TrainSBN,
    TrainRelax,
    TrainHardVAE,
    TrainDReG,
    TrainDNI,
    TrainCopyRNN,
    TrainHalfMNIST,
]
LIMITS = {"data.train_limit": 60, "data.evaluation_limit": 60}
EITHER_SIGN = ("seed", "sg_use_factor")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_numbers_that_are_none_and_negative_ones_are_refused(kind):
    config = kind() if kind is TrainCopyRNN else kind().with_values(LIMITS)
    tried = 0
    for path, value in flatten(config.to_dict()).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        wrongs = ("-1", "nan", "inf", "a") if isinstance(value, float) else ("-1", "nan", "2.5")
        for wrong in wrongs[1:] if path.endswith(EITHER_SIGN) else wrongs:
            tried += 1
            with pytest.raises(UserError):
                config.with_values({path: wrong})
                pytest.fail(f"{path}={wrong} is accepted")
    assert tried > 10


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not TrainCopyRNN], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("path", LIMITS)
def test_no_images_are_not_all_images(kind, path):
    with pytest.raises(UserError, match=f"{path} must be at least 1, got 0"):
        kind().with_values({path: 0})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"optimiser.beta_1": 1.0}, "optimiser.beta_1 must be at least 0 and less than 1, got 1.0"),
        ({"optimiser.beta_2": -0.1}, "optimiser.beta_2 must be at least 0 and less than 1, got -0.1"),
        ({"optimiser.epsilon": 0.0}, "optimiser.epsilon must be positive, got 0.0"),
    ],
)
@pytest.mark.parametrize("kind", [TrainVAE, TrainSBN, TrainDReG, TrainHardVAE], ids=lambda kind: kind.__name__)
def test_adam_divides_by_no_zero(kind, values, sentence):
    with pytest.raises(UserError, match=sentence):
        kind().with_values(values)


def test_momentum_is_a_share():
    with pytest.raises(UserError, match="optimiser.momentum must be at least 0 and less than 1, got 1"):
        DNIOptimiserConfig(name="sgd", momentum=1.0)
