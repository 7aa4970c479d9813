"""What the tests need of the machine: programs, a place for images, a Python environment."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy"

# What apt installs where it is missing.
PACKAGES = [
    "podman",
    "catatonit",
    "buildah",
    "runc",
    "netavark",
    "aardvark-dns",
    "iptables",
    "iproute2",
    "debootstrap",
]
PROGRAMS = ["podman", "catatonit", "buildah", "runc", "debootstrap", "iptables", "ip"]


class Missing(Exception):
    """Something that the tests cannot do without, in one line."""


def run(*command: str | Path, timeout: float = 120, check: bool = True, **more) -> subprocess.CompletedProcess:
    """Runs a command to its end and gives its output as text; a failure says what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, text=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, **more
        )
    except subprocess.TimeoutExpired as error:
        said = error.stderr or error.stdout or b""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        raise AssertionError(f"{' '.join(words)}: no end after {timeout:.0f} s\n{text[-2000:]}") from None
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done


def logged(log: Path, *command: str | Path, timeout: float, **more) -> float:
    """Runs a command whose output is long into a file, and gives the seconds it took."""
    began = time.monotonic()
    words = [str(word) for word in command]
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(words)}\n".encode())
        output.flush()
        try:
            code = subprocess.run(
                words, stdout=output, stderr=output, stdin=subprocess.DEVNULL, timeout=timeout, **more
            ).returncode
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{' '.join(words)}: no end after {timeout:.0f} s; see {log}") from None
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        raise AssertionError(f"{' '.join(words)}: exit code {code}; the end of {log}:\n{tail}")
    return time.monotonic() - began


class Machine:
    """A place of our own for images and environments: nothing of the operator's is touched."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise Missing("root is needed: debootstrap makes a system, and podman networks between containers")
        cache = os.environ.get("OPENMAKE_CACHE") or "/var/cache/openmake"
        self.dir = Path(cache) / "containers"
        self.dir.mkdir(parents=True, exist_ok=True)
        self.log = self.dir / "build.log"
        self.log.write_text("")
        self._install()
        self._configure()

    def _install(self) -> None:
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if not missing:
            return
        if not shutil.which("apt-get"):
            raise Missing(f"install {', '.join(missing)}: this machine has no apt-get to do it")
        print(f"installing {', '.join(missing)} …", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        logged(self.log, "apt-get", "update", "-qq", timeout=300, env=environment)
        logged(
            self.log,
            *["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
            timeout=900,
            env=environment,
        )

    def _configure(self) -> None:
        """podman's settings for this run, through its variables."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
        settings = self.dir / "containers.conf"
        # crun, podman's first choice, refuses machines with both kinds of cgroups.
        settings.write_text(
            "[containers]\n"
            f'default_ulimits = ["nofile={files}:{files}", "nproc=8000:8000"]\n'
            "[engine]\n"
            'runtime = "runc"\n'
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            "[network]\n"
            'network_backend = "netavark"\n'
            f'network_config_dir = "{self.dir / "networks"}"\n'
        )
        storage = self.dir / "storage.conf"
        storage.write_text(
            "[storage]\n"
            'driver = "overlay"\n'
            f'graphroot = "{self.dir / "storage"}"\n'
            f'runroot = "/run/openmake-containers"\n'
        )
        # Where podman build keeps `RUN --mount=type=cache`, and unpacks.
        scratch = self.dir / "scratch"
        scratch.mkdir(exist_ok=True)
        os.environ["CONTAINERS_CONF"] = str(settings)
        os.environ["CONTAINERS_STORAGE_CONF"] = str(storage)
        os.environ["TMPDIR"] = str(scratch)

    def python(self) -> Path:
        """An environment with the packages of requirements.txt."""
        wanted = (DEPLOY / "test/requirements.txt").read_text()
        place = self.dir / "python"
        mark = place / "complete"
        python = place / "bin/python"
        if not mark.is_file() or mark.read_text() != wanted:
            try:
                logged(self.log, sys.executable, "-m", "venv", "--clear", place, timeout=120)
            except AssertionError:
                raise Missing("install python3-venv: the tests need an environment of their own") from None
            logged(
                self.log,
                *[python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
                *["--requirement", DEPLOY / "test/requirements.txt"],
                timeout=600,
            )
            mark.write_text(wanted)
        return python
