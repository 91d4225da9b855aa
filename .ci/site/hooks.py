"""What the documentation site takes from outside docs/, and how it shows formulas and notebooks (mkdocs.yml, `hooks`).

- A link out of docs/ leads to a copy of the file in the site, below repository/: a Markdown file is a page, whose own
  links are followed, a program is a page with its text, a figure is a figure.
- A notebook is a page: its text, its code, and what the cells printed and drew when it was last run.
- A file of docs/ that a text only names ("docs/papers/igr.md, section 2") is linked.
- $formulas$ become MathML when the site is built.
"""

import base64
import json
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ALWAYS = ("CHANGELOG.md", "CONTRIBUTING.md")  # pages that the navigation names
MANY_COLUMNS, FEW_HEADINGS = 8, 12
PICTURES = (".png", ".svg", ".jpg")
LANGUAGES = {".py": "python", ".csv": "text", ".toml": "toml", ".cff": "yaml", ".json": "json", "": "text"}

FENCE = re.compile(r"^([ ]*)(```+|~~~+).*?^\1\2[ ]*$\n?", re.MULTILINE | re.DOTALL)
LINK = re.compile(
    r"(\]\(|^\[[^\]\n]+\]:[ ]+)(?![a-z]+:|#)([^)\s#]+)((?:#[^)\s]*)?)(?=\)(?!{download})|$)", re.MULTILINE
)
FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\((.*?)\\\)|\\\[(.*?)\\\])</\1>', re.DOTALL)
MENTION = re.compile(r"\bdocs/(\w+/)?\w+\.md\b|\bCONTRIBUTING\.md\b|\bCHANGELOG\.md\b")
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def address(path: Path) -> str:
    """Where the site has a file of the repository: the path of its page below the site's sources."""
    if path.is_relative_to(DOCS):
        place = path.relative_to(DOCS)
        return place.with_suffix(".md").as_posix() if place.suffix == ".ipynb" else place.as_posix()
    place = "repository/" + path.relative_to(ROOT).as_posix()
    return place if path.suffix in (".md", *PICTURES) else f"{place}.md"


def origin(uri: str) -> Path:
    """The file of the repository that is shown at an address."""
    if uri.startswith("repository/"):
        path = ROOT / uri.removeprefix("repository/")
        return path if path.exists() else path.with_suffix("")
    path = DOCS / uri
    return path if path.exists() else path.with_suffix(".ipynb")


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Changes a page's text and leaves its blocks of code as they are."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def as_python_markdown(text: str) -> str:
    """Lists as mkdocs reads them: a blank line before the first item, and four spaces before what belongs to an item."""
    lines, more, before = [], 0, ""
    for line in text.split("\n"):
        if item := re.match(r"(?:[-*]|\d+\.)[ ]+", line):
            if before and not before.startswith(" ") and not more:
                lines.append("")
            more = 4 - len(item[0])
        elif more and line.startswith(" " * (4 - more)):
            line = " " * more + line
        elif line and not before:
            more = 0
        lines.append(line)
        before = line
    return "\n".join(lines)


def targets(text: str, path: Path) -> Iterator[Path]:
    """Files of the repository to which a page's text leads."""
    for _, target, _ in LINK.findall(FENCE.sub("", text)):
        file = (path.parent / target).resolve()
        if not file.is_file():
            raise PluginError(f"{path.relative_to(ROOT)}: the link {target} leads to no file")
        yield file


