"""`igr report`: writes one HTML file of all results."""

import argparse
from pathlib import Path

from igr_suite.cli.options import add_results, add_verb, say_left_out, shorten
from igr_suite.errors import UserError, nearest
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import check_scale
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.files import write_atomically, writing

SCALES = "quick,paper"
EXAMPLES = """  igr report                                                  everything at quick and paper scale, to results/report.html
  igr report igr/figure_3_elbo_curves --out figure_3.html
  igr report --results ~/from_cluster --scale paper"""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "report", "write one HTML page of figures, tables, reference values beside ours, and runs", EXAMPLES
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments (default: all)")
    parser.add_argument("--scale", default=SCALES, metavar="SCALE[,SCALE]", help=f"scales to show (default: {SCALES})")
    parser.add_argument("--out", metavar="FILE", help="where to (default: report.html in the results folder)")
    add_results(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the page and prints where it is; returns 1 when a run that is not whole is left out."""
    from igr_suite.report.collect import collect
    from igr_suite.report.page import page

    root, known = results_root(arguments.results), discovery.names()
    for name in arguments.names:
        if name not in known:
            raise UserError(f"unknown experiment '{name}': {nearest(name, known)}")
    scales = [check_scale(scale) for scale in arguments.scale.split(",")]
    papers = collect(sorted(set(arguments.names)) or known, scales, root)
    shown = [(item, scale) for paper in papers for item in paper.items for scale in item.scales]
    if not shown:
        raise UserError(
            f"no run at scale {' or '.join(scales)} in {shorten(root)}; start some with `igr run`, or name another "
            f"--scale"
        )
    path = Path(arguments.out).expanduser() if arguments.out else root / "report.html"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, page(papers, shorten(root)).encode())
    print(f"{shorten(path)}: {len(shown)} sections, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return say_left_out(
        {
            f"{item.name}/{scale.scale}/{run_id}": fault
            for item, scale in shown
            for run_id, fault in scale.faults.items()
        }
    )
