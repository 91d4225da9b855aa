"""The notebooks of docs/tutorials: every one is executed in a process of its own, where its assertions hold, and prints
what is stored in it, but for digits; about 35 s of processor time, in the sweep.

    python tests/docs/test_tutorials.py [NAME ...]     # executes notebooks and stores what they print and draw
"""

import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
NAMES = ("discrete_vae", "variance_and_bias", "decoupling")
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def execute(path: Path) -> dict:
    """Runs the code cells of a notebook one after the other in one scope.

    Returns:
      The notebook with what they print and draw.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    scope: dict = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), f"{path.name}, cell {number}", "exec"), scope)
        cell["execution_count"] = number
        cell["outputs"] = [
            *(
                [{"name": "stdout", "output_type": "stream", "text": lines(text)}]
                if (text := printed.getvalue())
                else []
            ),
            *figures(),
        ]
    return notebook


def figures() -> list[dict]:
    """The open figures as outputs of a cell; closes them."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    plt = sys.modules["matplotlib.pyplot"]
    outputs = []
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, format="png", dpi=110, metadata={"Software": None})
        encoded = base64.b64encode(picture.getvalue()).decode("ascii")
        data = {"image/png": encoded, "text/plain": ["<Figure>"]}
        outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
    plt.close("all")
    return outputs


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def printed(notebook: dict) -> list[str]:
    """What the cells printed, without digits."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    texts = ["".join(output["text"]) for output in outputs if "text" in output]
    return [" ".join(NUMBER.sub("#", text).split()) for text in texts]


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_runs_and_prints_what_is_stored(name, tmp_path):
    """Its own assertions say what has to hold of the numbers."""
    environment = {**os.environ, "MPLBACKEND": "agg", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, name, f"--into={tmp_path}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    executed = tmp_path / f"{name}.ipynb"
    assert executed.exists(), done.stderr[-3000:]
    stored = json.loads((TUTORIALS / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert printed(json.loads(executed.read_text(encoding="utf-8"))) == printed(stored)


def test_all_tutorials_are_executed():
    assert sorted(NAMES) == sorted(path.stem for path in TUTORIALS.glob("*.ipynb"))


def main(arguments: list[str]) -> None:
    """Executes notebooks, each in a process that is forked from one that has imported TensorFlow and not started it."""
    import tensorflow  # noqa: F401
    import keras  # noqa: F401  isort: skip

    into = [Path(argument.removeprefix("--into=")) for argument in arguments if argument.startswith("--into=")]
    failed = False
    for name in [argument for argument in arguments if not argument.startswith("--")] or NAMES:
        child = os.fork()
        if child == 0:
            text = json.dumps(execute(TUTORIALS / f"{name}.ipynb"), indent=1, ensure_ascii=False) + "\n"
            ((into or [TUTORIALS])[0] / f"{name}.ipynb").write_text(text, encoding="utf-8")
            return
        failed |= os.waitpid(child, 0)[1] != 0
    sys.exit(int(failed))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1:])
