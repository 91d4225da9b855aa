"""The page of all results: complete, self-contained, made without TensorFlow, and working in a browser."""

import base64
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from igr_process import Igr

from igr_suite.lab.analysis.hypotheses import Hypothesis, Judged
from igr_suite.report import collect
from igr_suite.report import page as pages
from igr_suite.report.figures import pixels
from igr_suite.report.findings import findings
from igr_suite.report.markup import leading_number

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "igr/counting"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#377eb8"/></svg>'
)
VOID = {"meta", "link", "img"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PROBE = """<script>
  const errors = [];
  addEventListener("error", event => errors.push(event.message || event.target.src?.slice(0, 40)), true);
  addEventListener("load", () => setTimeout(() => {
    const table = document.querySelector("table.runs");
    const column = [...table.tHead.rows[0].cells].findIndex(head => head.textContent === "total");
    const shown = () => [...table.tBodies[0].rows].map(row => row.cells[column].textContent).join();
    const orders = [shown()];
    for (let i = 0; i < 2; i++) { table.tHead.rows[0].cells[column].firstElementChild.click(); orders.push(shown()); }
    const drawn = [...document.images].filter(image => image.complete && image.naturalWidth > 0).length;
    document.title = JSON.stringify({ errors, orders, drawn, images: document.images.length,
      tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth });
  }, 500));
</script>"""


class Page(HTMLParser):
    """Checks that tags are closed in order and keeps what is looked for."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.images += [values] if tag == "img" else []
        self.links += [values["href"]] if tag in ("a", "link") else []
        self.ids += [values["id"]] if "id" in values else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data + "\n"


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """An experiment with three runs, a figure, a table and a page."""
    igr = Igr(tmp_path_factory.mktemp("counted"))
    assert igr("run", NAME, "--scale", "smoke")[0] == 0
    folder = igr.results / NAME / "smoke"
    (folder / "figure.svg").write_text(SVG)
    (folder / "figure.png").write_text("the svg goes before")
    (folder / "table_more.md").write_text("| who | value |\n|-----|-------|\n| <b> | -1.5 ± 0.2 |\n\nA note & more.\n")
    code, out, err = igr("report", "--scale", "smoke")
    assert code == 0 and "1 sections" in out, err
    return igr


@pytest.fixture(scope="module")
def written(counted):
    return counted.results / "report.html"


def test_the_page_has_everything_and_needs_nothing(written):
    text = written.read_text()
    page = Page(text)
    (image,) = page.images
    assert gzip.decompress(base64.b64decode(image["data-gzip"])).decode() == SVG
    assert (image["data-type"], image["width"], image["height"]) == ("image/svg+xml", "40", "30")
    assert image["alt"] == "Counting. Smoke scale."
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert not re.search(r"(src|href)=\"?(https?:|/)", text)
    for words in (
        "3 finished",
        "count-3-s0-072510eb",
        "count-4-s1-a0ebcd3a",
        "<b>",
        "A note & more.",
        "-1.5 ± 0.2",
        "Counting, Table 1",
    ):
        assert words in page.text, words
    lines = page.text.splitlines()
    assert (lines.count("pass"), lines.count("fail"), lines.count("not comparable")) == (1, 1, 2)
    start = lines.index("Sources of reference values")
    assert (lines.index("paper"), lines.index("paper, recalled"), lines.index("authors' code")) < (start,) * 3, (
        "columns of the index"
    )
    cells = [line for line in lines[lines.index("smoke scale") + 1 :] if line]
    assert cells[:9] == [
        *("published, paper", "printed in a paper, or read off its figures by eye", "1 / 0 / 1"),
        *("paper, recalled", "remembered, not read in the source: shown, never judged", "0 / 0 / 1"),
        *("authors' code, run by us", "the authors' code, patched only to run, and run by us", "0 / 1 / 0"),
    ]
    differing = lines[lines.index("run") : lines.index("run") + 5]
    assert differing == ["run", "state", "until", "seed", "total"], "settings that differ, then measures"
    assert "pace.seconds" in page.text, "settings that are shared"


def test_equal_results_give_equal_pages_and_heavy_packages_stay_out(counted, written, tmp_path):
    lines = (
        "import sys; from igr_suite.cli.main import main; "
        f"assert main(['report', '--scale', 'smoke', '--out', {str(tmp_path / 'again.html')!r}]) == 0; "
        "assert not {'tensorflow', 'keras', 'tensorflow_probability'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", lines], env=counted.environment, check=True, timeout=60)
    assert (tmp_path / "again.html").read_bytes() == written.read_bytes()


def test_unfinished_failed_and_damaged_runs_are_shown(igr, tmp_path):
    words = (NAME, "--scale", "smoke")
    assert igr("report", *words[1:])[0] == 2
    assert igr("run", *words, "--only", "s0")[0] == 0
    folder = igr.results / NAME / "smoke"
    (folder / "count-3-s0-072510eb/metrics.jsonl").write_text("garbage\n")
    code, out, err = igr("report", *words)
    assert code == 1 and "count-3-s0-072510eb is not whole" in err
    page = Page((igr.results / "report.html").read_text())
    assert "1 not whole, 1 absent; stage 2 is not known yet" in page.text
    (folder / "count-3-s0-072510eb/summary.json").unlink()
    assert igr("report", *words)[0] == 0
    assert "1 damaged, 1 absent" in Page((igr.results / "report.html").read_text()).text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("igr/countin",), "did you mean 'igr/counting'?"),
        (("--scale", "smok"), "did you mean 'smoke'?"),
        ((), "no run at scale quick or paper"),
        (("--scale", "smoke", "--out", "/dev/null/page.html"), "cannot write /dev/null/page.html"),
    ],
)
def test_bad_input_of_report_is_a_sentence(igr, words, sentence):
    if "--out" in words:
        assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    code, out, err = igr("report", *words)
    assert code == 2 and sentence in err and "Traceback" not in err


@pytest.mark.sweep
def test_all_committed_results_are_on_one_page(tmp_path):
    command = [sys.executable, "-m", "igr_suite", "report", "--out", str(tmp_path / "page.html")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").stat().st_size < 8e6
    page = Page((tmp_path / "page.html").read_text())
    figures = {path.with_suffix("") for path in (REPOSITORY / "results").glob("*/*/quick/*.png")}
    assert len(page.images) >= len(figures) > 20
    assert len(page.ids) == len(set(page.ids))
    assert collect.EVALUATIONS in page.text.splitlines() and pages.COUNTED in page.text


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_lives_in_a_browser(written, tmp_path, width):
    """No error in the console, every figure drawn, a click sorts and a second one turns the order round, nothing wider
    than the window."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no chromium here to open the page with: apt-get install chromium, then this test runs")
    probed = tmp_path / "probed.html"
    probed.write_text(written.read_text().replace("<head>", "<head>" + PROBE, 1).replace("<details", "<details open"))
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=20000",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command = [
        browser,
        *options,
        "--enable-logging=stderr",
        f"--window-size={width},900",
        "--dump-dom",
        f"file://{probed}",
    ]
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    found = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert found, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr
    assert (
        found[1]
        .replace("&quot;", '"')
        .startswith('{"errors":[],"orders":["3,6,8","3,6,8","8,6,3"],"drawn":1,"images":1,"tooWide":0}')
    )


