"""LaTeX: what it would take for commands is escaped, bounds are formulas, and numbers of a column are aligned."""

import re

import matplotlib
import pandas as pd
import pytest

from igr_suite.plotting.appearance import Appearance, applied
from igr_suite.plotting.latex import SPECIAL, escaped, table, with_formulas
from igr_suite.plotting.style import figure, save
from igr_suite.plotting.tables import captioned, save_table

CELLS = pd.DataFrame(
    {
        "model": ["GS_Dis", "a & b", "100%"],
        "test L_64": ["-98.21 ± 0.34", "-101.5", "-"],
        "SNR²": ["0.5 ± 10.1 (2 seeds)", "12.25 ± 0.2", "7 (1 seed)"],
        "change": ["+1.5", "-12", "3"],
        "candidates": ["0.1 0.3", "0.1", "1 to 3"],
    }
)


def rows_of(text: str) -> list[list[str]]:
    """The cells between \\midrule and \\bottomrule."""
    body = text[text.index("\\midrule") : text.index("\\bottomrule")].splitlines()[1:]
    return [[cell.strip() for cell in row.strip().removesuffix("\\\\").split(" & ")] for row in body if row.strip()]


def width_before(cell: str, mark: str) -> int:
    """Characters of a cell before a mark, where those of phantoms count as letters do."""
    plain = re.sub(r"\\phantom\{((?:\{-\})?[^{}]*)\}", r"\1", cell).replace("{-}", "-").replace("{+}", "+").strip("$")
    return plain.index(mark) if mark in plain else len(plain)


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        ("a_b & 50% #1 {x}", r"a\_b \& 50\% \#1 \{x\}"),
        ("a~b^c\\d $", r"a\textasciitilde{}b\textasciicircum{}c\textbackslash{}d \$"),
        ("x < 2 ± 1", r"x $<$ 2 $\pm$ 1"),
        ("kept $L_{64}$, a_b", r"kept $L_{64}$, a\_b"),
        ("test L_64", "test $L_{64}$"),
        ("test -L_100", "test $-L_{100}$"),
        ("L_5000 - L_1", "$L_{5000}$ - $L_{1}$"),
        ("log10 variance, SNR²", r"$\log_{10}$ variance, SNR$^2$"),
        ("IGR_SB", r"IGR\_SB"),
    ],
)
def test_texts_are_escaped_and_bounds_are_formulas(plain, text):
    assert escaped(with_formulas(plain)) == text


def test_no_special_character_is_left():
    outside = escaped("".join(SPECIAL))
    for character in "&%#_~^":
        assert not re.search(
            rf"(?<!\\){re.escape(character)}", outside.replace("$^2$", "").replace("$^3$", "").replace(r"$^\circ$", "")
        ), character


def test_numbers_stand_with_their_points_below_each_other():
    rows = rows_of(table(CELLS, "caption", "name"))
    assert [row[0] for row in rows] == [r"GS\_Dis", r"a \& b", r"100\%"]
    columns = list(zip(*rows))
    assert columns[1][0] == r"$\phantom{0}{-}98.21 \pm 0.34$" and columns[1][2] == "-"
    for column, cells in ((1, columns[1][:2]), (2, columns[2]), (3, columns[3])):
        assert len({width_before(cell, ".") for cell in cells if "." in cell}) == 1, column
    assert len({width_before(cell, r"\pm") for cell in columns[2][:2]}) == 1
    assert columns[2][0].endswith("$ (2 seeds)") and columns[3][2] == r"$\phantom{{-}0}3$"
    assert columns[4] == ("0.1 0.3", "0.1", "1 to 3"), "a column with other texts is left as it is"


def test_a_table_is_whole_with_rules_caption_and_label(tmp_path):
    with captioned("Bounds of all models", "igr-table_1"):
        save_table(tmp_path, CELLS, CELLS, "Nats per image, L_64.")
        save_table(tmp_path, CELLS, CELLS, name="table_paired")
    text = (tmp_path / "table.tex").read_text(encoding="utf-8")
    for part in (
        r"\usepackage{booktabs}",
        r"\caption{Bounds of all models. Nats per image, $L_{64}$.}",
        r"\label{tab:igr-table_1}",
        r"model & test $L_{64}$ & SNR$^2$ & change & candidates \\",
    ):
        assert part in text, part
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\hline")] == [1, 1, 1, 0]
    assert text.count(r"\begin{") == text.count(r"\end{") == 2 and text.count("{") == text.count("}")
    assert r"\label{tab:igr-table_1-paired}" in (tmp_path / "table_paired.tex").read_text(encoding="utf-8")
    save_table(tmp_path, CELLS, CELLS)
    assert r"\label{tab:table}" in (tmp_path / "table.tex").read_text(encoding="utf-8")


def test_a_style_with_usetex_gets_names_that_latex_takes(monkeypatch, tmp_path):
    """Texts are escaped before anything is drawn; LaTeX itself need not be there."""
    seen = {}

    def read(fig, path, **options):
        axes = fig.axes[0]
        seen["texts"] = [axes.get_ylabel(), axes.get_legend().get_texts()[0].get_text(), fig.get_suptitle()]
        seen["ticks"] = [label.get_text() for label in axes.get_xticklabels()]
        seen["usetex"] = matplotlib.rcParams["text.usetex"]
        path.touch()

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", read)
    monkeypatch.setattr("igr_suite.plotting.appearance._wrap", lambda text, width: None)  # measures texts, with LaTeX
    with applied(Appearance(style={"text.usetex": True})), figure() as (fig, axes):
        axes.plot([0, 1], [0, 1], label="SDNI lin_deep")
        axes.set_xticks([0, 1], ["GS_Dis", "50%"])
        axes.set_ylabel("test $L_{64}$, nats & more")
        axes.legend()
        fig.suptitle("3 seeds; 95% intervals")
        save(fig, tmp_path)
    assert seen["usetex"]
    assert seen["texts"] == [r"test $L_{64}$, nats \& more", r"SDNI lin\_deep", r"3 seeds; 95\% intervals"]
    assert seen["ticks"] == [r"GS\_Dis", r"50\%"]
