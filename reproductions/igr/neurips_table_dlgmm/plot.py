"""IGR, NeurIPS nonparametric table: bounds and components in use, paired differences, curves, usage, pictures."""

from igr_suite.families.mixture.plots import draw_pictures, draw_usage, named, paired_table
from igr_suite.families.vae.plots.curves import not_run
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import likelihood_columns
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

COLUMNS = {
    "test_elbo": "test ELBO",
    "test_elbo_joint": "joint ELBO",
    "test_reconstruction": "reconstruction",
    "test_kl_components": "KL components",
    "test_kl_sticks": "KL sticks",
    "test_components_effective": "effective comp.",
    "test_components_an_image": "comp. an image",
    "test_components_used": "comp. above 1%",
    "test_kept": "kept",
}


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs, rows = named(results.runs), named(results.metrics).dropna(subset=["test_elbo"])
    likelihood = likelihood_columns(runs, "mixture")[-1]
    heading = f"log-lik. (IW, S={likelihood.rsplit('_', 1)[1]})"
    elbo, *rest = COLUMNS
    columns = {elbo: COLUMNS[elbo], likelihood: heading} | {name: COLUMNS[name] for name in rest if name in runs}
    texts, numbers = over_seeds(runs, ["data", "model"], columns)
    note = (
        f"Nats per image, mean ± standard deviation over seeds, after {runs['schedule.epochs'].iloc[0]} epochs; "
        f"{runs['model.components'].iloc[0]} components of {runs['model.dimensions'].iloc[0]} dimensions. Trained on "
        f"the "
        f"{runs['model.objective'].iloc[0]} objective. Effective: perplexity of the mean weights; an image: mean "
        f"perplexity of its own. "
        f"{not_run(results)}"
    )
    paths = save_table(out, texts, numbers, note)
    if (runs["model"] != "DLGMM").any():
        paths += paired_table(runs, {elbo: COLUMNS[elbo], likelihood: heading}, "DLGMM", out)
    sets = list(dict.fromkeys(runs["data"]))
    with figure(width=10.4, height=3.9 * len(sets), columns=2, rows=len(sets), squeeze=False) as (fig, axes):
        for (curves, usage), data in zip(axes, sets):
            mine = rows[rows["data"] == data]
            drawn = draw_curves(curves, mine, "epoch", "test_elbo", method="model", seed="seed")
            epoch_axis(curves)
            curves.set_ylabel("test ELBO (nats per image)")
            curves.set_title(f"{data}; {seeds_caption(mine, 'seed', ['model'], 'epoch')}", fontsize="medium")
            curves.legend(loc="lower right", fontsize="small")
            weights = draw_usage(usage, runs[runs["data"] == data])
            usage.set_title("after the last epoch; bar: mean, dots: seeds", fontsize="medium")
            suffix = "" if data == sets[0] else f"_{sets.index(data) + 1}"
            drawn.assign(data=data).to_csv(out / f"figure{suffix}.csv", index=False, float_format="%.6g")
            weights.assign(data=data).to_csv(out / f"usage{suffix}.csv", index=False, float_format="%.6g")
            paths += [out / f"figure{suffix}.csv", out / f"usage{suffix}.csv"]
        paths += save(fig, out)
    return [*paths, *draw_pictures(results.folder, runs, out)]
