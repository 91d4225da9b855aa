"""`igr submit`: submits the runs of an experiment as one SLURM job array; needs only the standard library when an image
is given."""

import argparse
import os
import shlex
import sys
from collections import Counter
from pathlib import Path

from igr_suite.cli.options import (
    add_data_dir,
    add_experiment,
    add_only,
    add_strategy,
    add_verb,
    order_of,
    results_of,
    shorten,
)
from igr_suite.cluster import plan as plans
from igr_suite.cluster import script, slurm, submission
from igr_suite.errors import UserError
from igr_suite.lab.running import compile_cache
from igr_suite.lab.running.places import import_places, results_root
from igr_suite.lab.runs import compilers
from igr_suite.lab.runs.config_classes import DEFINES
from igr_suite.lab.runs.own_settings import INTERPRETER
from igr_suite.lab.runs.strategies import VARIABLE, check_name
from igr_suite.lab.runs.threads import thread_variables
from igr_suite.terminal import say

# variables that reach the script
VARIABLES = ("IGR_RESULTS", "IGR_REPRODUCTIONS", "TFDS_DATA_DIR", "PYTHONPATH", compile_cache.VARIABLE)
EXAMPLES = """  igr submit igr/table_1_vae_likelihood --time 8:00:00 --image igr_suite.sif    the paper scale, in the container
  igr submit igr/table_1_vae_likelihood --array-limit 20 --sbatch=--account=mine  20 tasks at once; any option of sbatch
  igr submit igr/table_1_vae_likelihood --dry-run | sbatch --test-only            only prints the script
  igr status igr/table_1_vae_likelihood --scale paper                             how far they are, and why one failed
  igr submit igr/table_1_vae_likelihood --missing                                 what failed, was cancelled or has become known
Without installing anything, in the checkout on a login node: python3 -m igr_suite submit NAME --image igr_suite.sif"""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "submit", "submit an experiment's unfinished runs as a SLURM job array", EXAMPLES)
    add_experiment(parser, scale="paper")
    add_only(parser)
    parser.add_argument("--missing", action="store_true", help="submit what is neither finished, running nor queued")
    parser.add_argument("--partition", metavar="NAME", help="SLURM partition")
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="limit of a task, such as 90 (minutes), 8:00:00 or 2-12; runs go on in a next task",
    )
    parser.add_argument("--memory", metavar="SIZE", help="of a task, such as 4G")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="cores of a task and threads of its run (default 1)"
    )
    parser.add_argument(
        "--gpus", type=int, default=0, metavar="N", help="GPUs of a task, or of each of its nodes (default 0)"
    )
    parser.add_argument(
        "--nodes", type=int, default=1, metavar="N", help="nodes of a task, with --strategy multi_worker (default 1)"
    )
    add_strategy(parser)
    parser.add_argument("--array-limit", type=int, metavar="N", help="tasks at once (default: no limit)")
    parser.add_argument(
        "--image", metavar="FILE.sif", help="Apptainer or Singularity image to run in (default: this Python)"
    )
    parser.add_argument(
        "--sbatch", action="append", default=[], metavar="=--OPTION", help="another option of sbatch; may be repeated"
    )
    add_data_dir(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the script, submit nothing")
    parser.add_argument(
        "--plan", action="store_true", help="print the runs as JSON and stop; what a login node asks the image for"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Plans, writes and submits; returns the exit code."""
    check_name(arguments.strategy)
    compilers.check(arguments.strategy)
    _check_lines(arguments)
    if arguments.nodes > 1 and arguments.strategy != "multi_worker":
        raise UserError(f"--nodes {arguments.nodes} needs --strategy multi_worker: other runs use one machine")
    resources = script.Resources(
        partition=arguments.partition,
        time=arguments.time,
        memory=arguments.memory,
        threads=arguments.threads,
        gpus=arguments.gpus,
        nodes=arguments.nodes,
        array_limit=arguments.array_limit,
        more=tuple(arguments.sbatch),
    )
    image = _image(arguments.image)
    plan = _plan(arguments, image)
    if arguments.plan:
        print(plans.to_json(plan))
        return 0
    for note in plan.notes:
        say(note, error=True)
    todo = _todo(plan, arguments)
    finished = sum(state == "finished" for state in plan.runs.values())
    print(
        f"{len(todo)} of {len(plan.runs)} runs to submit, {finished} finished; results in {shorten(Path(plan.folder))}",
        file=sys.stderr,
    )
    if plan.waiting is not None:
        print(f"stage {plan.waiting} follows when these are finished: {_again(arguments)} --missing", file=sys.stderr)
    damaged = 1 if "not whole" in plan.runs.values() else 0
    if not todo:
        return damaged
    most = slurm.most_tasks()
    if most is not None and len(todo) > most:
        raise UserError(
            f"{len(todo)} runs are more than the {most} tasks that this cluster takes in one array; choose some with "
            f"--only"
        )
    folder = Path(plan.folder)
    jobs = folder / "jobs" / "1" if arguments.dry_run else submission.new_folder(folder)
    text = _script(arguments, resources, image, folder, jobs, len(todo), plan.defined_in)
    if arguments.dry_run:
        print(text, end="")
        return damaged
    compile_cache.make()  # a container is given only folders that are there
    path = submission.write(jobs, todo, text)
    job = slurm.submit(path)
    submission.record(jobs, job, todo)
    print(f"job {job}: {len(todo)} tasks; script, run list and logs in {shorten(jobs)}")
    print(f"how far they are: {_again(arguments).replace('igr submit', 'igr status')}")
    return damaged


def _check_lines(arguments: argparse.Namespace) -> None:
    """Refuses, before anything is written, values that cannot go into a job script; names their option or variable."""
    words = {"settings": "--set", "name": "NAME"}
    given = [(words.get(name, "--" + name.replace("_", "-")), value) for name, value in vars(arguments).items()]
    given += [(name, os.environ.get(name)) for name in VARIABLES]
    given += [("the command line", sys.argv[1:])]
    for what, value in given:
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str):
                script.check_line(what, word)
    script.check_line("the results folder", str(results_root(arguments.results).resolve()))


def _todo(plan: plans.Plan, arguments: argparse.Namespace) -> list[str]:
    """Returns the runs that are not finished and that no process or task is about to finish."""
    fates = submission.fates(Path(plan.folder))
    active = [run_id for run_id in plan.runs if run_id in fates and fates[run_id].state != "ended"]
    running = [run_id for run_id, state in plan.runs.items() if state == "running"]
    busy = {*active, *running} - {run_id for run_id, state in plan.runs.items() if state == "finished"}
    if busy and not arguments.missing and not arguments.dry_run:
        states = Counter(fates[run_id].state if run_id in active else "running" for run_id in busy)
        words = " and ".join(f"{count} {state}" for state, count in sorted(states.items()))
        raise UserError(f"some of these runs are active: {words} already; submit the others with --missing")
    return [
        run_id for run_id, state in plan.runs.items() if state not in ("finished", "not whole") and run_id not in busy
    ]


def _image(name: str | None) -> Path | None:
    if name is None:
        return None
    path = Path(name).expanduser().resolve()
    if not path.exists():
        raise UserError(f"there is no image {path}; build it with `apptainer build {Path(name).name} singularity.def`")
    return path


def _plan(arguments: argparse.Namespace, image: Path | None) -> plans.Plan:
    if image is not None and plans.runtime() is not None and not arguments.plan:
        if not arguments.dry_run:
            root = results_root(arguments.results)
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"cannot write {root}: {error.strerror}; choose another with --results or IGR_RESULTS"
                ) from None
        words = [arguments.name, *_chosen(arguments, absolute=True), *(["--dry-run"] if arguments.dry_run else [])]
        words += ["--strategy", arguments.strategy] if arguments.strategy else []
        return plans.ask_image(image, words, [folder for folder in _folders(arguments) if folder.exists()])
    if not plans.importable():
        raise UserError(
            "this Python has no numpy, which expanding an experiment needs; give --image on a machine that has "
            "apptainer"
        )
    return plans.make(order_of(results_of(arguments), arguments), arguments.dry_run)


def _chosen(arguments: argparse.Namespace, absolute: bool = False) -> list[str]:
    """Returns the options that select the runs, as words of a command line."""

    def place(path: str) -> str:
        return str(Path(path).expanduser().resolve()) if absolute else path

    results = arguments.results or (str(results_root()) if absolute else None)
    chosen = [("--scale", arguments.scale), *(("--set", pair) for pair in arguments.settings)]
    chosen += [
        ("--config", arguments.config and place(arguments.config)),
        ("--data", arguments.data),
        *(("--only", pattern) for pattern in arguments.only),
    ]
    chosen += [
        ("--results", results and place(results)),
        ("--data-dir", arguments.data_dir and place(arguments.data_dir)),
    ]
    return [
        word
        for name, value in chosen
        if value
        for word in ([f"{name}={value}"] if value.startswith("-") else [name, value])
    ]


def _again(arguments: argparse.Namespace) -> str:
    return shlex.join(["igr", "submit", arguments.name, *_chosen(arguments)])


def _folders(arguments: argparse.Namespace) -> list[Path]:
    """Returns the folders that a container must be able to see."""
    places = [
        results_root(arguments.results),
        arguments.data_dir or os.environ.get("TFDS_DATA_DIR"),
        os.environ.get("IGR_REPRODUCTIONS"),
        os.environ.get(compile_cache.VARIABLE),
    ]
    if arguments.config:
        places.append(Path(arguments.config).expanduser().resolve().parent)
    return [Path(place).expanduser().resolve() for place in places if place]


def _script(
    arguments, resources: script.Resources, image: Path | None, folder: Path, jobs: Path, count: int, own: str
) -> str:
    variables = (
        thread_variables(resources.threads)
        | INTERPRETER
        | {"IGR_PROGRESS": "file", "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    )
    variables["IGR_RESULTS"] = str(results_root(arguments.results).resolve())
    if own:
        variables[DEFINES] = own
    if arguments.strategy:
        variables[VARIABLE] = arguments.strategy
    if programs := os.environ.get(compile_cache.VARIABLE):
        variables[compile_cache.VARIABLE] = str(Path(programs).expanduser().resolve())
    if compiler := compilers.chosen():
        variables[compilers.VARIABLE] = compiler
    data = arguments.data_dir or os.environ.get("TFDS_DATA_DIR")
    if data:
        variables["TFDS_DATA_DIR"] = str(Path(data).expanduser().resolve())
    if image is None:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [*import_places(), os.environ.get("PYTHONPATH")]))
        worker = plans.python_words()
    else:
        gpu = ["--nv"] if resources.gpus else []
        python = ["python", "-m", "igr_suite.lab.running.worker"]
        variables |= plans.APART
        worker = [
            plans.runtime() or plans.RUNTIMES[0],
            "exec",
            *gpu,
            *plans.bound(_folders(arguments)),
            str(image),
            *python,
        ]
    return script.write(
        title=f"{count} run{'s' * (count != 1)} of {arguments.name} at scale {arguments.scale}",
        again=shlex.join(["igr", *sys.argv[1:]]),
        folder=folder,
        jobs=jobs,
        count=count,
        resources=resources,
        worker=worker,
        variables=variables,
    )
