"""One look a method in all figures: a colour, a marker and a line style.

The colours are few and far apart for readers with normal sight, deuteranopia and protanopia alike (CIEDE2000 of at
least `APART`), and dark enough on white; so methods that share a colour have different markers. Lines are solid but
those of variants of a method, which are dashed.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

APART = 10.0  # CIEDE2000; the test of the palette asks for it under every sight
CONTRAST = 3.0  # with white, of lines, markers and texts (WCAG 2.2, success criterion 1.4.11)
# Found by a random search for colours near eleven named hues with the largest smallest difference under three sights.
PALETTE = {
    "black": "#000000",
    "blue": "#468bd1",
    "brown": "#5d2e17",
    "green": "#2ea25d",
    "grey": "#745d5d",
    "magenta": "#e82e8b",
    "navy": "#172e74",
    "olive": "#5d7446",
    "orange": "#e85d00",
    "purple": "#8b17b9",
    "red": "#d11717",
    "teal": "#17a2a2",
}
MARKERS = "osD^vPX*<>hd"
LINES = ("-", "--", "-.", ":")
OTHER = "#7f7f7f"  # of a method that nobody has given a look

# Methods by colour; a method's place decides its marker.
METHODS = {
    "black": ["exact", "RELAX+Bernoulli", "local expectation", "VarGrad", "MIWAE-DReG"],
    "blue": ["REBAR", "IGR-SB-Finite", "OVIS", "ARMS", "DReG-norm", "CIWAE", "VR-IWAE-DReG"],
    "brown": ["DLGMM", "Concrete(0.1)", "RELAX+IGR", "VIMCO", "ARM", "JVI-DReG", "Gaussian", "bitflip"],
    "green": ["IGR-I", "ST", "SimpleMuProp", "DLGMM-IGR", "CARMS", "RWS", "PIWAE"],
    "grey": ["REINFORCE", "VAE", "TVO", "ARS", "DReG-cv", "TVO-DReG"],
    "magenta": ["NVIL", "GSP", "UGC", "DReG(alpha)", "ST-GS(0.1)", "ARSM", "MIWAE"],
    "navy": ["DynamicREBAR", "IGR-SB", "DLGMM-IGR-SB", "DReG", "RODEO"],
    "olive": ["MuProp", "IGSM", "GST", "RWS-DReG", "DisARM-Tree", "PIWAE-DReG", "CIWAE-DReG"],
    "orange": ["Concrete", "DLGMM-Var", "RELAX+GS", "LAX", "DisARM-SB", "OVIS~", "VR-IWAE"],
    "purple": ["GS", "ST-GS", "RLOO", "JVI", "local DisARM", "DisARM"],
    "red": ["RELAX", "IGR-Planar", "ReinMax", "STL", "Double CV", "RWS-DReG-norm"],
    "teal": ["REBAR(0.1)", "Gumbel-Rao", "IGR-SB-Log", "OVIS-MC", "IWAE"],
}
VARIANTS = {"navy": ["OVIS(1)"], "orange": ["ReinMax-Rao"]}
SAME = {"GST-1.0": "GST"}  # two names of one method


class Look(NamedTuple):
    """How a method is drawn.

    Attributes:
      colour: "#rrggbb".
      marker: of matplotlib.
      line: a line style of matplotlib, where the figure's line styles have no meaning of their own.
    """

    colour: str
    marker: str
    line: str


LOOKS: dict[str, Look] = {}


def register_looks(colour: str, methods: Iterable[str], line: str = "-") -> None:
    """Gives methods looks of one colour that no other method has; the plots of a family call it when they are imported.

    Args:
      colour: a name in `PALETTE`.
      methods: names in legends, the one that is compared most often first.
      line: line style, of `LINES`.
    Raises:
      ValueError: a method has another colour already, or no look in this colour is left.
    """
    shade = PALETTE[colour]
    for name in methods:
        taken = [look for look in LOOKS.values() if look.colour == shade]
        if name not in LOOKS:
            free = next((look for look in _looks_of(colour, line) if look not in taken), None)
            if free is None:
                raise ValueError(f"no look in {colour} with the line {line} is left for {name}; give it another colour")
            LOOKS[name] = free
        elif LOOKS[name].colour != shade:
            raise ValueError(f"{name} has the colour {LOOKS[name].colour} already, not {shade}")


def register_same(names: Mapping[str, str]) -> None:
    """Gives methods the looks of methods that they are under another name.

    Args:
      names: name -> the other one, which has a look.
    Raises:
      ValueError: a name has another look already.
    """
    for name, other in names.items():
        if LOOKS.setdefault(name, LOOKS[other]) != LOOKS[other]:
            raise ValueError(f"{name} has a look already, and not that of {other}")


def look_of(method: str) -> Look:
    """Returns a method's look. One with other settings, such as 'REBAR(0.3)', has its method's colour and a marker by
    its settings; one that is unknown is grey, with a marker by its name."""
    if method in LOOKS:
        return LOOKS[method]
    name, bracket, _ = method.partition("(")
    known = LOOKS.get(f"{name}(alpha)") or LOOKS.get(name.strip()) if bracket else None
    number = zlib.crc32(method.encode())
    look = Look(known.colour if known else OTHER, MARKERS[number % len(MARKERS)], "-")
    return look._replace(line="--") if look == known else look


def _looks_of(colour: str, line: str) -> Iterator[Look]:
    """Yields the looks of a colour with a line style; those of two colours begin with different markers."""
    begin = list(PALETTE).index(colour) + len(PALETTE) // 2 * LINES.index(line)
    for place in range(len(MARKERS)):
        yield Look(PALETTE[colour], MARKERS[(begin + place) % len(MARKERS)], line)


for _colour, _methods in METHODS.items():
    register_looks(_colour, _methods)
for _colour, _methods in VARIANTS.items():
    register_looks(_colour, _methods, "--")
register_same(SAME)
