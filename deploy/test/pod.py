"""A composition that runs: its containers, their health, and what may be asked of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

from machine import DEPLOY, Machine, logged, run

START_LIMIT = 180.0
"""Seconds within which all of a composition is healthy."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pod:
    """A copy of deploy/ in the cache, so that an operator's secrets and settings are not met, and what runs of it."""

    def __init__(self, machine: Machine, name: str, files: list[Path], images: dict[str, str]) -> None:
        self.machine = machine
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dir = machine.dir / "run" / name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        for file in [*files, DEPLOY / "make-secrets.sh"]:
            shutil.copy(file, self.dir)
        self.files = [word for file in files for word in ("--file", file.name)]
        # Podman before 4.7 does not know the word `host-gateway`.
        settings = images | {"OPENMAKE_PORT": str(self.port), "HOST_GATEWAY": own_addresses()[0]}
        (self.dir / ".env").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self._pump: threading.Thread | None = None
        self._stop = threading.Event()
        self.health: dict[str, bool] = {}

    def compose(self, *words: str, timeout: float = 300) -> None:
        python = self.machine.python()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENMAKE_")}
        environment["PATH"] = f"{python.parent}:{environment['PATH']}"
        logged(
            self.machine.log,
            *[python, "-m", "podman_compose", "--project-name", self.name, *self.files, *words],
            timeout=timeout,
            cwd=self.dir,
            env=environment,
        )

    def up(self) -> None:
        self.compose("up", "--detach", "--no-build")
        self._stop.clear()
        self._pump = threading.Thread(target=self._check_health, daemon=True)
        self._pump.start()

    def down(self, *words: str) -> None:
        self._stop.set()
        if self._pump:
            self._pump.join(60)
        self.compose("down", *words)

    def remove(self) -> None:
        """Whatever state it is in, nothing of it stays."""
        try:
            self.down("--volumes", "--timeout", "2")
        except AssertionError as error:
            print(f"      {error}")
        for container in self.containers(every=True):
            run("podman", "rm", "--force", "--volumes", "--time", "1", container, check=False)
        for kind in ("network", "volume"):
            listed = run("podman", kind, "ls", "--format", "{{.Name}}", check=False).stdout.split()
            for thing in listed:
                if thing.startswith(f"{self.name}_"):
                    run("podman", kind, "rm", "--force", thing, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def containers(self, every: bool = False) -> list[str]:
        words = ["--all"] if every else []
        label = f"label=com.docker.compose.project={self.name}"
        return run("podman", "ps", *words, "--filter", label, "--format", "{{.Names}}").stdout.split()

    def container(self, service: str) -> str:
        for name in self.containers(every=True):
            if self.inspect(name)["Config"]["Labels"].get("com.docker.compose.service") == service:
                return name
        raise AssertionError(f"no container of {service}")

    @staticmethod
    def inspect(container: str) -> dict:
        return json.loads(run("podman", "inspect", container).stdout)[0]

    def execute(self, service: str, *words: str, check: bool = True) -> str:
        return run("podman", "exec", self.container(service), *words, check=check, timeout=60).stdout.strip()

    def kill(self, service: str) -> None:
        """As the kernel does when memory runs out; what podman kills it does not start again."""
        os.kill(self.inspect(self.container(service))["State"]["Pid"], signal.SIGKILL)

    def logs(self, service: str) -> str:
        done = run("podman", "logs", self.container(service))
        return done.stdout + done.stderr

    def _check_health(self) -> None:
        """Docker, and podman under systemd, check health by themselves; here the same command is run for them."""
        while not self._stop.wait(0.5):
            for service in self.services():
                try:
                    done = run("podman", "healthcheck", "run", self.container(service), check=False, timeout=30)
                    self.health[service] = done.returncode == 0
                except AssertionError:
                    self.health[service] = False

    def services(self) -> list[str]:
        """Those with a health check."""
        raise NotImplementedError

    def wait_until_healthy(self, *services: str) -> float:
        began = time.monotonic()
        wanted = services or tuple(self.services())
        for service in wanted:
            self.health.pop(service, None)
        while not all(self.health.get(service) for service in wanted):
            if time.monotonic() - began > START_LIMIT:
                unwell = [service for service in wanted if not self.health.get(service)]
                told = "\n".join(f"--- {service}\n{self.logs(service)[-1500:]}" for service in unwell)
                raise AssertionError(f"not healthy after {START_LIMIT:.0f} s: {', '.join(unwell)}\n{told}")
            time.sleep(0.2)
        return time.monotonic() - began

    def addresses(self, service: str) -> list[str]:
        networks = self.inspect(self.container(service))["NetworkSettings"]["Networks"]
        return [network["IPAddress"] for network in networks.values() if network["IPAddress"]]

    def hardened(self, service: str) -> None:
        """Not root, no right that an ordinary account does not have, nothing to write on but what is meant for it."""
        settings = self.inspect(self.container(service))
        assert settings["HostConfig"]["ReadonlyRootfs"], f"{service}: its root can be written"
        status = self.execute(service, "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert "0" not in fields["Uid"].split(), f"{service} runs as root: {fields['Uid']}"
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert int(fields[kind], 16) == 0, f"{service}: {kind} is {fields[kind]}"
        assert fields["NoNewPrivs"].strip() == "1", f"{service} may gain privileges"
        mounts = [line.split() for line in self.execute(service, "cat", "/proc/1/mounts").splitlines()]
        root = next(mount for mount in mounts if mount[1] == "/")
        assert "ro" in root[3].split(","), f"{service}: its root is mounted {root[3]}"


def reachable(container: str, host: str, port: int) -> bool:
    """Whether a connection from that container comes about within two seconds."""
    probe = f"exec 3<>/dev/tcp/{host}/{port}"
    done = run("podman", "exec", container, "timeout", "2", "bash", "-c", probe, check=False)
    return done.returncode == 0


def own_addresses() -> list[str]:
    """The IPv4 addresses of this machine beyond loopback."""
    listed = json.loads(run("ip", "-json", "-4", "address").stdout)
    found = [entry["local"] for link in listed for entry in link["addr_info"]]
    return [address for address in found if not address.startswith("127.")]


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
