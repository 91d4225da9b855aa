"""The upper and the lower half of a 28 x 28 digit."""

IMAGE_SHAPE = (28, 28, 1)
HALF_PIXELS = 14 * 28


PICTURED = (10, 23, 2, 5, 20, 11, 0, 12, 33, 52)  # test images of the authors' panel; docs/papers/igr.md, section 4
