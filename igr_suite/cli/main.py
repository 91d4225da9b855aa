"""Entry point of `igr`: parses the verb, turns UserErrors into a sentence and exit code 2."""

import argparse
import importlib
import os
import sys

from igr_suite import __version__, terminal
from igr_suite.errors import UserError

VERBS = (
    "list",
    "run",
    "plot",
    "pictures",
    "temperature",
    "rebar_train",
    "dni_train",
    "dreg_train",
    "half_mnist_train",
    "variance",
    "submit",
    "status",
    "check",
    "findings",
    "report",
    "export",
    "merge",
    "data",
    "doctor",
)
EXAMPLES = """first steps:
  igr doctor                                        is everything in place?
  igr list                                          what can be reproduced
  igr run igr/table_1_vae_likelihood --scale smoke  run it in seconds, then draw it
  igr plot igr/table_1_vae_likelihood               draw saved results again
`igr VERB --help` has the options and examples of a verb.
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs `igr` and returns its exit code: 0, 1 (a run failed), 2 (bad input, said in a sentence), 130 (interrupted).

    Args:
      arguments: words after `igr`; by default those of the command line.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its build are not the user's
    if arguments is None:  # this process is igr's own: a plot.py may use pyplot, which needs no window here
        os.environ["MPLBACKEND"] = "Agg"
    terminal.guard()
    parser = argparse.ArgumentParser(
        prog="igr",
        description="Runs, draws and checks reproductions of papers on gradient estimation.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"igr-suite {__version__}")
    verbs = parser.add_subparsers(metavar="VERB")
    words = sys.argv[1:] if arguments is None else arguments
    named = [verb for verb in VERBS if words and words[0].replace("-", "_") == verb]
    for verb in named or VERBS:  # a verb needs its own imports only
        importlib.import_module(f"igr_suite.cli.{verb}").add(verbs)
    chosen = parser.parse_args(arguments)
    if not hasattr(chosen, "run"):
        parser.print_help()
        return 2
    try:
        return chosen.run(chosen)
    except UserError as error:
        terminal.say(f"igr: {error}", error=True)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `igr list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
