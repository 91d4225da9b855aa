"""A SLURM of one node for tests: munge, controller and node daemon on free ports, all state in a temporary folder."""

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ports import free_ports

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged")
PATHS = "/usr/sbin:/sbin:/usr/local/sbin"
CONF = """
ClusterName=igrtest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket
CredType=cred/munge
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def absent() -> list[str]:
    """Returns the programs of SLURM and munge that are not installed."""
    path = os.environ.get("PATH", "") + ":" + PATHS
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


def _wait(what: str, ready, place: Path, patience: float = 30.0) -> None:
    give_up = time.monotonic() + patience
    while not ready():
        if time.monotonic() > give_up:
            logs = "\n".join(
                f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(place.glob("*.log"))
            )
            raise RuntimeError(f"{what} did not start in {patience:g} s\n{logs}")
        time.sleep(0.1)


@contextlib.contextmanager
def slurm(cpus: int = 4) -> Iterator[dict[str, str]]:
    """Starts the daemons, yields the environment in which `sbatch` and the others find them, and stops them.

    Args:
      cpus: that the node claims to have; more than there are is allowed.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name in ("state", "spool"):
            (place / name).mkdir()
        (place / "munge.key").write_bytes(secrets.token_bytes(128))
        (place / "munge.key").chmod(0o600)
        controller, node = free_ports(2)
        values = {"host": socket.gethostname().split(".")[0], "user": getpass.getuser(), "place": place, "cpus": cpus}
        (place / "slurm.conf").write_text(CONF.format(controller=controller, node=node, **values))
        environment = os.environ | {
            "SLURM_CONF": str(place / "slurm.conf"),
            "PATH": os.environ.get("PATH", "") + ":" + PATHS,
        }
        munge = ["munged", "--foreground", "--force", f"--key-file={place}/munge.key", f"--socket={place}/munge.socket"]
        munge += [f"--pid-file={place}/munged.pid", f"--log-file={place}/munge.log", f"--seed-file={place}/munge.seed"]
        daemons: list[subprocess.Popen] = []

        def start(name: str, *words: str) -> None:
            with (place / f"{name}.out.log").open("wb") as out:
                daemons.append(
                    subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
                )

        def idle() -> bool:
            done = subprocess.run(
                ["sinfo", "-h", "-o", "%t"], capture_output=True, text=True, env=environment, check=False
            )
            return done.stdout.strip() == "idle"

        try:
            start("munged", *munge)
            _wait("munged", (place / "munge.socket").exists, place)
            start("slurmctld", "slurmctld", "-D", "-f", str(place / "slurm.conf"))
            start("slurmd", "slurmd", "-D", "-f", str(place / "slurm.conf"))
            _wait("SLURM", idle, place)
            yield environment
        finally:
            subprocess.run(
                ["scancel", "--user", getpass.getuser(), "--full"], env=environment, check=False, capture_output=True
            )
            time.sleep(0.5)
            for daemon in reversed(daemons):
                daemon.send_signal(signal.SIGTERM)
            for daemon in reversed(daemons):
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