def test_the_size_of_an_image_is_read_from_its_first_bytes():
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    assert pixels(head + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")) == (640, 480)
    assert pixels(b'<?xml?><svg width="72pt" height="36pt" viewBox="0 0 72 36">') == (96, 48)
    assert pixels(SVG.encode()) == (40, 30)
    assert pixels(b'<svg width="100%" viewBox="0 0 1 1">') is None
    assert pixels(b"nothing") is None and pixels(head) is None


def test_claims_of_a_paper_are_counted_and_listed():
    def judged(claim, verdict, *words):
        return Judged(Hypothesis(claim=claim, source="", evidence=()), [], list(words), verdict)

    def shown(*claims):
        scale = collect.ScaleReport("quick", Counter(finished=1), None, [], [], [], {}, {})
        item = collect.ItemReport("igr/counting", "Counting", [scale])
        return findings(collect.PaperReport("igr", [item], {"quick": list(claims)} if claims else {}))

    text = shown(
        judged("A is below B.", "confirmed", "supports", "supports"),
        judged("B is below C.", "undecided", "supports", "undecided"),
        judged("C is <b>.", "undecided", "undecided"),
        judged("D is below E.", "not measured", "not measured"),
    )
    assert "At quick scale, 4 claims: 1 confirmed, 2 undecided, 1 not measured." in text
    assert "D is below E." not in text
    assert "2 of 2" in text and "1 of 2" in text and "C is &lt;b&gt;." in text
    assert shown() == "", "neither claims nor reference values"


def test_cost_of_a_run():
    """3,905 steps of 64 images with one sample are 249,920 likelihoods."""
    cost = collect._cost({"steps": 3905}, {"train_seconds": 50.0, "wall_seconds": 70.5, "parameters": 2_238_812}, 64)
    assert cost == {
        "steps": 3905.0,
        "steps/s": 78.1,
        collect.EVALUATIONS: 0.24992,
        "wall s": 70.5,
        "parameters": 2238812.0,
    }
    assert [pages._measure(value) for value in cost.values()] == ["3905", "78.1", "0.24992", "70.5", "2,238,812"]
    assert collect.EVALUATIONS not in collect._cost({"steps": 3905}, {}, None)


def test_a_cell_is_sorted_by_its_number():
    assert [leading_number(text) for text in ("-98.2 ± 0.3", "1,024", "12%", "18 s", "MNIST", "2-5-S", "-", "")] == [
        -98.2, 1024.0, 12.0, 18.0, None, None, None, None,
    ]  # fmt: skip
