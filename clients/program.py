"""The real program with a scripted model server, for the vendors' own clients.

`OPENMAKE_BIN` and `SCRIPTED_MODEL_BIN` say where they are; `cargo xtask test
clients` sets both. One program serves all tests of a run.
"""

import atexit
import base64
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

PATIENCE = 60.0
"""Seconds that something may take which has to come."""

MODEL = "scripted-demo"
"""The scripted model; `crates/testkit` lists what it can be told to do."""

EMBEDDING_MODEL = "scripted-embed"
"""Its sibling that turns texts into vectors."""

VISION_MODEL = "scripted-vision"
"""Its sibling that sees images, as far as its name says so."""

PIXEL_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A picture."""

EMAIL, PASSWORD = "clients@example.com", "seven lazy otters 42"


class Program:
    """The program on a directory and a port of its own, and one account."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="openmake-clients-"))
        # As root, the database runs under an account of its own.
        self.directory.chmod(0o711)
        self.model, model_url = start_model()
        config = self.directory / "openmake.toml"
        config.write_text(
            f'[[nodes]]\nname = "Scripted"\nkind = "openai"\nbase_url = "{model_url}"\n'
        )
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = (self.directory / "log").open("w+b")
        environment = os.environ | {f"OPENMAKE_LIMIT_{name}": "1000000" for name in LIMITS}
        self.process = subprocess.Popen(
            [os.environ["OPENMAKE_BIN"], "serve", "--port", str(port)]
            + ["--data-dir", str(self.directory / "data"), "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        self.wait_until_ready()
        account = {"email": EMAIL, "password": PASSWORD}
        self.token = self.post("/api/v1/auth/register", account)["access_token"]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError(f"openmake did not become ready:\n{self.log.read().decode()}")

    def call(self, method: str, path: str, body: object = None, token: str | None = None):
        """One request of the program's own API: its status and its answer."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"null")

    def post(self, path: str, body: object, token: str | None = None):
        status, answer = self.call("POST", path, body, token)
        if status >= 300:
            raise RuntimeError(f"POST {path}: {status} {answer}")
        return answer

    def get(self, path: str):
        status, answer = self.call("GET", path, token=self.token)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {answer}")
        return answer

    @functools.cached_property
    def api_key(self) -> str:
        """What the clients are given as their key."""
        body = {"name": "The vendors' clients"}
        status, answer = self.call("POST", "/api/v1/api-keys", body, self.token)
        # A program without keys yet takes the access token as one.
        return self.token if status in (404, 405) else answer["key"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.model.kill()
        self.model.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


LIMITS = ("SIGN_IN", "REQUESTS", "TURNS", "SEARCHES")


def start_model() -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [os.environ["SCRIPTED_MODEL_BIN"], "--port", "0", "--delay-ms", "1", "--vision"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    listening = re.match(r"listening (\S+)", line)
    if not listening:
        raise RuntimeError("the scripted model server did not start")
    return process, listening[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def program() -> Program:
    """The program, started by whichever test comes first."""
    started = Program()
    atexit.register(started.stop)
    return started


def eventually(what: str, reached) -> None:
    """Waits until `reached` gives something, without saying how it comes about."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.02)
