"""IGR, Table 2: table and figure of the runs at each model's selected temperature; a second table shows the search."""

from igr_suite.families.vae.plots.curves import bounds_figure, named, not_run
from igr_suite.lab.analysis.selection import CRITERION, selected_runs
from igr_suite.plotting.tables import over_seeds, save_table
from igr_suite.training.config_parts import SEEDS

COLUMNS = {
    "test_jointvae": "JointVAE",
    "test_jointvae_closed": "JointVAE, closed KL",
    "test_elbo_relaxed": "ELBO",
    "test_kl_continuous": "KL, continuous",
    "test_kl_discrete": "KL, discrete",
    "test_n_required": "sticks kept",
}


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs = named(results.runs)
    chosen = selected_runs(runs, SEEDS[0])
    epochs, sizes = runs["schedule.epochs"].iloc[0], runs["data.sizes.train"].unique()
    note = (
        f"Test split, nats per image, higher is better; mean ± standard deviation over seeds, after {epochs} epochs on "
        f"{', '.join(f'{n:,.0f}' for n in sizes)} images; temperature with the best validation ELBO (table_search.md). "
        "JointVAE: log p(x|z) - gamma |KL_continuous - C_z| - gamma |KL_discrete - C_c|, the loss negated, at the "
        "final capacities, "
        "with sampled KLs image by image; closed KL: the same with closed forms, which GS has not. The authors print "
        "these as TeJV "
        f"and TeJVC. ELBO: relaxed codes, sampled KL. Sticks kept: by the truncation of IGR-SB (nats do not apply). "
        f"{not_run(results)}"
    )
    texts, numbers = over_seeds(chosen, ["data", "model", "temperature"], COLUMNS)
    search = runs[runs["seed"] == SEEDS[0]]
    criteria = {CRITERION: "validation ELBO", "validation_jointvae": "validation JointVAE"}
    searched = over_seeds(search, ["data", "model", "temperature"], criteria)
    return [
        *save_table(out, texts, numbers, note.strip()),
        *bounds_figure(chosen, out, "test_jointvae", "test JointVAE objective"),
        *save_table(out, *searched, f"Seed {SEEDS[0]}, nats per image.", name="table_search"),
    ]
