"""The verdicts on one experiment's results, or a sentence that says why there are none."""

from igr_suite.lab.analysis import ledger
from igr_suite.lab.analysis.references import read_references
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import Experiment


def verdicts_of(results: Results) -> tuple[list[ledger.Verdict], str]:
    """Returns reference values beside ours, and "" or the reason why there is nothing to compare."""
    name = results.experiment.name
    references = read_references(discovery.folder_of(name) / "published.csv")
    if not references:
        return [], no_reference(results.experiment)
    module = discovery.plot_module(name)
    if not hasattr(module, "ours"):
        return [], "plot.py defines no ours(results): nothing to compare."
    if len(results.runs) == 0:
        return [], "No finished run to compare."
    try:
        return ledger.judge(references, module.ours(results)), ""
    except (KeyError, IndexError, ValueError) as error:  # an unfinished item lacks rows that its comparison reads
        return [], f"Not comparable yet: {type(error).__name__} {error}"


def no_reference(experiment: Experiment) -> str:
    """Returns a sentence that says why an experiment has no reference values."""
    return f"No reference value. {experiment.no_reference or 'The README of this item says why.'}"
