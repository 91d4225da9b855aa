"""IGR, pictures: reconstructions of the authors' display images, prior samples and traversals of all models; their
bounds."""

from igr_suite.families.vae.config import JOINT
from igr_suite.families.vae.plots.curves import bounds_table, named
from igr_suite.plotting.pictures import prior_samples, reconstruction_errors, reconstructions, stored, traversals


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs = named(results.runs)
    runs["model"] = runs["model"].mask(runs["model.name"].isin(JOINT), "joint " + runs["model"])
    labels = runs["model"] + runs["temperature"].map(" at {:g}".format)
    if runs["data"].nunique() > 1:
        labels = runs["data"] + " " + labels
    pictures = stored(results.folder, dict(zip(runs["run_id"], labels)))
    reconstruction_errors(pictures).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    epochs = runs["schedule.epochs"].iloc[0]
    note = (
        f"Nats per image, one seed, after epoch {epochs}: the runs whose pictures are drawn. Joint models see 32x32 "
        f"images."
    )
    return [
        *reconstructions(pictures, out, "figure"),
        out / "figure.csv",
        *prior_samples(pictures, out, "prior_samples"),
        *traversals(pictures, out, "traversals"),
        *bounds_table(runs, out, note),
    ]
