"""Entry point of `igr`: parses the verb, and turns a UserError into its sentence and exit code 2."""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence

from igr_suite import __version__, extras, terminal
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


DEFECT = f"""
This is a defect of igr_suite {__version__}, not of what you typed: please report it with these lines, the command line and the output of
`igr doctor` where you have the suite from (CONTRIBUTING.md). Results are not changed by it; the same command may be tried again."""


def check_surroundings(words: Sequence[str]) -> None:
    """Raises UserError where no verb could work: the working folder is gone, or a word holds a zero byte, which no file
    name can."""
    try:
        os.getcwd()  # noqa: PTH109 only whether it exists matters
    except OSError as error:
        raise UserError(
            f"the working folder cannot be used ({error.strerror}); go to another one with cd, and start again"
        ) from None
    for word in words:
        if "\0" in word:
            raise UserError(f"the word {word!r} holds a zero byte, which no name and no value can; leave it out")


def outside_cause(error: BaseException) -> str:
    """Returns a sentence for an exception whose cause lies outside the code, such as a file, a disk or memory; "" for a
    defect."""
    if isinstance(error, ImportError):
        return extras.missing(error)
    if isinstance(error, OSError) and error.errno is not None:
        given = (error.filename, error.filename2)
        names = " and ".join(repr(os.fsdecode(name)) for name in given if isinstance(name, (str, bytes, os.PathLike)))
        reason = error.strerror or os.strerror(error.errno)
        if names or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.EAGAIN):
            return f"{names or 'a file'}: {reason}; give another path, or repair this one"
    # pathlib's message about ~name
    if isinstance(error, RuntimeError) and str(error) == "Could not determine home directory.":
        return "a path begins with ~ and names a user who has no home folder here; write the path without ~"
    if isinstance(error, UnicodeError):
        text = getattr(error, "object", b"")
        shown = ascii(text if len(text) <= 80 else text[max(0, error.start - 20) : error.start + 20])
        return (
            f"{shown} holds characters that cannot be written or read here ({error.reason}); use UTF-8 names and files"
        )
    if isinstance(error, RecursionError):
        return (
            "something that was read is nested too deeply; look for it in the settings file, or with `igr status` "
            "in the results"
        )
    if isinstance(error, MemoryError):
        return (
            "not enough memory; use fewer --jobs or fewer runs at once (--where, --only), or a machine with more memory"
        )
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Runs `igr` and returns its exit code: 0, 1 (a run failed), 2 (bad input, named in a sentence), 130 (interrupted).

    Args:
      arguments: words after `igr`; by default those of the command line.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # hides TensorFlow's notes on its build
    if arguments is None:  # the process belongs to igr: a plot.py may use pyplot, which needs no window here
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
    for verb in named or VERBS:  # imports only the named verb
        importlib.import_module(f"igr_suite.cli.{verb}").add(verbs)
    try:
        check_surroundings(words)
        chosen = parser.parse_args(arguments)
        if not hasattr(chosen, "run"):
            parser.print_help()
            return 2
        return chosen.run(chosen)
    except UserError as error:
        terminal.say(f"igr: {error}", error=True)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `igr list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if sentence := outside_cause(error):
            terminal.say(f"igr: {sentence}", error=True)
            return 2
        error.add_note(DEFECT)
        raise


if __name__ == "__main__":
    sys.exit(main())
