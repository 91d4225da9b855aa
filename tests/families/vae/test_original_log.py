"""The original's log lines: those of docs/papers/igr.md, section 3.7, there and back, and what is said about damaged
ones.
"""

import dataclasses
from datetime import datetime

import pytest

from igr_suite.errors import UserError
from igr_suite.families.vae.original_log import LogLine, format_line, lines_of, parse_line, read_log, write_log
from igr_suite.lab.runs.metrics_log import MetricsLog

README = (  # docs/papers/igr.md, section 3.7
    "Epoch   10 || TeELBO -1.02500e+02 || TeELBOC -1.01900e+02 || TeJV -1.30000e+02 || TeJVC -1.29000e+02 || "
    "N  9 || TrL 1.03100e+02 ||  9.4 sec || i: 7,810 ||"
)
LINE = LogLine(
    epoch=10,
    step=7810,
    elbo=-102.5,
    elbo_closed=-101.9,
    joint=-130.0,
    joint_closed=-129.0,
    n_required=9,
    train_loss=103.1,
    seconds=9.4,
)


def test_a_line_is_what_the_spec_prints():
    assert format_line(LINE) == README
    assert parse_line(README) == LINE


@pytest.mark.parametrize(
    "changes",
    [
        {"joint": None, "joint_closed": None},
        {"elbo_closed": None, "seconds": None, "train_loss": None},
        {"time": "2020-02-18 09:30:15,123"},
        {"epoch": 12345, "step": 12_345_678, "n_required": 100, "seconds": 1234.5},
        {"elbo": 189.5},
    ],
)
def test_a_line_is_read_as_it_was_written(changes):
    line = dataclasses.replace(LINE, **changes)
    assert parse_line(format_line(line)) == line


@pytest.mark.parametrize("separator", [" --- ", "  -  ", " :: :", "     ", "\t\t\t\t\t"])
def test_any_five_characters_separate_the_timestamp(separator):
    assert parse_line(f"2020-02-18 09:30:15,123{separator}{README}\n").time == "2020-02-18 09:30:15,123"


def test_tokens_are_exact():
    """A reader that looks for the letters TeELBO would find the closed one here."""
    line = parse_line(
        "Epoch    1 || TeELBOC -2.0e+00 || TeELBO -1.0e+00 || N 10 || TrL 3.0e+00 ||  0.5 sec || i: 60 ||"
    )
    assert (line.elbo, line.elbo_closed) == (-1.0, -2.0)
    with pytest.raises(UserError, match="not a line 'Epoch"):
        parse_line("Epoch    1 || TeELBOC -2.0e+00 || N 10 || TrL 3.0e+00 ||  0.5 sec || i: 60 ||")


def test_metrics_are_exported(tmp_path):
    metrics = MetricsLog(tmp_path / "metrics.jsonl")
    for step, epoch, elbo in ((30, 0.5, -500.0), (60, 1.0, -300.0), (80, 1.3333, -200.0), (120, 2.0, -140.0)):
        metrics.append(step, epoch=epoch, train_elbo=elbo)
        if step == 60:
            metrics.append(step, epoch=epoch, test_elbo_relaxed=-250.0, test_elbo_relaxed_closed=-249.0)
    metrics.append(120, epoch=2.0, test_elbo_relaxed=-150.0, test_n_required=7.4)
    metrics.close()
    rows = metrics.rows()
    write_log(
        rows,
        tmp_path / "loss.log",
        hyper={"temp": 0.3, "note": "a: b"},
        time=datetime(2020, 2, 18, 9, 30),
        n_required=10,
        seconds=5.0,
    )
    text = (tmp_path / "loss.log").read_text().splitlines()
    assert text[0] == "2020-02-18 09:30:00,000 --- Hyper: temp: 0.3"
    assert text[2] == (
        "2020-02-18 09:30:00,000 --- Epoch    1 || TeELBO -2.50000e+02 || TeELBOC -2.49000e+02 || N 10 || TrL "
        "4.00000e+02 "
        "||  2.5 sec || i: 60 ||"
    )
    log = read_log(tmp_path / "loss.log")
    assert log.hyper == {"temp": "0.3", "note": "a: b"}
    assert log.lines == lines_of(rows, n_required=10, seconds=5.0, time="2020-02-18 09:30:00,000")
    assert [(line.epoch, line.elbo, line.n_required, line.train_loss) for line in log.lines] == [
        (1, -250.0, 10, 400.0),
        (2, -150.0, 7, 160.0),
    ]
    with pytest.raises(UserError, match="no row holds test_elbo_relaxed"):
        write_log([], tmp_path / "empty.log")


def test_joint_models_export_their_own_objective():
    rows = [
        {"step": 60, "epoch": 1.0, "train_elbo": -300.0, "train_jointvae": -310.0},
        {
            "step": 60,
            "epoch": 1.0,
            "test_elbo_relaxed": -250.0,
            "test_jointvae": -260.0,
            "test_jointvae_closed": -255.0,
        },
    ]
    text = format_line(lines_of(rows)[0])
    assert (
        "TeELBO -2.50000e+02" in text
        and "TeJV -2.60000e+02 || TeJVC -2.55000e+02" in text
        and "TrL 3.10000e+02" in text
    )


def test_a_damaged_line_is_named_and_a_cut_one_is_passed_over(tmp_path):
    path = tmp_path / "loss.log"
    path.write_text(f"Epoch begins\n{README}\nEpoch   20 || TeELBO -1.0")
    assert read_log(path).lines == [LINE]
    path.write_text(f"{README}\n{README.replace('-1.02500e+02', 'x')}\n{README}\n")
    with pytest.raises(UserError, match=r"loss.log, line 2 is not a line 'Epoch"):
        read_log(path)
    with pytest.raises(UserError, match="cannot read .*absent.log: No such file"):
        read_log(tmp_path / "absent.log")