def text_of(path: Path) -> str:
    """The Markdown of a file's page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".md", ".ipynb"):
        return text if path.suffix == ".md" else markdown_of(json.loads(text), path)
    return f"# {path.name}\n\n`{path.relative_to(ROOT)}`\n\n````{LANGUAGES[path.suffix]}\n{text.rstrip()}\n````\n"


def markdown_of(notebook: dict, path: Path) -> str:
    """A notebook as Markdown; its figures are the files of `figures_of`."""
    parts = []
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            if "text" in output:
                parts.append("``` {.text .printed .no-copy}\n" + "".join(output["text"]).rstrip() + "\n```")
            elif "image/png" in output["data"]:
                parts.append(f"![What the cell above draws]({path.stem}_{number}.png)")
    link = f"[This page as a notebook]({path.name}){{download}}"
    parts.insert(1, f"{link}, to run and to change. It needs the package with its extra `[plot]`, and no download.")
    return "\n\n".join(parts) + "\n"


def figures_of(notebook: dict, path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the pictures that a notebook's cells have drawn."""
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield f"{path.stem}_{number}.png", base64.b64decode("".join(output["data"]["image/png"]))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings get the anchors that the repository's links use; notebooks of the navigation are their pages."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    config.nav = _pages_of(config.nav)
    return config


def _pages_of(nav):
    if isinstance(nav, str):
        return nav.removesuffix(".ipynb") + ".md" if nav.endswith(".ipynb") else nav
    if isinstance(nav, dict):
        return {title: _pages_of(entry) for title, entry in nav.items()}
    return [_pages_of(entry) for entry in nav]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds notebooks' pages and figures, and all files outside docs/ to which pages lead."""
    waiting = [ROOT / name for name in ALWAYS] + sorted(DOCS.rglob("*.md")) + sorted(DOCS.rglob("*.ipynb"))
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        uri = address(path)
        if path.suffix == ".ipynb":
            notebook = json.loads(path.read_text(encoding="utf-8"))
            for name, content in figures_of(notebook, path):
                files.append(File.generated(config, posixpath.join(posixpath.dirname(uri), name), content=content))
        if path.suffix in PICTURES:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
            continue
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=text_of(path)))
        if path.suffix == ".md":
            new = [file for file in targets(path.read_text(encoding="utf-8"), path) if file not in seen]
            new = [file for file in dict.fromkeys(new) if not file.is_relative_to(DOCS)]
            seen.update(new)
            waiting += new
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page as mkdocs is to read it, with the links of the repository as links between the site's pages."""
    path, here = origin(page.file.src_uri), posixpath.dirname(page.file.src_uri)
    if _short(markdown) and any(line[:1] == "|" and line.count("|") > MANY_COLUMNS for line in markdown.splitlines()):
        page.meta.setdefault("hide", ["toc"])  # the table needs the room of the page's own contents

    def relinked(found: re.Match) -> str:
        return found[1] + posixpath.relpath(address((path.parent / found[2]).resolve()), here or ".") + found[3]

    return outside_fences(markdown, lambda text: as_python_markdown(LINK.sub(relinked, text)))


def _short(markdown: str) -> bool:
    return len(re.findall(r"^#", FENCE.sub("", markdown), re.MULTILINE)) <= FEW_HEADINGS


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Formulas become MathML, and files that the text names become links."""
    return FORMULA.sub(_mathml, _with_mentions_linked(html, page, files))


def _mathml(found: re.Match) -> str:
    formula = found[2] or found[3]
    for entity, character in ENTITIES:
        formula = formula.replace(entity, character)
    formula = re.sub(r"\\(log|exp)(?![A-Za-z(])", r"\\\1\\,", formula)  # MathML sets a function's name without a space
    return convert(formula.strip(), display="inline" if found[2] else "block")


def _with_mentions_linked(html: str, page: Page, files: Files) -> str:
    """Links names of pages in the page's text, outside other links, headings and blocks of code."""
    parts, inside = re.split(r"(<[^>]*>)", html), 0
    for place, part in enumerate(parts):
        if tag := re.match(r"<(/?)(?:a|pre|h[1-6])\b", part):
            inside += -1 if tag[1] else 1
        elif not inside and not part.startswith("<"):
            parts[place] = MENTION.sub(lambda found: _linked(found[0], page, files), part)
    return "".join(parts)


def _linked(name: str, page: Page, files: Files) -> str:
    file = files.get_file_from_path(address(ROOT / name))
    return f'<a href="{file.url_relative_to(page.file)}">{name}</a>' if file else name
