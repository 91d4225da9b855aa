"""The log line of structured output prediction: there and back, from metrics, and damaged ones."""

import dataclasses
from datetime import datetime

import pytest

from igr_suite.errors import UserError
from igr_suite.families.structured.original_log import (
    StructuredLine,
    format_line,
    lines_of,
    parse_line,
    read_log,
    write_log,
)
from igr_suite.lab.runs.metrics_log import MetricsLog

TEXT = "Epoch   10 || Test_Recon 7.21000e+01 || Train_Recon 8.10000e+01 || Temp 0.67 || GS || 0.001 || Time  9.4 sec"
LINE = StructuredLine(epoch=10, test=72.1, train=81.0, temperature=0.67, model="GS", learning_rate=1e-3, seconds=9.4)


def test_a_line_has_the_fields_of_the_spec_in_their_order():
    assert format_line(LINE) == TEXT
    assert parse_line(TEXT) == LINE


@pytest.mark.parametrize(
    "changes",
    [
        {"train": None, "seconds": None, "temperature": None},
        {"time": "2020-02-18 09:30:15,123"},
        {"epoch": 12345, "seconds": 1234.5, "model": "IGR_Planar", "learning_rate": 3e-4},
    ],
)
def test_a_line_is_read_as_it_was_written(changes):
    line = dataclasses.replace(LINE, **changes)
    assert parse_line(format_line(line)) == line


def test_metrics_are_exported(tmp_path):
    metrics = MetricsLog(tmp_path / "metrics.jsonl")
    for step, epoch, loss in ((30, 0.5, 200.0), (60, 1.0, 180.0), (90, 1.5, 150.0), (120, 2.0, 140.0)):
        metrics.append(step, epoch=epoch, train_loss=loss)
        if epoch in (1.0, 2.0):
            metrics.append(step, epoch=epoch, test_nll_discrete=loss - 10.0, test_nll_relaxed=loss - 12.0)
    metrics.close()
    settings = {"model": "IGR_I", "temperature": 0.5, "learning_rate": 1e-3, "seconds": 5.0}
    write_log(metrics.rows(), tmp_path / "loss.log", hyper={"temp": 0.5}, time=datetime(2020, 2, 18, 9, 30), **settings)
    log = read_log(tmp_path / "loss.log")
    assert log.hyper == {"temp": "0.5"}
    assert log.lines == lines_of(metrics.rows(), time="2020-02-18 09:30:00,000", **settings)
    assert [(line.epoch, line.test, line.train, line.seconds) for line in log.lines] == [
        (1, 170.0, 190.0, 2.5),
        (2, 130.0, 145.0, 2.5),
    ]
    with pytest.raises(UserError, match="no row holds test_nll_discrete"):
        write_log([], tmp_path / "empty.log", **settings)


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "loss.log"
    path.write_text(f"{TEXT}\n{TEXT.replace('Train_Recon 8.1', 'Train_Loss 8.1')}\n{TEXT}\n")
    with pytest.raises(UserError, match=r"loss.log, line 2 is not a line 'Epoch ... \|\| Test_Recon"):
        read_log(path)
