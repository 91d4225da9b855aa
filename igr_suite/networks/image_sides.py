"""Which images the convolutional networks take (never imports Keras, so that configs may ask)."""

SIDES = {"conv_jointvae": (32, 64), "conv": (28,), "dlgmm_conv": (28,)}
CONVOLUTIONAL = tuple(SIDES)


def misfit(architecture: str, image_shape: tuple[int, int, int]) -> str | None:
    """What is wrong with images for an architecture, as "takes square images of side 28"; None where they fit."""
    height, width, _ = image_shape
    sides = SIDES.get(architecture)
    if sides is None or (height == width and height in sides):
        return None
    return f"takes square images of side {' or '.join(map(str, sides))}"
