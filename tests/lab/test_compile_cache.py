"""Compiled programs that later runs read: only whole ones, of this machine, and never at the cost of a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from igr_suite.errors import UserError
from igr_suite.lab.running import compile_cache
from igr_suite.lab.running.compile_cache import FLAG, FLAGS, VARIABLE, make, prepared, seal, use
from igr_suite.lab.runs.own_settings import pinned

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path):
    """An environment with an empty cache."""
    given = {VARIABLE: str(tmp_path / "cache")}
    return given | prepared(given)


def place(environment) -> Path:
    return Path(environment[FLAGS].removeprefix(FLAG))


def program(environment, name, content=b"compiled"):
    path = place(environment) / f"xla_compile_cache__{name}__XLA_CPU_JIT.pb"
    path.write_bytes(content)
    return path


def test_without_the_variable_nothing_is_kept(tmp_path):
    assert prepared({}) == {} == prepared({VARIABLE: ""})
    seal({FLAGS: f"{FLAG}{tmp_path}"})
    assert not list(tmp_path.iterdir())


def test_a_worker_keeps_the_flag_and_no_other(environment):
    assert FLAGS not in pinned(environment)
    assert pinned({FLAGS: f"--tf_xla_auto_jit=2 {environment[FLAGS]}"})[FLAGS] == environment[FLAGS]
    assert place(environment).is_dir() and place(environment).parent == Path(environment[VARIABLE])


def test_a_worker_that_no_runner_started_uses_the_cache_too(environment, tmp_path):
    alone = {VARIABLE: environment[VARIABLE]}
    use(alone)
    assert alone == environment
    unsealed = program(environment, "of another task")
    use(alone)
    assert alone == environment and unsealed.exists(), "a second call has nothing to see to"
    other = {VARIABLE: environment[VARIABLE], FLAGS: f"{FLAG}{tmp_path}"}
    use(other)
    assert other[FLAGS] == f"{FLAG}{tmp_path}", "a folder that was chosen stays"
    use(nothing := {})
    assert nothing == {}


def test_the_folder_of_a_job_array_is_made_at_its_submission(tmp_path):
    make({})
    make({VARIABLE: str(tmp_path / "a" / "b")})
    assert list(tmp_path.iterdir()) == [tmp_path / "a"] and (tmp_path / "a" / "b").is_dir()
    with pytest.raises(
        UserError, match="cannot write /dev/null/cache: .*; choose another folder with IGR_COMPILE_CACHE"
    ):
        make({VARIABLE: "/dev/null/cache"})


def test_only_programs_with_their_checksum_are_read(environment):
    whole, damaged, truncated = (program(environment, name) for name in "abc")
    seal(environment)
    unsealed = program(environment, "d")
    damaged.write_bytes(b"compilef")
    truncated.write_bytes(b"")
    (place(environment) / "notes.txt").write_text("mine")
    prepared(environment)
    assert whole.exists() and not any(path.exists() for path in (damaged, truncated, unsealed))
    assert sorted(path.name for path in place(environment).iterdir()) == [
        "notes.txt",
        whole.name,
        f"{whole.name}.sha256",
    ]


def test_the_oldest_programs_go_when_the_cache_is_large(environment, monkeypatch):
    old, new = program(environment, "old", b"1" * 60), program(environment, "new", b"2" * 60)
    os.utime(old, (1, 1))
    seal(environment)
    monkeypatch.setattr(compile_cache, "KEPT", 100)
    prepared(environment)
    assert new.exists() and not old.exists()


@pytest.mark.parametrize(
    ("folder", "free", "sentence"),
    [
        ("a b", 0, "TensorFlow takes no path with a space"),
        ("/dev/null/cache", 0, "cannot write /dev/null/cache"),
        ("cache", 1 << 60, "MB left"),
    ],
)
def test_a_folder_that_would_end_a_run_is_refused(tmp_path, monkeypatch, folder, free, sentence):
    monkeypatch.setattr(compile_cache, "FREE", free)
    with pytest.raises(UserError, match=sentence) as refused:
        prepared({VARIABLE: str(tmp_path / folder)})
    assert VARIABLE in str(refused.value), "the way out"


@pytest.mark.sweep
def test_a_run_with_compiled_programs_has_the_same_bits(tmp_path):
    def run(name: str) -> bytes:
        command = [sys.executable, "-m", "igr_suite", "run", "rebar/tracking", "--scale", "smoke", "--no-plot"]
        command += ["--results", str(tmp_path / name)]
        environment = os.environ | {VARIABLE: str(tmp_path / "cache")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        (rows,) = (tmp_path / name).glob("rebar/tracking/smoke/*/metrics.jsonl")
        return rows.read_bytes()

    first = run("first")
    programs = {path: path.read_bytes() for path in (tmp_path / "cache").glob("*/xla_compile_cache*.pb")}
    assert programs
    assert run("second") == first
    assert {path: path.read_bytes() for path in (tmp_path / "cache").glob("*/xla_compile_cache*.pb")} == programs
    for path in programs:
        path.write_bytes(path.read_bytes()[:1000])
    assert run("third") == first, "damaged programs are compiled again"
    assert all(path.stat().st_size > 1000 for path in programs)
