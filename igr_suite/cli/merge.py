"""`igr merge`: joins the results folders of several machines."""

import argparse
from collections import Counter
from pathlib import Path

from igr_suite.cli.options import add_verb, shorten
from igr_suite.terminal import say

EXAMPLES = """  igr merge ~/from_cluster ~/from_laptop --out results
  igr merge ~/from_cluster ~/from_laptop --out results --dry-run
What `results` holds already takes part. Finished runs are better than unfinished ones, and of these the one with the later checkpoint; a
run that is not whole is never copied. Two different results of one run are named, and both left as they are. Figures and tables are not
copied: draw them again with `igr plot --all --results results`."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs,
        "merge",
        "join results folders of several machines, never putting a worse run over a better one",
        EXAMPLES,
    )
    parser.add_argument(
        "sources", nargs="+", type=Path, metavar="RESULTS", help="results folders; they stay as they are"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="results folder to fill; what it holds takes part"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Merges and prints what was done; returns 1 when a run could not be merged."""
    from igr_suite.lab.analysis import merging

    sources, out = [source.expanduser() for source in arguments.sources], arguments.out.expanduser()
    chosen = (merging.plan if arguments.dry_run else merging.merge)(sources, out)
    for place, copy in chosen.replacements.items():
        say(f"{place}: {copy} in place of a worse one")
    counts = {
        "copied": chosen.copies,
        "replaced": chosen.replacements,
        "kept": chosen.kept,
        "not merged": chosen.problems,
    }
    scales: dict[str, Counter] = {}
    for word, places in counts.items():
        for place in places:
            scales.setdefault(place.rpartition("/")[0], Counter())[word] += 1
    for scale, words in sorted(scales.items()):
        say(f"{scale}: " + ", ".join(f"{words[word]} {word}" for word in counts if words[word]))
    total = ", ".join(f"{len(places)} {word}" for word, places in counts.items())
    print(f"{'would be: ' if arguments.dry_run else ''}{total}; results in {shorten(out)}")
    for place, copies in chosen.passed_over.items():
        say(f"igr: {place}: passed over {', '.join(map(str, copies))}", error=True)
    for place, problem in chosen.problems.items():
        say(f"igr: {place} {problem}", error=True)
    return 1 if chosen.problems else 0
