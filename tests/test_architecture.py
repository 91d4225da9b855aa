"""Architecture: which room may import which, what never imports TensorFlow, and that core rooms name no family."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from igr_suite.objectives.names import FACTS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "igr_suite"
EVERYWHERE = {"checks", "errors", "extras", "keras_variables", "precision", "randomness", "replicas", "terminal"}
CORE = {
    "data",
    "networks",
    "relaxations",
    "decoupling",
    "estimators",
    "objectives",
    "lab",
    "plotting",
    "training",
    "discrete",
    "measuring",
}
# Room -> rooms that it may import. A family and a study are rooms of their own: "families/vae"; the lab's three rooms
# too.
MAY_IMPORT = {
    "checks": {"errors"},
    "errors": set(),
    "extras": {"errors"},
    "keras_variables": set(),
    "precision": {"errors"},
    "terminal": set(),
    "randomness": {"errors", "precision"},
    "replicas": {"errors"},
    "data": set(),
    "networks": set(),
    "relaxations": set(),
    "decoupling": {"networks"},
    "estimators": {"relaxations"},
    "objectives": {"estimators"},
    "lab/runs": set(),
    "lab/running": {"data", "lab/runs"},
    "lab/analysis": {"lab/runs", "lab/running"},
    "lab": {"lab/runs", "lab/running", "lab/analysis"},
    "plotting": {"lab/runs", "lab/running", "lab/analysis", "lab", "estimators"},  # of these the names
    "training": {"data", "networks", "lab/runs"},
    "discrete": {"estimators", "networks", "training", "lab/runs"},
    "measuring": {"discrete", "estimators", "training", "lab/runs", "lab/running", "lab/analysis"},
    "layers": {"data", "networks", "relaxations", "estimators", "objectives", "decoupling", "discrete"},
    "models": {"data", "networks", "relaxations", "estimators", "objectives", "decoupling", "discrete", "layers"},
    "cluster": {"data", "lab/runs", "lab/running", "lab/analysis"},
    "report": {
        "lab/runs",
        "lab/running",
        "lab/analysis",
        "lab",
        "plotting",
        "estimators",
        "objectives",
        "studies/comparison",
    },
}
BELOW_STUDIES = CORE - {"lab"} | {"lab", "lab/runs", "lab/running", "lab/analysis"}
# What still points the wrong way, each to be mended; this list may only become shorter.
DEBTS: set[tuple[str, str]] = set()
# Names of objectives and methods, as legends have them, which contain a word that is a family's too.
METHODS = {"VAE", *(facts.title for facts in FACTS.values())}
ARCHITECTURE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms -->\n", "<!-- end of rooms -->"
NO_TENSORFLOW_NAMES = re.compile(r"^(names|config.*|.*_config|presets|sweeps|original.*|plots.*)$")
FAMILIES = sorted(
    path.name for path in (PACKAGE / "families").iterdir() if path.is_dir() and path.name != "__pycache__"
)


def room(module: str) -> str:
    """The room of a module, 'igr_suite.families.vae.model' -> 'families/vae'."""
    parts = module.split(".")[1:]
    if not parts:
        return "igr_suite"
    if parts[0] in ("families", "studies", "lab") and len(parts) > 1 and (PACKAGE / parts[0] / parts[1]).is_dir():
        return f"{parts[0]}/{parts[1]}"
    return parts[0]


def modules() -> dict[str, Path]:
    """Name -> file of every module."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        names[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return names


MODULES = modules()


def imports_of(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere, inside functions too; those for type checkers only are
    left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            unseen |= {id(child) for child in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "igr_suite":
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "igr_suite"}
    return found


def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, room that it imports) -> 'module -> module' of every import between rooms."""
    between = defaultdict(list)
    for name, path in MODULES.items():
        for imported in imports_of(path):
            if room(name) != room(imported):
                between[room(name), room(imported)].append(f"{name} -> {imported}")
    return dict(between)


def allowed(source: str, target: str) -> bool:
    """Whether a room may import another."""
    if target in EVERYWHERE or target == "igr_suite":
        return source not in EVERYWHERE or target in MAY_IMPORT[source]
    if source in ("cli", "igr_suite", "__main__"):
        return True
    if source == "presets":
        return target.startswith("families/")
    if target == "cli":
        return False
    if source.startswith("families/"):
        return target in BELOW_STUDIES or target == "studies/fits"
    if source.startswith("studies/"):
        return target in BELOW_STUDIES
    return target in MAY_IMPORT[source]


def test_rooms_import_only_what_the_table_allows():
    wrong = {
        f"{source} -> {target}": lines for (source, target), lines in arrows().items() if not allowed(source, target)
    }
    report = "\n".join(f"{pair}:\n    " + "\n    ".join(sorted(lines)) for pair, lines in sorted(wrong.items()))
    assert set(wrong) == {f"{source} -> {target}" for source, target in DEBTS}, report


def words_of(path: Path) -> set[str]:
    """Identifiers and strings of a file, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented) and node.body]
    docs = {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}
    words = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            words.add(re.sub(r"github\.com/\S+", "", node.value))
        elif isinstance(node, (ast.Name, ast.Attribute, ast.FunctionDef, ast.ClassDef)):
            words.add(getattr(node, "id", None) or getattr(node, "attr", None) or node.name)
    return words


