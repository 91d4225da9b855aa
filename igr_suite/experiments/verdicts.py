"""The verdicts on one experiment's results, or the sentence that says why there are none."""

from igr_suite.experiments import discovery, ledger
from igr_suite.experiments.results import Results


def verdicts_of(results: Results) -> tuple[list[ledger.Verdict], str]:
    """Returns published values beside ours, and "" or the reason why there is nothing to compare."""
    name = results.experiment.name
    published = ledger.read_published(discovery.folder_of(name) / "published.csv")
    if not published:
        return [], "No published value could be retrieved for this item."
    module = discovery.plot_module(name)
    if not hasattr(module, "ours"):
        return [], "plot.py defines no ours(results): nothing to compare."
    if len(results.runs) == 0:
        return [], "No finished run to compare."
    try:
        return ledger.judge(published, module.ours(results)), ""
    except (KeyError, IndexError, ValueError) as error:  # an unfinished item lacks rows that its comparison reads
        return [], f"Not comparable yet: {type(error).__name__} {error}"
