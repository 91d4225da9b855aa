"""Runs acceptance scripts, as users would write them, over every registered name: `make acceptance`.

    cd /tmp && python CHECKOUT/tests/acceptance FOLDER                    # everything, in this one process
    cd /tmp && python CHECKOUT/tests/acceptance FOLDER own_dreg vae       # these scripts only
    cd /tmp && python CHECKOUT/tests/acceptance FOLDER vae --only disarm  # calls with this argument only

FOLDER holds the scripts layer.py, own_loop.py, own_dreg.py, vae.py and sweep.py. They are executed as they stand, by
runpy with arguments of their command line, on the igr_suite that this Python imports. Prints a line for each call; the
exit code is 1 if one fails.
"""

import argparse
import contextlib
import io
import runpy
import sys
import time
import traceback
from pathlib import Path

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16", "float64")


def calls(script: str) -> list[tuple[str, ...]]:
    """Returns the arguments of every call of a script."""
    from igr_suite.estimators import registered
    from igr_suite.objectives.names import NAMES as OBJECTIVES
    from igr_suite.relaxations import RELAXATIONS

    pairs = [("bernoulli", name) for name in registered("bernoulli")]
    pairs += [("categorical", name) for name in (*registered("categorical"), *RELAXATIONS)]
    pairs += [("gaussian", name) for name in OBJECTIVES]
    return {
        "layer": [(name, policy) for name in RELAXATIONS for policy in POLICIES],
        "own_loop": [(name,) for name in registered("bernoulli")],
        "own_dreg": [(name,) for name in OBJECTIVES],
        "vae": pairs,
        "sweep": [()],
    }[script]


def passes(path: Path, arguments: tuple[str, ...]) -> bool:
    """Runs one call, and prints what became of it."""
    import keras

    keras.backend.clear_session()
    keras.mixed_precision.set_global_policy("float32")
    sys.argv = [str(path), *arguments]
    began, printed = time.monotonic(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(path), run_name="__main__")
    except (Exception, SystemExit):
        outcome, detail = "FAILED", traceback.format_exc()
    else:
        outcome, detail = "passed", ""
    print(outcome, path.stem, *arguments, f"{time.monotonic() - began:.0f} s", flush=True)
    if detail:
        print(printed.getvalue() + detail, flush=True)
    return not detail


def main() -> None:
    names = ("sweep", "own_dreg", "own_loop", "layer", "vae")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the scripts")
    parser.add_argument("scripts", nargs="*", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--only", action="append", help="run only calls with this argument; may be repeated")
    options = parser.parse_args()
    chosen = options.scripts or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"unknown scripts {', '.join(unknown)}; known: {', '.join(names)}")
    missing = [f"{name}.py" for name in chosen if not (options.folder / f"{name}.py").is_file()]
    if missing:
        parser.error(f"{options.folder} has no {', '.join(missing)}; give the folder of the acceptance scripts")

    import igr_suite

    print("igr_suite of", Path(igr_suite.__file__).parent)
    results = [
        passes(options.folder.resolve() / f"{name}.py", arguments)
        for name in chosen
        for arguments in calls(name)
        if not options.only or set(options.only) & set(arguments)
    ]
    if not results:
        parser.error(f"no call has the argument {' or '.join(options.only)}")
    print(f"{sum(results)} of {len(results)} calls passed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
