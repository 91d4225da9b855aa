"""IGR, Table 1: table and figure of the runs at each model's selected temperature; a second table shows the search."""

from igr_suite.families.vae.plots.curves import bounds_figure, bounds_table, importance_table, named
from igr_suite.lab.analysis.selection import CRITERION, selected_runs
from igr_suite.plotting.tables import over_seeds, save_table
from igr_suite.training.config_parts import SEEDS


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs = named(results.runs)
    chosen = selected_runs(runs, SEEDS[0])
    epochs, sizes = runs["schedule.epochs"].iloc[0], runs["data.sizes.train"].unique()
    note = (
        f"Nats per image, mean ± standard deviation over seeds, after {epochs} epochs on "
        f"{', '.join(f'{n:,.0f}' for n in sizes)} images; "
        "temperature with the best validation ELBO (table_search.md). ELBO: relaxed codes, sampled KL. "
        "Log-likelihood: importance-weighted bound, S samples; relaxed: relaxed codes and densities; "
        "one-hot: discrete codes, exact distribution of the argmax (GS and IGR-I only)."
    )
    search = runs[runs["seed"] == SEEDS[0]]
    texts, numbers = over_seeds(search, ["data", "model", "temperature"], {CRITERION: "validation ELBO"})
    return [
        *bounds_table(chosen, out, note),
        *importance_table(chosen, out),
        *bounds_figure(chosen, out, "test_elbo_relaxed", "test ELBO"),
        *save_table(out, texts, numbers, f"Seed {SEEDS[0]}, nats per image.", name="table_search"),
    ]
