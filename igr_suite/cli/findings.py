"""`igr findings`: judges the claims of a paper by its finished runs."""

import argparse
import shutil
from pathlib import Path

from igr_suite.cli.options import add_results, add_verb, paragraph, say_left_out, shorten
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import SCALES, check_scale
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.files import write_atomically

EXAMPLES = "  igr findings igr --scale quick\n  igr findings igr --write docs/igr_findings.md"


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "findings", "judge a paper's claims by paired comparisons of finished runs", EXAMPLES)
    parser.add_argument("paper", metavar="PAPER", help="folder of reproductions, such as igr")
    parser.add_argument(
        "--scale", default="quick", metavar="|".join(SCALES), help="whose runs to read (default: quick)"
    )
    parser.add_argument("--write", metavar="FILE", help="write the whole page there")
    add_results(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one line per claim; the page has the numbers. Returns 1 when a run that is not whole is left out."""
    from igr_suite.lab.analysis import hypotheses
    from igr_suite.lab.analysis.results import Results

    declared = discovery.hypotheses_module(arguments.paper)
    scale, root = check_scale(arguments.scale), results_root(arguments.results)
    cache: dict[str, Results] = {}

    def results(item: str) -> Results:
        cache[item] = Results(discovery.find(item), scale, root)
        return cache[item]

    judged = hypotheses.judge_all(declared.HYPOTHESES, results)
    for number, claim in enumerate(judged, start=1):
        first = f"{number:2d}  {claim.verdict:13}  "
        width = shutil.get_terminal_size().columns
        print(paragraph(claim.hypothesis.claim, " " * len(first), first, width))
    if arguments.write:
        path = Path(arguments.write)
        page = hypotheses.report(judged, declared.TITLE, declared.INTRODUCTION.format(scale=scale))
        write_atomically(path, page.encode(), "choose another file with --write")
        print(f"\nwritten to {shorten(path.resolve())}")
    return say_left_out(
        {f"{item}/{name}": fault for item, results in cache.items() for name, fault in results.faults.items()}
    )
