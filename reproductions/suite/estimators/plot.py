"""Variance against processor time of one gradient, both relative to REINFORCE's, and a table of every estimator."""

from igr_suite.plotting.style import save
from igr_suite.plotting.tables import save_table
from igr_suite.studies.comparison.plots import draw, draw_choice
from igr_suite.studies.comparison.rows import comparison_rows

NOTE = (
    "Variance of the batch gradient by q's weights (sampling noise alone, 24 images at quick scale) and processor time "
    "of one estimate, "
    "relative to those of REINFORCE with the best baseline for each image (NVIL here) on the same model; time: median "
    "over interleaved "
    "rounds, without the model's own gradient. Own parameters trained at these weights. Bias: norm relative to that of "
    "the gradient; p by "
    "random signs; * where it is below 0.001 for weights or logits."
)


def plot(results, out):
    """Returns the paths of what was drawn."""
    return write(comparison_rows(results.folder, results.configs), out)


def write(rows, out):
    """Figure and table of rows of `comparison_rows`."""
    with draw(rows) as fig:
        paths = save(fig, out)
    with draw_choice(rows) as fig:
        paths += save(fig, out, "choosing")
    rows.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    texts = rows[["variables", "method"]].copy()
    for column, heading in (("relative_variance", "variance"), ("relative_cost", "time")):
        texts[heading] = [f"{value:.2g}" if value == value else "-" for value in rows[column]]
    texts["bias"] = [
        f"{bias:.2g} (p {p:.2g}){'*' if biased is True else ''}" if p == p else "-"
        for bias, p, biased in zip(rows["parameters_relative_bias"], rows["parameters_p"], rows["biased"])
    ]
    return [*paths, out / "figure.csv", *save_table(out, texts, rows, NOTE)]
