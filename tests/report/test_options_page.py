"""docs/options.md is written from the config classes, and names the readers of every option."""

from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.sbn.config import TrainSBN
from igr_suite.lab.runs.config_classes import package_classes
from igr_suite.report.options import PLACE, document, settings


def test_the_page_is_written_from_the_classes():
    assert PLACE.read_text(encoding="utf-8") == document(), "python -m igr_suite.report.options writes it again"


def test_an_option_names_its_readers():
    rows = {row["setting"]: row for row in settings(TrainSBN)}
    assert rows["`model.sp_generator`"]["default"] == "`hierarchical`, read by model.task=sp"
    assert rows["`model.net_layers`"]["default"] == "`4` for relax"
    assert rows["`model.multilayer_cv`"]["default"] == "`corrected` for rebar, dynamic_rebar, track"
    layers = rows["`model.layers`"]
    assert (layers["values"], layers["default"]) == ("a whole number", "`2`")
    assert layers["meaning"] == "Number of stochastic layers, 1 to 3."


def test_every_setting_has_its_sentence():
    for name, cls in package_classes().items():
        silent = [row["setting"] for row in settings(cls) if not row["meaning"]]
        assert not silent, f"{name}: no sentence below {', '.join(silent)}"


def test_every_settable_path_stands_on_the_page():
    config = TrainHalfMNIST()
    paths = {row["setting"].strip("`") for row in settings(TrainHalfMNIST)}
    for part in ("model", "data", "schedule"):
        assert {f"{part}.{name}" for name in vars(getattr(config, part))} <= paths