def test_core_rooms_name_no_family():
    """`report` has the names of papers, `objectives` those of objectives (IWAE), which are other things than
    families."""
    family = re.compile(rf"(?<![a-zA-Z])({'|'.join(FAMILIES)}|sbn|dreg|relax_vae)(?![a-zA-Z])", re.IGNORECASE)
    named = {}
    for name, path in MODULES.items():
        core = room(name).split("/")[0] in CORE - {"objectives"}
        if core and (words := {word for word in words_of(path) if family.search(word)} - METHODS):
            named[name] = words
    assert not named


def test_no_room_knows_another_that_knows_it():
    graph = defaultdict(set)
    for source, target in arrows():
        graph[source].add(target)

    def reached(start: str) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            for target in graph[waiting.pop()] - seen:
                seen.add(target)
                waiting.append(target)
        return seen

    circles = {name for name in list(graph) if name in reached(name)} - {"igr_suite"}
    assert not circles


@pytest.mark.parametrize("first", ["lab", "plotting", "cluster", "report", "families", "studies"])
def test_what_plots_and_submits_never_imports_tensorflow(first):
    """Whole rooms, and in every room the modules with the names of `NO_TENSORFLOW_NAMES`; one process imports them
    all."""
    generated = {"choosing", "estimators", "objectives"}  # pages of docs/, written from the registries
    names = [name for name in MODULES if name.split(".")[1:2] == [first] and not name.endswith("preload")]
    if first in ("families", "studies"):
        names = [name for name in names if NO_TENSORFLOW_NAMES.match(name.split(".")[-1]) or ".plots." in name]
    elif first == "report":
        names = [name for name in names if name.split(".")[-1] not in generated]
    shown = "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n{shown}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "False"], f"{done.stdout}{done.stderr[-2000:]}"
    assert names


def picture() -> str:
    """The rooms from top to bottom, and what each of them imports; families and studies in one line each."""
    below = defaultdict(set)
    for source, target in arrows():
        if target not in EVERYWHERE | {"igr_suite"} and source not in ("igr_suite", "__main__"):
            below[
                "families/*"
                if source.startswith("families/")
                else "studies/*"
                if source.startswith("studies/")
                else source
            ].add(target)
    below = {
        source: {target for target in targets if target.split("/")[0] != source.split("/")[0]}
        | {target for target in targets if source.startswith("lab") and target.startswith("lab/")}
        for source, targets in below.items()
    }
    rooms = sorted({*below, *(t for targets in below.values() for t in targets)})
    depth: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in depth:
            own = below.get(
                "families/*" if name.startswith("families/") else "studies/*" if name.startswith("studies/") else name,
                set(),
            )
            depth[name] = 1 + max((height(target) for target in own), default=-1)
        return depth[name]

    shown = [name for name in rooms if not name.startswith(("families/", "studies/")) or name.endswith("*")]
    lines = []
    for name in sorted(shown, key=lambda name: (-height(name), name)):
        targets = {re.sub(r"^(families)/.*", r"\1/*", target) for target in below.get(name, set())}
        lines.append(f"{height(name):>2}  {name:<12} -> {', '.join(sorted(targets)) or '-'}")
    return "\n".join(lines) + "\n"


def test_the_picture_of_the_house_is_the_house():
    """Mended by `python tests/test_architecture.py`."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert BEGIN in text and text.partition(BEGIN)[2].partition(END)[0] == f"```text\n{picture()}```\n"


if __name__ == "__main__":
    before, _, rest = ARCHITECTURE.read_text(encoding="utf-8").partition(BEGIN)
    ARCHITECTURE.write_text(f"{before}{BEGIN}```text\n{picture()}```\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    for (source, target), lines in sorted(arrows().items()):
        if not allowed(source, target):
            print(f"{source} -> {target}")
            for line in sorted(lines):
                print("    ", line.replace("igr_suite.", ""))
