"""Box plots from stored percentiles: no sample is needed to draw them again."""

import pandas as pd

from igr_suite.plotting.style import colour

CAPTION = "box: median and quartiles; whiskers: 5th and 95th percentile"


def draw_boxes(
    axes, frame: pd.DataFrame, labels: list[str], method: str, width: float = 0.6, places: list[float] | None = None
) -> None:
    """Draws one box per row, side by side.

    The whiskers are percentiles, not Tukey's: most samples of a distribution at a low temperature lie at one spot, where
    Tukey's whiskers would end and leave hundreds of outliers, which are not stored.

    Args:
      axes: where to draw.
      frame: columns p05, p25, p50, p75, p95; one row per box, in order.
      labels: labels below the boxes.
      method: the method, which decides the colour.
      width: width of a box; neighbours are 1 apart.
      places: places of the boxes on the x axis; by default 1, 2, ...
    """
    boxes = [
        {
            "whislo": row.p05,
            "q1": row.p25,
            "med": row.p50,
            "q3": row.p75,
            "whishi": row.p95,
            "label": label,
            "fliers": [],
        }
        for row, label in zip(frame.itertuples(), labels)
    ]
    shade, line = colour(method), {"color": colour(method), "linewidth": 1.1}
    axes.bxp(
        boxes,
        widths=width,
        positions=places,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": (shade, 0.3), "edgecolor": shade, "linewidth": 1.1},
        whiskerprops=line,
        capprops=line,
        medianprops={"color": "black", "linewidth": 1.6},
    )
