"""`igr data`: lists, verifies and fetches datasets."""

import argparse
import importlib
import sys

from igr_suite.cli.options import add_data_dir, add_verb, table
from igr_suite.errors import UserError
from igr_suite.lab.runs.quiet import quiet

EXAMPLES = """  igr data list
  igr data fetch mnist
  igr data verify mnist --data-dir /scratch/tensorflow_datasets"""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "data", "list, verify or fetch datasets", EXAMPLES)
    parser.add_argument("action", choices=("list", "verify", "fetch"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="dataset; verify and list take all of them without it")
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Does the action; returns 2 when a dataset does not verify."""
    return {"list": _list, "verify": _verify, "fetch": _fetch}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    from igr_suite import data

    rows = [["name", "state", "train / validation / test", "what"]]
    for info in data.available():
        if arguments.name in (None, info.name):
            prepared = data.status(info.name, arguments.data_dir).prepared
            rows.append([info.name, "ready" if prepared else "absent", info.images, info.summary])
    if len(rows) == 1:
        data.status(arguments.name, arguments.data_dir)  # names the nearest known dataset
    print(table(rows))
    print("\nget one: igr data fetch NAME; train on one: igr run EXPERIMENT --data NAME")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from igr_suite import data

    with quiet():
        importlib.import_module("tensorflow")
    if arguments.name is not None:
        print(data.verify(arguments.name, arguments.data_dir))
        return 0
    failed = 0
    for info in data.available():
        if not data.status(info.name, arguments.data_dir).prepared:
            print(f"{info.name}: absent, not verified")
            continue
        try:
            print(data.verify(info.name, arguments.data_dir))
        except UserError as error:
            failed += 1
            print(f"igr: {error}", file=sys.stderr)
    return 2 if failed else 0


def _fetch(arguments: argparse.Namespace) -> int:
    from igr_suite import data

    if arguments.name is None:
        raise UserError(f"name the dataset to fetch: {', '.join(info.name for info in data.available())}")
    print(f"{arguments.name} is ready in {data.fetch(arguments.name, arguments.data_dir)}")
    return 0
