"""IGR, Table 3: bounds of all runs, differences from GS at equal seeds, what must hold, the figure and the completed
digits."""

from igr_suite.families.structured.plots import (
    bounds_table,
    checks_table,
    chosen_runs,
    named_runs,
    paired_table,
    pictures_figure,
    samples_figure,
    search_table,
)
from igr_suite.training.config_parts import SEEDS


def plot(results, out):
    """Returns the paths of what was drawn."""
    tried = named_runs(results.runs)
    runs = chosen_runs(tried, SEEDS[0])
    epochs, sizes = sorted(set(runs["schedule.epochs"])), sorted(set(runs["data.sizes.train"]))
    note = (
        f"Test NLL of the lower half, nats per image (lower is better), mean ± standard deviation over seeds, after "
        f"{', '.join(map(str, epochs))} epochs on {', '.join(f'{n:,}' for n in sizes)} images. Upper bounds from S "
        f"test samples; "
        "training loss: mean over the last epoch, relaxed units, S as in training. Temperatures by validation NLL "
        "(table_search.md)."
    )
    return [
        *bounds_table(runs, out, note),
        *paired_table(runs, out),
        *checks_table(tried, out),
        *samples_figure(runs, out),
        *pictures_figure(runs, results.folder, out),
        *search_table(tried, out, SEEDS[0]),
    ]
