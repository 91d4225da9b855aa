"""IGR, Figure 3: test ELBO over epochs; solid: cross-validated temperature, dashed: near-discrete temperature."""

from igr_suite.families.vae.plots.curves import bounds_table, named
from igr_suite.families.vae.presets import G2_CV_TEMPERATURES
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import epoch_axis, figure, save


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = named(results.metrics).dropna(subset=["test_elbo_relaxed"])
    solid = rows["temperature"] == rows["model.name"].map(G2_CV_TEMPERATURES)
    rows = rows.assign(line=solid.map({True: "-", False: "--"}))
    with figure(width=7.4, height=4.6) as (fig, axes):
        drawn = draw_curves(
            axes,
            rows,
            "epoch",
            "test_elbo_relaxed",
            method="model",
            seed="seed",
            style="line",
            label=r"{method}, $\tau$ = {temperature:g}",
        )
        epoch_axis(axes)
        axes.set_ylabel("test ELBO (nats per image)")
        seeds = seeds_caption(rows, "seed", ["line", "model"], "epoch")
        words = "solid: cross-validated temperature, dashed: near-vertex temperature"
        fig.suptitle(f"{rows['data'].iloc[0]}; {seeds}; {words}", fontsize="medium")
        fig.legend(loc="outside lower center", ncols=4, fontsize="small")
        paths = save(fig, out)
    drawn.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    note = "Nats per image at the last epoch, mean ± standard deviation over seeds."
    return [*paths, out / "figure.csv", *bounds_table(named(results.runs), out, note)]
