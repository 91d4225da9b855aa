"""The house: which room may know which, what never imports TensorFlow, and that core rooms name no family."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "igr_suite"
EVERYWHERE = {"errors", "precision", "randomness", "replicas"}
CORE = {"data", "networks", "relaxations", "decoupling", "estimators", "objectives", "lab", "plotting", "training", "discrete", "measuring"}
# Room -> rooms that it may import. A family and a study are rooms of their own: "families/vae"; the lab's three rooms too.
MAY_IMPORT = {
    "errors": set(),
    "precision": {"errors"},
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
    "plotting": {"lab/runs", "lab/running", "lab/analysis", "lab"},
    "training": {"data", "networks", "lab/runs"},
    "discrete": {"estimators", "networks", "training"},
    "measuring": {"discrete", "estimators", "training", "lab/runs", "lab/running", "lab/analysis"},
    "layers": {"data", "networks", "relaxations", "estimators", "objectives", "decoupling", "discrete"},
    "models": {"data", "networks", "relaxations", "estimators", "objectives", "decoupling", "discrete", "layers"},
    "cluster": {"data", "lab/runs", "lab/running", "lab/analysis"},
    "report": {"lab/runs", "lab/running", "lab/analysis", "lab", "plotting", "estimators", "objectives", "studies/comparison"},
}
BELOW_STUDIES = CORE - {"lab"} | {"lab", "lab/runs", "lab/running", "lab/analysis"}
# What still points the wrong way, each to be mended; this list may only become shorter.
DEBTS: set[tuple[str, str]] = set()
NO_TENSORFLOW = ("lab", "plotting", "cluster", "report")
NO_TENSORFLOW_NAMES = re.compile(r"^(names|config.*|.*_config|presets|sweeps|original.*|plots.*)$")
FAMILIES = sorted(path.name for path in (PACKAGE / "families").iterdir() if path.is_dir() and path.name != "__pycache__")


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
    """The modules of the package that a file imports anywhere, inside functions too; those for type checkers only are left out."""
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
    if target == "cli":
        return False
    if source.startswith("families/"):
        return target in BELOW_STUDIES or target == "studies/fits"
    if source.startswith("studies/"):
        return target in BELOW_STUDIES
    return target in MAY_IMPORT[source]


def test_rooms_import_only_what_the_table_allows():
    wrong = {f"{source} -> {target}": lines for (source, target), lines in arrows().items() if not allowed(source, target)}
    report = "\n".join(f"{pair}:\n    " + "\n    ".join(sorted(lines)) for pair, lines in sorted(wrong.items()))
    assert set(wrong) == {f"{source} -> {target}" for source, target in DEBTS}, report


if __name__ == "__main__":
    for (source, target), lines in sorted(arrows().items()):
        if not allowed(source, target):
            print(f"{source} -> {target}")
            for line in sorted(lines):
                print("    ", line.replace("igr_suite.", ""))
