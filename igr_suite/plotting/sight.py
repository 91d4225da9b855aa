"""How far apart two colours are for readers with normal sight, deuteranopia and protanopia, and how far from white."""

import numpy as np
from matplotlib.colors import to_rgb

# Linear RGB -> linear RGB as a reader sees it. Machado, Oliveira & Fernandes (2009), table of matrices, severity 1.
SIGHTS = {
    "normal sight": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
# Linear sRGB -> XYZ, IEC 61966-2-1; the rows' sums are the white point D65.
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour) -> np.ndarray:
    """Returns a colour of matplotlib as linear RGB, float [3] in [0, 1]; IEC 61966-2-1."""
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Returns CIE L*a*b* of linear RGB, float [..., 3], relative to the white of the screen."""
    ratio = (rgb @ XYZ.T) / XYZ.sum(1)
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def ciede2000(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the colour difference CIEDE2000 of L*a*b* colours, float [..., 3] each; about 1 is just noticeable.

    Source: Sharma, Wu & Dalal (2005), eqs. 2 to 22, with all three weights 1.
    """
    (light, a, b), (light2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    mean7 = ((np.hypot(a, b) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean7 / (mean7 + 25.0**7))
    chroma, chroma2 = np.hypot(stretch * a, b), np.hypot(stretch * a2, b2)
    hue = np.degrees(np.arctan2(b, stretch * a)) % 360
    hue2 = np.degrees(np.arctan2(b2, stretch * a2)) % 360
    grey, turn = chroma * chroma2 == 0, hue2 - hue
    turn = np.where(grey, 0.0, turn - 360 * (turn > 180) + 360 * (turn < -180))
    apart = 2 * np.sqrt(chroma * chroma2) * np.sin(np.radians(turn / 2))
    mean_light, mean_chroma, total = (light + light2) / 2, (chroma + chroma2) / 2, hue + hue2
    wrapped = total + np.where(total < 360, 360, -360)
    mean_hue = np.where(grey, total, np.where(np.abs(hue - hue2) <= 180, total, wrapped) / 2)

    def cosine(times: int, shift: float) -> np.ndarray:
        return np.cos(np.radians(times * mean_hue + shift))

    weight = 1 - 0.17 * cosine(1, -30) + 0.24 * cosine(2, 0) + 0.32 * cosine(3, 6) - 0.20 * cosine(4, -63)
    dip = (mean_light - 50) ** 2
    by_light = (light2 - light) / (1 + 0.015 * dip / np.sqrt(20 + dip))
    by_chroma = (chroma2 - chroma) / (1 + 0.045 * mean_chroma)
    by_hue = apart / (1 + 0.015 * mean_chroma * weight)
    mean7 = mean_chroma**7
    rotation = -2 * np.sqrt(mean7 / (mean7 + 25.0**7))
    rotation = rotation * np.sin(np.radians(60 * np.exp(-(((mean_hue - 275) / 25) ** 2))))
    return np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue)


def difference(one, other, sight: str = "normal sight") -> float:
    """Returns CIEDE2000 of two colours of matplotlib as a reader of `SIGHTS` sees them."""
    seen = [lab(np.clip(SIGHTS[sight] @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(ciede2000(*seen))


def least_difference(one, other) -> float:
    """Returns the smallest `difference` over all of `SIGHTS`."""
    return min(difference(one, other, sight) for sight in SIGHTS)


def contrast(colour, background="white") -> float:
    """Returns the contrast ratio of two colours, from 1 to 21: (Y1 + .05) / (Y2 + .05), Y1 >= Y2 (WCAG 2.2)."""
    luminance = sorted(float(XYZ[1] @ linear(shade)) for shade in (colour, background))
    return (luminance[1] + 0.05) / (luminance[0] + 0.05)
