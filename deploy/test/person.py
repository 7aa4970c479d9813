"""Somebody who uses OpenMake through its gateway, and watches answers across whatever breaks."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE = 90.0
"""Seconds within which something that was restarted has to serve again."""

ENDS = ("turn.completed", "turn.failed", "turn.cancelled", "turn.interrupted")

PASSWORD = "seven lazy otters 42"


class Refused(Exception):
    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status} {body}")
        self.status = status


class Person:
    def __init__(self, url: str, email: str) -> None:
        self.address = urlsplit(url)
        self.email = email
        self.token: str | None = None

    def connect(self, timeout: float = 15) -> http.client.HTTPConnection:
        assert self.address.hostname
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=timeout)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> object:
        """One request; an answer of 400 and above is `Refused`."""
        connection = self.connect()
        sent = {"Accept": "application/json"} | headers
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        parsed = json.loads(text) if text and "json" in (answer.headers["Content-Type"] or "") else text
        if answer.status >= 400:
            raise Refused(answer.status, parsed)
        return parsed

    def insist(self, method: str, path: str, body: object = None, **headers: str) -> object:
        """The same, again while something is being restarted."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.call(method, path, body, **headers)
            except (OSError, http.client.HTTPException, Refused) as error:
                passing = not isinstance(error, Refused) or error.status >= 500
                if not passing or time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def register(self) -> dict:
        made = self.call("POST", "/api/v1/auth/register", {"email": self.email, "password": PASSWORD})
        self.token = made["access_token"]
        return made["user"]

    def sign_in(self) -> None:
        made = self.insist("POST", "/api/v1/auth/login", {"email": self.email, "password": PASSWORD})
        self.token = made["access_token"]

    def conversation(self) -> str:
        return self.insist("POST", "/api/v1/conversations", {"model": "scripted-demo"})["id"]

    def ask(self, conversation: str, text: str) -> str:
        """Asks, and gives the turn's id. The key makes it one question however often it is sent."""
        path = f"/api/v1/conversations/{conversation}/turns"
        body = {"content": text}
        started = self.insist("POST", path, body, **{"Idempotency-Key": str(uuid.uuid4())})
        return started["turn_id"]

    def events(self, turn: str) -> list[dict]:
        """The log of a turn that has ended, from its first event."""
        watch = Watch(self, turn)
        watch.start()
        return watch.finish()


@dataclass
class Watch:
    """Reads a turn's events in a thread of its own; after whatever broke, it reads on from the last one that it has."""

    person: Person
    turn: str
    seen: list[dict] = field(default_factory=list)
    connections: int = 0
    """How often it had to connect."""
    failure: Exception | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def wait_for(self, count: int) -> None:
        """Waits until so many events have been seen."""
        deadline = time.monotonic() + PATIENCE
        while len(self.seen) < count:
            if self.failure or not self.thread.is_alive() or time.monotonic() > deadline:
                raise AssertionError(f"{len(self.seen)} events and no more ({self.failure})")
            time.sleep(0.05)

    def finish(self) -> list[dict]:
        """Waits for the turn's end and gives all its events, each of which came once and in order."""
        self.thread.join(2 * PATIENCE)
        if self.failure:
            raise AssertionError(f"the stream of {self.turn} could not be read on") from self.failure
        assert not self.thread.is_alive(), f"the stream of {self.turn} does not end"
        numbers = [event["seq"] for event in self.seen]
        assert numbers == list(range(1, len(numbers) + 1)), f"the numbers have gaps: {numbers}"
        return self.seen

    def _run(self) -> None:
        deadline = time.monotonic() + 2 * PATIENCE
        while not self._ended():
            try:
                self._read()
            except (OSError, http.client.HTTPException) as error:
                broken: Exception = error
            except Refused as error:
                if error.status < 500:
                    self.failure = error
                    return
                broken = error
            except Exception as error:  # What the thread cannot raise, `finish` does.
                self.failure = error
                return
            else:
                broken = AssertionError("the stream ends before the turn does")
            if time.monotonic() > deadline:
                self.failure = broken
                return
            time.sleep(0.2)

    def _ended(self) -> bool:
        return bool(self.seen) and self.seen[-1]["type"] in ENDS

    def _read(self) -> None:
        last = self.seen[-1]["seq"] if self.seen else 0
        connection = self.person.connect(timeout=30)
        try:
            path = f"/api/v1/turns/{self.turn}/events?after={last}"
            headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.person.token}"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Refused(answer.status, answer.read())
            self.connections += 1
            while line := answer.readline():
                if line.startswith(b"data:"):
                    event = json.loads(line[5:], parse_float=_number)
                    if "seq" in event:
                        self.seen.append(event)
                        if self._ended():
                            return
        finally:
            connection.close()


def _number(text: str) -> float:
    """What is read from the log may differ in a number's sixteenth digit from what was sent when it was written."""
    return float(f"{float(text):.12g}")


def text_of(events: list[dict]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "text.delta")
