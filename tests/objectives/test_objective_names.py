"""Names, options and sample counts: what the registry holds, and one sentence for each mistake."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.objectives.names import FACTS, NAMES, check_samples, is_unbiased, minimum_samples, references, resolve
from igr_suite.objectives.registry import OBJECTIVES, build
from igr_suite.report.objectives import PLACE, document


def test_every_name_has_its_objective_and_its_line_in_the_docs():
    """The page is mended by `python -m igr_suite.report.objectives`."""
    assert set(OBJECTIVES) == set(NAMES)
    assert Path(PLACE).read_text() == document()
    for name, cls in OBJECTIVES.items():
        assert cls.facts is FACTS[name]
        assert "Source:" in cls.__doc__, f"{name} names no source"
        assert build(name).options == dict(cls.facts.options)
        assert build(name).minimum_samples == minimum_samples(name)
        assert all(target in NAMES for target, _, _ in references(name))


def test_names_need_no_tensorflow():
    code = "import sys, igr_suite.objectives.names; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_references():
    assert references("stl") == (("iwae", {}, 1.0),) and not is_unbiased("stl")
    assert references("jk-dreg", {"order": 2}) == (("jk", {"order": 2, "form": "masked"}, 1.0),)
    (first, _, a), (second, _, b) = references("dreg-alpha", {"alpha": 0.25})
    assert (first, a, second, b) == ("iwae", 0.75, "rws", 0.25)
    assert references("vr-iwae-dreg", {"alpha": 0.2}) == (("vr-iwae", {"alpha": 0.2}, 1.0),)
    assert references("vargrad") == (("ciwae", {"beta": 1.0}, 1.0),)
    assert is_unbiased("ovis", {"gamma": 0.0}) and not is_unbiased("ovis")
    assert build("ovis", gamma=0.0).unbiased and FACTS["ovis"].reference is None and FACTS["dreg"].reference == "iwae"


@pytest.mark.parametrize(
    ("name", "samples", "options", "sentence"),
    [
        ("jk", 1, {}, "jk with order=1 needs at least 2 samples, got 1"),
        ("jk-dreg", 3, {"order": 3}, "jk-dreg with order=3 needs at least 4 samples, got 3"),
        ("rws-dreg-norm", 1, {}, "rws-dreg-norm needs at least 2 samples, got 1"),
        ("miwae", 4, {}, "miwae with groups=8 needs at least 8 samples, got 4"),
        ("miwae", 20, {}, "divides its samples into 8 equal groups, which 20 samples do not allow"),
        ("ovis-mc", 9, {}, "needs at least 10 samples"),
        ("vimco", 1, {}, "needs at least 2"),
        ("vargrad", 1, {}, "vargrad needs at least 2 samples, got 1"),
        ("iwae", 0, {}, "iwae needs at least 1 samples, got 0"),
    ],
)
def test_too_few_samples(name, samples, options, sentence):
    with pytest.raises(UserError, match=sentence):
        check_samples(name, samples, options)
    if samples:
        with pytest.raises(UserError, match=sentence):
            build(name, **options).coefficients(tf.zeros([samples, 2]))


def test_antithetic_samples_come_in_pairs():
    check_samples("iwae", 4, antithetic=True)
    with pytest.raises(UserError, match="num_samples must be even, got 5"):
        check_samples("iwae", 5, antithetic=True)


def test_a_table_that_does_not_fit_is_refused():
    check_samples("jk", 64, {"order": 2}, batch_size=32)  # 17 MB
    with pytest.raises(
        UserError, match=r"order 3 at 64 samples has 43,745 subsets; with batches of 32 they need 342 MiB.*lower order"
    ):
        check_samples("jk", 64, {"order": 3}, batch_size=32)
    with pytest.raises(UserError, match="form=closed"):
        check_samples("jk", 4096, batch_size=32)
    check_samples("jk", 4096, {"form": "closed"}, batch_size=32)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("drag", {}, "unknown objective 'drag': did you mean 'dreg'"),
        ("dreg", {"alpha": 0.5}, "dreg does not read alpha=0.5; alpha is for dreg-alpha, vr-iwae, vr-iwae-dreg"),
        ("dreg", {"colour": "red"}, "no objective does"),
        ("dreg-alpha", {"alpha": 1.5}, "alpha of dreg-alpha must lie between 0 and 1, got 1.5"),
        ("dreg-alpha", {"alpha": "a"}, "alpha of dreg-alpha must lie between 0 and 1, got a"),
        ("dreg-alpha", {"alpha": True}, "alpha of dreg-alpha must lie between 0 and 1, got True"),
        (3, {}, "unknown objective '3'"),
        ("dreg-alpha", {"alpha": float("nan")}, "got nan"),
        ("ciwae", {"beta": -0.1}, "beta of ciwae must lie between 0 and 1"),
        ("jk", {"order": -1}, "order of jk must be an integer of at least 0, got -1"),
        ("jk", {"order": 2, "form": "closed"}, "closed form for order=1 only"),
        ("jk", {"form": "open"}, "form of jk must be masked or closed, got 'open'"),
        ("tvo", {"first": 0.0}, "first of tvo"),
        ("miwae", {"groups": 2.5}, "must be an integer"),
    ],
)
def test_wrong_options(name, options, sentence):
    with pytest.raises(UserError, match=sentence):
        build(name, **options)
    with pytest.raises(UserError, match=sentence):
        resolve(name, options)
