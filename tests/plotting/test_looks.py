"""One look a method: what is registered has one, none has two, and colours are apart under three kinds of sight."""

import itertools

import numpy as np
import pytest

import igr_suite.families.dni.plots
import igr_suite.families.half_mnist.plots.losses  # noqa: F401  registers looks
from igr_suite.estimators.names import KNOWN
from igr_suite.families.half_mnist.presets import PRESETS
from igr_suite.families.vae.presets import SHORT_NAMES
from igr_suite.lab.running import discovery
from igr_suite.objectives.names import FACTS
from igr_suite.plotting.appearance import Appearance, applied
from igr_suite.plotting.estimators import label
from igr_suite.plotting.looks import (
    APART,
    CONTRAST,
    LOOKS,
    METHODS,
    OTHER,
    PALETTE,
    SAME,
    look_of,
    register_looks,
    register_same,
)
from igr_suite.plotting.sight import SIGHTS, ciede2000, contrast, difference, least_difference
from igr_suite.plotting.style import look


@pytest.mark.parametrize(
    ("one", "other", "delta"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_is_that_of_the_published_table(one, other, delta):
    """Sharma, Wu & Dalal (2005), table 1."""
    assert ciede2000(np.array(one, float), np.array(other, float)) == pytest.approx(delta, abs=5e-5)
    assert ciede2000(np.array(other, float), np.array(one, float)) == pytest.approx(delta, abs=5e-5)


def test_each_sight_keeps_greys_and_dichromats_confuse_red_and_green():
    for name, matrix in SIGHTS.items():
        np.testing.assert_allclose(matrix.sum(1), 1.0, atol=2e-6, err_msg=name)
    red, green = "#b35900", "#808000"  # of one lightness
    assert difference(red, green) > 25
    assert difference(red, green, "deuteranopia") < 0.5 * difference(red, green)
    assert difference(red, green, "protanopia") < difference(red, green)


def test_contrast_runs_from_1_to_21():
    assert contrast("white") == pytest.approx(1.0) and contrast("black") == pytest.approx(21.0)
    assert contrast("#777777") == pytest.approx(4.478, abs=1e-3) == contrast("white", "#777777")


def test_colours_are_apart_under_every_sight_and_dark_enough():
    pairs = {(a, b): least_difference(PALETTE[a], PALETTE[b]) for a, b in itertools.combinations(PALETTE, 2)}
    assert min(pairs.values()) >= APART, min(pairs, key=pairs.get)
    assert min(contrast(shade) for shade in (*PALETTE.values(), OTHER)) >= CONTRAST


def test_every_method_that_a_figure_can_show_has_a_look_of_its_own():
    for name in discovery.names():
        discovery.plot_module(name)  # registers the looks of its methods
    methods = [label(name) for name in KNOWN] + [facts.title for facts in FACTS.values()]
    methods += [*SHORT_NAMES.values(), *PRESETS, *igr_suite.families.dni.plots.METHOD_BY_LABEL]
    assert [name for name in methods if name not in LOOKS] == []
    same = [name for name in LOOKS if list(LOOKS.values()).count(LOOKS[name]) > 1]
    assert set(same) == {"GST", "GST-1.0", "Bprop", "A-bp", "BPTT", "cDNI", "A-dni", "SDNI", "SDNI lin"}
    assert SAME.items() <= {"GST-1.0": "GST"}.items()


def test_no_method_has_two_looks():
    with pytest.raises(ValueError, match=f"GS has the colour {PALETTE['purple']} already"):
        register_looks("red", ["GS"])
    with pytest.raises(ValueError, match="GS has a look already"):
        register_same({"GS": "IGR-I"})
    register_looks("purple", METHODS["purple"])  # once more is no mistake
    before = dict(LOOKS)
    try:
        with pytest.raises(ValueError, match="no look in black with the line - is left for method"):
            register_looks("black", [f"method {i}" for i in range(20)])
    finally:
        LOOKS.clear()
        LOOKS.update(before)


def test_settings_keep_a_methods_colour_and_strangers_are_grey():
    assert look_of("DReG(0.9)").colour == look_of("DReG(alpha)").colour and look_of("DReG(0.9)") != look_of("DReG")
    assert look_of("REBAR(0.3)").colour == look_of("REBAR").colour and look_of("REBAR(0.3)") != look_of("REBAR")
    assert look_of("RLOO (8)").colour == look_of("RLOO").colour
    strangers = {look_of(f"my method {i}") for i in range(6)}
    assert {stranger.colour for stranger in strangers} == {OTHER} and len(strangers) >= 4
    with applied(Appearance(colours={"GS": "black"})):
        assert look("GS") == look_of("GS")._replace(colour="black")
