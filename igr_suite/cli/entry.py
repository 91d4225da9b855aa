"""The last line of a reproduction's run.py: `main(EXPERIMENT)` is the same as `igr run <its name> [options]`."""

import os
import sys
from pathlib import Path

from igr_suite.lab.running.experiment import Experiment


def main(experiment: Experiment, arguments: list[str] | None = None) -> None:
    """Runs an experiment with the options of `igr run` and ends the process.

    Args:
      experiment: the experiment that the calling run.py defines.
      arguments: options; by default those of the command line.
    """
    from igr_suite.cli.main import main as igr

    os.environ["MPLBACKEND"] = "Agg"  # as `igr` itself
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or sys.argv[0]).resolve()
    if script.name == "run.py":
        os.environ.setdefault("IGR_REPRODUCTIONS", str(script.parents[2]))
    sys.exit(igr(["run", experiment.name, *(sys.argv[1:] if arguments is None else arguments)]))
