"""`igr check --write`: the tally as a table between markers, and nothing else of the file."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "igr/counting"
TALLY = """
| experiment   | kind of source  | pass | fail | not comparable |
|--------------|-----------------|------|------|----------------|
| igr/counting | paper           | 1    | 0    | 1              |
|              | paper, recalled | 0    | 0    | 1              |
|              | authors' code   | 0    | 1    | 0              |
| all          | paper           | 1    | 0    | 1              |
|              | paper, recalled | 0    | 0    | 1              |
|              | authors' code   | 0    | 1    | 0              |
|              | together        | 1    | 1    | 2              |

Scale smoke; written by `igr check --scale smoke --write docs/published_values.md`.

"""


def test_the_section_of_the_page_is_written_again(igr, tmp_path):
    """On this checkout's page, whose table is of other experiments: all else stays, and a second call changes
    nothing."""
    page = tmp_path / "published_values.md"
    text = (REPOSITORY / "docs" / "published_values.md").read_text()
    page.write_text(text)
    assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    code, out, err = igr("check", "--scale", "smoke", "--write", str(page))
    assert code == 1 and f"written to {page}" in out, err
    first, last = "<!-- igr check -->\n", "<!-- end of igr check -->\n"
    assert page.read_text() == text[: text.index(first)] + first + TALLY + text[text.index(last) :]
    assert igr("check", "--scale", "smoke", "--write", str(page))[0] == 1
    assert page.read_text() == text[: text.index(first)] + first + TALLY + text[text.index(last) :]


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        (
            "no markers\n",
            (),
            "has no section to write: put the lines <!-- igr check --> and <!-- end of igr check --> where it belongs",
        ),
        ("<!-- end of igr check -->\n<!-- igr check -->\n", (), "has no section to write"),
        ("<!-- igr check -->\n" * 2 + "<!-- end of igr check -->\n", (), "has no section to write"),
        (None, (), "No such file or directory"),
        ("", (NAME,), "--write writes the lines of all experiments: leave NAME out"),
    ],
)
def test_a_file_without_a_place_for_it_is_left_as_it_is(igr, tmp_path, content, words, sentence):
    path = tmp_path / "page.md"
    if content is not None:
        path.write_text(content)
    code, out, err = igr("check", *words, "--scale", "smoke", "--write", str(path))
    assert code == 2 and err.startswith("igr: ") and sentence in err and "Traceback" not in err
    assert content is None or path.read_text() == content
