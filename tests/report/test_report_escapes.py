"""Names and files become text on the page: they add no element, no attribute, no link and no control character."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from igr_suite.lab.analysis.hypotheses import Hypothesis, Judged
from igr_suite.lab.analysis.ledger import Verdict
from igr_suite.lab.analysis.references import Reference
from igr_suite.report.collect import ItemReport, PaperReport, RunRow, ScaleReport
from igr_suite.report.markup import Html, fill
from igr_suite.report.page import page

NAME = "igr/counting"
NASTY = (
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#x3c;b>",
    "<!-- --><!DOCTYPE x><?php ?>",
    "{} {0} {name} %s",
    "\x1b[2J\u202e\x00\x9b",
)


class Structure(HTMLParser):
    """Elements with the names of their attributes, links, ids, and the text outside of script and style."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.others: list[str] = []
        self.text = ""
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in ("href", "src")]
        self.ids += [value for name, value in attrs if name == "id"]
        self.inside = tag

    def handle_endtag(self, tag):
        self.elements.append(("/", tag))
        self.inside = ""

    def handle_data(self, data):
        self.text += "" if self.inside in ("script", "style") else data

    def handle_comment(self, data):
        self.others.append(data)

    def handle_decl(self, decl):
        self.others.append(decl)

    handle_pi = unknown_decl = handle_decl


def shown(word: str) -> str:
    for character, text in (("\x1b", "\\x1b"), ("\u202e", "\\u202e"), ("\x00", "\\x00"), ("\x9b", "\\x9b")):
        word = word.replace(character, text)
    return word


def a_page(folder, word: str) -> str:
    """A page in which everything that can come from names and files is this word."""
    folder.mkdir()
    (folder / "table.md").write_text(
        f"# {word}\n\n| a | {word} |\n|---|---|\n| 1 | {word} |\n\n{word}\n", encoding="utf-8"
    )
    file = word.replace("/", "|").replace("\x00", "\x01")[:80]
    for name, text in ((f"{file}.md", word), (f"{file}.svg", f"<svg>{word}</svg>")):
        (folder / name).write_text(text, encoding="utf-8")
    reference = Reference(word, word, 1.0, None, word, "paper", "exact", "read", 0.5)
    rows = [
        RunRow(word, word, {word: word, "b": (word, 1, None)}, {word: 1.0}, {word: 2.0, "wall s": 1.0})
        for _ in range(2)
    ]
    scale = ScaleReport(
        scale=word,
        states=Counter({word: 2}),
        waiting=2,
        figures=[folder / f"{file}.svg"],
        tables=[folder / "table.md", folder / f"{file}.md"],
        runs=rows,
        shared={word: word, "list": (word, word)},
        faults={word: word},
        verdicts=[
            Verdict(reference, 1.0, 0.1, 3, word, word),
            Verdict(reference, None, None, 0, "not comparable", word),
        ],
        environments=Counter({word: 2}),
        ended=word,
    )
    bare = ScaleReport(word, Counter({word: 1}), None, [], [], [], {}, {}, [], word)
    items = [ItemReport(word, word, [scale]), ItemReport(word + "2", word, [bare]), ItemReport(word, word, [])]
    claim = Judged(Hypothesis(claim=word, source=word, evidence=()), [], [word], word)
    return page([PaperReport(word, items, {word: [claim]})], word)


@pytest.mark.parametrize("word", NASTY)
def test_nothing_but_text_is_added(tmp_path, word):
    word = word.ljust(50, "x")  # longer than a cell that is kept in one line, as its harmless twin is
    text = a_page(tmp_path / "nasty", word)
    nasty, harmless = Structure(text), Structure(a_page(tmp_path / "harmless", "x" * len(shown(word))))
    assert nasty.elements == harmless.elements
    assert nasty.others == ["DOCTYPE html"]
    assert all(link.startswith(("#", "data:")) for link in nasty.links)
    anchors = [link[1:] for link in nasty.links if link.startswith("#")]
    assert set(anchors) <= set(nasty.ids) and len(nasty.ids) == len(set(nasty.ids)) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in nasty.ids)
    assert nasty.text.count(shown(word)) >= 30, "it is shown as it is"
    assert not re.search("(?!\n)[\x00-\x1f\x7f-\x9f\u202e]", text)


def test_markup_is_made_in_one_way_only():
    assert fill("<b>{}</b>{}", "<i>", Html("<i>")) == "<b>&lt;i&gt;</b><i>"
    assert isinstance(fill("{}", 1), Html) and not isinstance(fill("{}", "a") + "b", Html)


def test_files_of_a_results_folder_add_no_element(igr):
    """The same through `igr report`: summaries, metadata, tables and figures that somebody else wrote."""
    words = (NAME, "--scale", "smoke")
    assert igr("run", *words)[0] == 0
    folder = igr.results / NAME / "smoke"

    def poison(word: str) -> None:
        for run in folder.glob("count-*"):
            summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
            kept = {"total": summary["total"], "seed": summary["seed"], word: 1.5, "text": word, "huge": 10**39}
            (run / "summary.json").write_text(json.dumps(kept), encoding="utf-8")
            meta = {
                "python": word,
                "ended": word,
                "platform": word,
                "device": word,
                "versions": {"numpy": word},
                "git": {"commit": word},
                "threads": word,
                "wall_seconds": "NaN",
            }
            (run / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        (folder / "table.md").write_text(f"| a |\n|---|\n| {word} |\n\n{word}\n", encoding="utf-8")

    pages = []
    for word in ("x" * 46, "</td></table><script>alert(1)</script>\"'&<b>zz"):
        poison(word)
        code, out, err = igr("report", *words)
        assert code == 0, err
        pages.append(Structure((igr.results / "report.html").read_text(encoding="utf-8")))
    assert pages[0].elements == pages[1].elements
    assert pages[1].text.count(word) >= 4 and pages[0].text.count("x" * 46) >= 4
