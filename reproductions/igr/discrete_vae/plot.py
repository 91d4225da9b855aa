"""Validation ELBO over epochs of every model that has been run, and the table of test bounds."""

from igr_suite.families.vae.plots.curves import bounds_table, importance_table, named
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import epoch_axis, figure, save


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = named(results.metrics).dropna(subset=["validation_elbo_relaxed"])
    with figure(width=6.4, height=4.0) as (fig, axes):
        drawn = draw_curves(axes, rows, "epoch", "validation_elbo_relaxed", method="model", seed="seed")
        epoch_axis(axes)
        axes.set_ylabel("validation ELBO (nats per image)")
        fig.suptitle(
            f"{rows['data'].iloc[0]}, default preset; {seeds_caption(rows, 'seed', ['model'], 'epoch')}",
            fontsize="medium",
        )
        axes.legend(fontsize="small")
        paths = save(fig, out)
    drawn.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    runs = named(results.runs)
    return [
        *paths,
        out / "figure.csv",
        *bounds_table(runs, out, "Nats per image, test split, relaxed codes."),
        *importance_table(runs, out),
    ]
