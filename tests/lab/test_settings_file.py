"""Settings from files: what is refused, and that no file can keep the reader busy for long."""

import json

import pytest

from igr_suite.errors import UserError
from igr_suite.lab.runs.settings_file import DEEPEST, read_pairs

LETTERS = "abcdefghij"
BOMB = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name} {{" + ", ".join(f"k{i}: *{before}" for i in range(9)) + "}\n"
    for before, name in zip(LETTERS, LETTERS[1:])
)
MERGES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name}\n  <<: [" + ", ".join(f"*{before}" for _ in range(9)) + "]\n"
    for before, name in zip(LETTERS, LETTERS[1:])
)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("twice.json", '{"seed": 1, "model": {"name": "a", "name": "b"}}', "the key 'name' occurs twice"),
        ("twice.yaml", "seed: 1\nseed: 2\n", "the key 'seed' occurs twice"),
        ("twice.toml", "seed = 1\nseed = 2\n", "is not TOML"),
        ("deep.json", '{"a":' * 50_000 + "1" + "}" * 50_000, "nested too deeply"),
        ("deep.yaml", "a: " + "[" * 2_000 + "]" * 2_000, "nested too deeply"),
        ("deep.toml", "a = " + "[" * 2_000 + "]" * 2_000, "nested too deeply"),
        ("deeper.json", '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), f"nested more than {DEEPEST} levels"),
        ("endless.yaml", "a: &a [*a]\n", f"nested more than {DEEPEST} levels"),
        ("bomb.yaml", BOMB, "longer than 100,000 values"),
        ("merges.yaml", MERGES, "its references make a list of more than 100,000 values"),
        ("list.yaml", "? [1, 2]\n: 2\n", "is not YAML"),
        ("number.json", "5", "must hold keys and values"),
    ],
)
def test_what_is_no_list_of_settings_is_refused_in_a_sentence(tmp_path, name, text, sentence):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=sentence) as refusal:
        read_pairs(path)
    assert name in str(refusal.value) and len(str(refusal.value)) < 400


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_many_keys_are_read_in_a_moment(tmp_path, suffix):
    """The look for equal keys takes a set; with a list, 20,000 keys took 20 s."""
    path = tmp_path / f"many.{suffix}"
    path.write_text(json.dumps({f"key{i}": i for i in range(20_000)}), encoding="utf-8")
    assert read_pairs(path)[-1] == "key19999=19999"


def test_settings_may_be_dotted_or_nested_and_refer_to_each_other(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(
        "common: &common {samples: 3}\nschedule:\n  <<: *common\n  epochs: 5\nmodel.temperature: 0.3\n",
        encoding="utf-8",
    )
    assert read_pairs(path) == ["common.samples=3", "schedule.samples=3", "schedule.epochs=5", "model.temperature=0.3"]
