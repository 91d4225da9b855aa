"""The exact distribution of the argmax can be left for the last evaluation, and nothing else of a run changes with
it."""

from igr_suite.families.vae import presets
from igr_suite.families.vae import train as train_vae
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.store import RunFolder

ALWAYS = replace_parts(
    presets.default("IGR_I_Dis", epochs=2, evaluate_every=1, importance_samples=2, limit=60, seed=4),
    model={"architecture": "linear", "variables": 2, "categories": 3},
    schedule={"batch_size": 30},
)
LAST = replace_parts(ALWAYS, evaluation={"exact_one_hot": "last"})
EXACT = {"test_elbo_one_hot_exact", "test_relaxed_code_discrete_kl"}


def executed(config, place):
    with RunFolder(place / config.run_id).open(config) as folder:
        train_vae.execute(config, folder)
    return folder


def test_the_exact_bounds_are_measured_at_the_end_only(tmp_path):
    always, last = (executed(config, tmp_path) for config in (ALWAYS, LAST))
    assert ALWAYS.run_id != LAST.run_id
    first, end = ([row for row in folder.metrics.rows() if "test_elbo_relaxed" in row] for folder in (always, last))
    assert first[0].keys() - end[0].keys() == EXACT and not end[0].keys() - first[0].keys()
    assert end[0] == {name: value for name, value in first[0].items() if name not in EXACT}
    assert end[1] == first[1] and last.summary() == always.summary()
