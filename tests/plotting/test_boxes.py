"""Boxes stand where the stored percentiles say."""

import numpy as np
import pandas as pd

from igr_suite.plotting.boxes import draw_boxes
from igr_suite.plotting.style import figure

ROWS = pd.DataFrame({"p05": [0.0, 0.2], "p25": [0.1, 0.3], "p50": [0.2, 0.5], "p75": [0.4, 0.6], "p95": [0.8, 0.9]})


def test_boxes_are_drawn_from_percentiles():
    with figure() as (_, axes):
        draw_boxes(axes, ROWS, ["0.05", "0.10"], "GS")
        heights = [(patch.get_path().get_extents().y0, patch.get_path().get_extents().y1) for patch in axes.patches]
        levels = {round(float(y), 6) for line in axes.get_lines() for y in np.unique(line.get_ydata())}
        labels = [label.get_text() for label in axes.get_xticklabels()]
    np.testing.assert_allclose(heights, [(0.1, 0.4), (0.3, 0.6)])
    assert levels == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.9}, "whiskers, their caps and the medians"
    assert labels == ["0.05", "0.10"]
