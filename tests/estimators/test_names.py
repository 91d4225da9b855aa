"""What configs know of the estimators is what the estimators say of themselves."""

import subprocess
import sys
from dataclasses import MISSING, fields

import pytest

from igr_suite.estimators import registered
from igr_suite.estimators.names import KNOWN

PACKAGE = {name: cls for name, cls in registered().items() if cls.__module__.startswith("igr_suite.")}


def test_all_estimators_of_the_package_are_known():
    assert set(KNOWN) == set(PACKAGE)


@pytest.mark.parametrize("name", KNOWN)
def test_the_facts_agree(name):
    known, cls = KNOWN[name], PACKAGE[name]
    assert (known.support, known.route, known.hard, known.relaxed, known.unbiased) == (
        cls.facts.support,
        cls.route,
        cls.facts.hard,
        cls.facts.relaxed,
        cls.facts.unbiased,
    )
    # a setting without a plain default, RELAX's net, is set in code only
    plain = {field.name: field.default for field in fields(cls) if field.default is not MISSING}
    assert dict(known.settings) == plain


def test_names_do_not_import_tensorflow():
    code = "import sys, igr_suite.estimators.names; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
