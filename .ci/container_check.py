"""Checks singularity.def without Apptainer: runs its %files, %post and %test in a clean Debian root.

    make container-check        # needs root, debootstrap and network; 10 to 26 minutes, 3 GB in build/

It does not test the base image's own Python (3.12; here it is Debian's), nor Apptainer's mounts. As in an image, the
root is read-only when %test runs, except /tmp, and of the host's environment only what pip needs to reach its index is
passed on.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = REPOSITORY / "build" / "container-root"
SUITE = "bookworm"
KEPT = re.compile(r"PIP_.*|.*_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE", re.IGNORECASE)  # how pip reaches its index


def sections(text: str) -> dict[str, str]:
    """Returns the recipe's sections by name, build arguments at their defaults."""
    parts = re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    defaults = dict(re.findall(r"^\s*(\w+)=(.*)$", bodies.get("arguments", ""), flags=re.MULTILINE))
    return {name: re.sub(r"\{\{ (\w+) \}\}", lambda m: defaults[m[1]], body) for name, body in bodies.items()}


def main() -> int:
    """Returns 0 when everything passes, 2 when this machine cannot run the check."""
    missing = [program for program in ("debootstrap", "chroot", "unshare", "mount") if shutil.which(program) is None]
    if os.geteuid() != 0 or missing:
        print(f"container-check needs root and {', '.join(missing) or 'a machine that allows it'}", file=sys.stderr)
        return 2
    recipe = sections((REPOSITORY / "singularity.def").read_text(encoding="utf-8"))
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.parent.mkdir(exist_ok=True)
    step(
        "a clean Debian",
        "debootstrap",
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates",
        SUITE,
        str(ROOT),
    )
    (ROOT / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # the base image's name for it
    for path in ("etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", path).exists():
            shutil.copy(Path("/", path), ROOT / path)
    for line in recipe["files"].split("\n"):
        if line.strip():
            source, target = line.split()
            inside = ROOT / target.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            if (REPOSITORY / source).is_dir():
                shutil.copytree(REPOSITORY / source, inside, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(REPOSITORY / source, inside)
    inside_root("%post", recipe["post"], read_only=False)
    inside_root("%environment and %test", recipe["environment"] + recipe["test"], read_only=True)
    print("container-check: %post and %test pass")
    return 0


def inside_root(title: str, commands: str, read_only: bool) -> None:
    """Runs shell commands in the root, with /proc, /dev and an empty /tmp, in a mount namespace that ends with them."""
    (ROOT / "commands.sh").write_text(commands, encoding="utf-8", newline="\n")
    freeze = f"mount -o remount,ro,bind {ROOT}" if read_only else "true"
    mounts = (
        f"mount --bind {ROOT} {ROOT} && mount -t proc proc {ROOT}/proc && mount --rbind /dev {ROOT}/dev && mount "
        f"-t tmpfs tmpfs {ROOT}/tmp"
    )
    environment = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    environment |= {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
    }
    step(
        title,
        "unshare",
        "--mount",
        "sh",
        "-c",
        f"{mounts} && {freeze} && exec chroot {ROOT} sh /commands.sh",
        environment=environment,
    )


def step(title: str, *command: str, environment: dict[str, str] | None = None) -> None:
    """Prints the title and runs a command; ends the check when it fails."""
    print(f"container-check: {title}", flush=True)
    code = subprocess.run(command, env=environment, check=False).returncode
    if code != 0:
        sys.exit(f"container-check: {title} failed with exit code {code}")


if __name__ == "__main__":
    sys.exit(main())
