"""A reproductions folder with a two-stage dummy experiment, and `igr` as a process."""

import os
import subprocess
import sys
from pathlib import Path

RUN = '''"""Counts."""
from dummy_runs import Count, Pace
from igr_suite.cli.entry import main
from igr_suite.lab import Experiment

UNTIL = {"smoke": 3, "quick": 40, "paper": 100}

def first(scale, results):
    return [Count(until=UNTIL[scale], seed=seed, pace=Pace(seconds=0.0 if scale == "smoke" else 0.1)) for seed in range(2)]

def second(scale, results):
    best = max(results.all(first(scale, results)), key=lambda summary: summary["total"])
    return [Count(until=UNTIL[scale] + 1, seed=best["seed"]), first(scale, results)[0]]

EXPERIMENT = Experiment(paper="igr", item="counting", title="Counting", stages=(first, second), minutes={"smoke": 0.1})
if __name__ == "__main__":
    main(EXPERIMENT)
'''
PLOT = """
def plot(results, out):
    (out / "table.md").write_text("| seed | total |\\n" + "".join(f"| {r.seed} | {r.total} |\\n" for r in results.runs.itertuples()))
    return [out / "table.md"]

def ours(results):
    return {("total", f"seed {row.seed}"): (float(row.total), 0.1, 3) for row in results.runs[results.runs.until == 3].itertuples()}
"""
PUBLISHED = """quantity,setting,value,spread,source,kind_of_source,kind,provenance,tolerance
total,seed 0,3,,"Counting, Table 1",paper,exact,read,0.5
total,seed 1,9,0.1,"Counting's code, one run",authors_code,exact,read,
total,seed 1,9,0.1,"Counting, Table 1",paper,exact,recalled,
total,seed 7,9,0.1,"Counting, Table 1",paper,exact,read,
"""
HYPOTHESES = """
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis
TITLE, INTRODUCTION = "Counting", "Runs of scale {scale}."
EVIDENCE = Evidence(item="igr/counting", what="total", value="total", of={"seed": 1}, against={"seed": 0}, expected="higher")
HYPOTHESES = [Hypothesis(claim="More is more", source="here", evidence=[EVIDENCE])]
"""
REPOSITORY = Path(__file__).resolve().parents[2]


class Igr:
    """Runs `igr` in a process of its own, on a temporary reproductions and results folder."""

    def __init__(self, place: Path):
        self.reproductions, self.results = place / "reproductions", place / "results"
        item = self.reproductions / "igr" / "counting"
        item.mkdir(parents=True)
        for name, text in (("run.py", RUN), ("plot.py", PLOT), ("published.csv", PUBLISHED)):
            (item / name).write_text(text)
        paths = os.pathsep.join([str(REPOSITORY), str(Path(__file__).parent)])
        places = {"IGR_REPRODUCTIONS": str(self.reproductions), "IGR_RESULTS": str(self.results), "PYTHONPATH": paths}
        self.environment = os.environ | places

    def start(self, *words: str, script: bool = False, **variables: str) -> subprocess.Popen:
        """Starts `igr words`, or the experiment's run.py with these words."""
        what = [str(self.reproductions / "igr/counting/run.py")] if script else ["-m", "igr_suite.cli.main"]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([sys.executable, *what, *words], **streams, text=True, env=self.environment | variables)

    def __call__(self, *words: str, script: bool = False, **variables: str) -> tuple[int, str, str]:
        """Returns exit code, stdout and stderr of `igr words`."""
        process = self.start(*words, script=script, **variables)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err
