"""`igr submit` without a cluster: its script, what it refuses, and what it needs on a login node."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from igr_suite.cluster import script
from igr_suite.errors import UserError

NAME = "igr/counting"
SUBMIT = ("submit", NAME, "--scale", "smoke")


@pytest.fixture
def fake_cluster(igr, tmp_path):
    """A machine on which sbatch takes every job and keeps what it was given, and a container runtime runs the words
    after the image."""
    programs = tmp_path / "programs"
    programs.mkdir()
    texts = {
        "sbatch": f'#!/bin/sh\ncp "$2" {tmp_path}/submitted.sh\necho "41;cluster"\n',
        "squeue": f"#!/bin/sh\ncat {tmp_path}/queue 2>/dev/null || true\n",
        "scontrol": "#!/bin/sh\necho 'MaxArraySize            = 1001'\n",
        "apptainer": f'#!/bin/sh\necho "$@" >> {tmp_path}/contained\nwhile [ "$1" != {tmp_path}/suite.sif ]; do shift; '
        f"done; shift\n"
        f"export PYTHONPATH={shlex.quote(igr.environment['PYTHONPATH'])}\n"
        f'[ "$1" = igr ] && shift && exec {shlex.quote(sys.executable)} -m igr_suite "$@"\nexec "$@"\n',
    }
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "suite.sif").write_text("an image")
    igr.environment.pop("TFDS_DATA_DIR", None)  # it would be bound too
    igr.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
    return tmp_path


def test_an_array_of_the_known_runs_is_submitted_once(igr, fake_cluster):
    code, out, err = igr(*SUBMIT, "--time", "10", "--array-limit", "3", "--partition", "main", "--sbatch=--account=me")
    assert code == 0, err
    assert "2 of 2 runs to submit" in err
    assert "stage 2 follows when these are finished: igr submit igr/counting --scale smoke --missing" in err
    assert "job 41: 2 tasks" in out
    jobs = igr.results / NAME / "smoke" / "jobs" / "1"
    runs = (jobs / "runs.txt").read_text().split()
    assert runs == ["count-3-s0-072510eb", "count-3-s1-004bb02c"]
    assert all((jobs.parents[1] / run / "config.json").exists() for run in runs)
    assert json.loads((jobs / "job.json").read_text()) == {"job": "41", "runs": runs}
    text = (fake_cluster / "submitted.sh").read_text()
    assert text == (jobs / "job.sh").read_text()
    for line in ("--array=0-1%3", "--time=10", "--partition=main", "--account=me", "--signal=B:USR1@120", "--requeue"):
        assert f"#SBATCH {line}\n" in text

    (fake_cluster / "queue").write_text("41|0|PENDING||Priority\n41|1|RUNNING|node7|None\n7|0|RUNNING|node1|None\n")
    code, out, err = igr(*SUBMIT)
    assert code == 2 and "1 queued and 1 running already; submit the others with --missing" in err
    code, out, err = igr("status", NAME, "--scale", "smoke")
    assert "1 queued, 1 running" in out and "count-3-s0-072510eb: job 41_0, pending: Priority" in out
    code, out, err = igr(*SUBMIT, "--missing")
    assert code == 0 and "0 of 2 runs to submit" in err

    (fake_cluster / "queue").write_text("")
    (jobs / "1.exit").write_text("137\n")
    (jobs / "1.log").write_text("...")
    code, out, err = igr("status", NAME, "--scale", "smoke")
    assert "count-3-s0-072510eb: job 41_0: ended before it began" in out
    assert "count-3-s1-004bb02c: job 41_1: killed (SIGKILL: out of memory?); its log is" in out
    assert "go on with: igr submit igr/counting --scale smoke --missing" in out
    code, out, err = igr(*SUBMIT, "--missing")
    assert code == 0 and "2 of 2 runs to submit" in err and (jobs.parent / "2" / "job.json").exists()
    overview = igr("status")[1].splitlines()[1].split()
    assert overview == [NAME, "smoke", "0", "2+"]


@pytest.mark.parametrize(("size", "code"), [(2, 0), (1, 2), (0, 2)])
def test_an_array_may_have_as_many_tasks_as_max_array_size(igr, fake_cluster, size, code):
    """Its indices are 0 to MaxArraySize - 1: SLURM takes two runs where MaxArraySize is 2, and no array where it is
    0."""
    (fake_cluster / "programs/scontrol").write_text(f"#!/bin/sh\necho 'MaxArraySize            = {size}'\n")
    found, _, err = igr(*SUBMIT)
    assert found == code, err
    assert code == 0 or f"2 runs are more than the {size} tasks that this cluster takes in one array" in err


def test_a_task_queues_itself_again_by_the_array_s_id_and_its_own_index(igr, fake_cluster):
    """A task's own job id may be that of the whole array. (Shown on a real SLURM in test_slurm_array.py.)"""
    text = igr(*SUBMIT, "--dry-run")[1]
    line = next(line for line in text.splitlines() if "scontrol requeue" in line)
    words = line.strip().replace("exec scontrol", "printf '%s '")
    environment = {
        "PATH": "/usr/bin:/bin",
        "SLURM_JOB_ID": "41",
        "SLURM_ARRAY_JOB_ID": "41",
        "SLURM_ARRAY_TASK_ID": "7",
    }
    done = subprocess.run(["bash", "-c", words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["requeue", "41_7"]


def test_the_next_stage_is_submitted_when_it_is_known(igr, fake_cluster):
    assert igr("run", NAME, "--scale", "smoke", "--only", "count-3", "--no-plot")[0] == 0
    code, out, err = igr(*SUBMIT, "--missing")
    assert code == 0 and "1 of 3 runs to submit, 2 finished" in err and "follows" not in err
    assert (igr.results / NAME / "smoke/jobs/1/runs.txt").read_text() == "count-4-s1-a0ebcd3a\n"


def test_runs_of_other_experiments_are_copied_through_all_stages(igr, fake_cluster):
    """Both stages have been run elsewhere: after one submission nothing waits and nothing is left to do."""
    other = igr.reproductions / "igr" / "shared"
    other.mkdir()
    text = (igr.reproductions / NAME / "run.py").read_text()
    (other / "run.py").write_text(text.replace('item="counting",', 'item="shared", shares_with=("igr/counting",),'))
    assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    submit = ("submit", "igr/shared", "--scale", "smoke")
    code, out, err = igr(*submit, "--dry-run")
    assert code == 0 and "2 of 2 runs to submit" in err and not (igr.results / "igr/shared").exists(), (
        "a dry run copies nothing"
    )
    code, out, err = igr(*submit)
    assert code == 0 and "0 of 3 runs to submit, 3 finished" in err and "follows" not in err
    assert err.count("copied count-") == 3 and not (fake_cluster / "submitted.sh").exists()


def test_a_later_stage_is_not_submitted_before_all_runs_that_it_reads_are_finished(igr, fake_cluster):
    assert igr("run", NAME, "--scale", "smoke", "--only", "s0", "--no-plot")[0] == 0
    code, out, err = igr(*SUBMIT, "--missing")
    assert code == 0 and "1 of 2 runs to submit, 1 finished" in err and "stage 2 follows" in err
    code, out, err = igr(*SUBMIT, "--missing", "--only", "count-4")
    assert (
        code == 2
        and "matches --only 'count-4' (stage 2 is not known before the stages ahead of it are finished)" in err
    )


def test_a_dry_run_prints_the_script_and_writes_nothing(igr, fake_cluster):
    code, out, err = igr(
        *SUBMIT, "--dry-run", "--time", "0:30", "--gpus", "2", "--threads", "3", "--memory", "4G", "--image", "no.sif"
    )
    assert code == 2 and "there is no image" in err
    image = str(fake_cluster / "suite.sif")
    code, out, err = igr(
        *SUBMIT, "--dry-run", "--time", "0:30", "--gpus", "2", "--threads", "3", "--memory", "4G", "--image", image
    )
    assert code == 0 and out.startswith("#!/usr/bin/env bash\n") and not igr.results.exists()
    for line in ("--gpus-per-task=2", "--cpus-per-task=3", "--mem=4G", "--signal=B:USR1@7"):
        assert f"#SBATCH {line}\n" in out
    assert (
        f"apptainer exec --nv --bind {igr.results} --bind {igr.reproductions} {image} python -m "
        f"igr_suite.lab.running.worker" in out
    )
    assert "export OMP_NUM_THREADS=3" in out and "IGR_COMPILE_CACHE" not in out
    programs = str(fake_cluster / "programs")
    out = igr(*SUBMIT, "--dry-run", "--image", image, IGR_COMPILE_CACHE=programs)[1]
    assert f"export IGR_COMPILE_CACHE={programs}\n" in out and f"--bind {programs} " in out
    subprocess.run(["bash", "-n"], input=out, text=True, check=True)


def test_a_login_node_needs_the_standard_library_only(igr, fake_cluster):
    """With an image the runs are found in the image, and this Python never sees numpy."""
    bare = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; sys.path.insert(0, sys.argv[1]); "
        + (
            "from igr_suite.cli.main import main; code = main(sys.argv[2:]); assert 'numpy' not in sys.modules; "
            "sys.exit(code)"
        )
    )
    repository = str(Path(__file__).resolve().parents[2])
    environment = {k: v for k, v in igr.environment.items() if k != "PYTHONPATH"}

    def submit(*words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-I", "-c", bare, repository, *SUBMIT, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    done = submit()
    assert done.returncode == 2 and "this Python has no numpy" in done.stderr
    done = submit("--image", str(fake_cluster / "suite.sif"))
    assert done.returncode == 0, done.stderr
    assert "job 41: 2 tasks" in done.stdout
    assert (igr.results / NAME / "smoke/count-3-s0-072510eb/config.json").exists()
    assert f"exec --bind {igr.results}" in (fake_cluster / "contained").read_text()
    done = submit("--image", str(fake_cluster / "suite.sif"), "--set", "pace.secs=1")
    assert done.returncode == 2 and done.stderr.startswith("igr: unknown key 'pace.secs'"), done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--time", "soon"), "--time takes minutes, hours:minutes:seconds or days-hours"),
        (("--array-limit", "0"), "--array-limit must be at least 1, got 0"),
        (("--gpus", "-1"), "--gpus must be at least 0, got -1"),
        (("--threads", "0"), "--threads must be at least 1"),
        (("--memory", "much"), "--memory takes a number with K, M, G or T"),
        (("--sbatch=account",), "--sbatch takes an option of sbatch"),
        (("--only", "zzz"), "matches --only 'zzz'"),
        (("--results", "/dev/null/x"), "cannot write /dev/null/x"),
        ((), "there is no sbatch on this machine"),
    ],
)
def test_bad_input_of_submit_is_a_sentence(igr, tmp_path, words, sentence):
    (tmp_path / "empty").mkdir()
    code, out, err = igr(*SUBMIT, *words, PATH=str(tmp_path / "empty"))
    assert code == 2 and "igr: " in err and sentence in err and "Traceback" not in err


def test_what_sbatch_refuses_is_said_in_its_words(igr, fake_cluster):
    (fake_cluster / "programs/sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: invalid partition specified: gpu' >&2\nexit 1\n"
    )
    code, out, err = igr(*SUBMIT, "--partition", "gpu")
    assert code == 2 and "invalid partition specified: gpu; change it with the options of `igr submit`" in err
    assert igr("status", NAME, "--scale", "smoke")[0] == 0, "a refused job is no submission"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("90", 5400), ("1:30", 90), ("8:00:00", 28800), ("2-12", 216000), ("1-0:30", 88200), ("1-1:01:01", 90061)],
)
def test_times_mean_what_slurm_takes_them_for(time, seconds):
    assert script.seconds(time) == seconds
    assert script.Resources(time=time).notice == min(120, seconds // 4)


def test_a_wrong_time_never_reaches_a_script():
    for time in ("", "1:2:3:4", "1-", "x", "1:2", "10 --evil"):
        with pytest.raises(UserError, match="--time"):
            script.Resources(time=time)
