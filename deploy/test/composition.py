"""The four services of compose.yaml, and a fifth container with the scripted model."""

from __future__ import annotations

import time

import images
from machine import DEPLOY, Machine, run
from person import ENDS, Person, Refused, Watch, text_of
from pod import Pod, can_connect, own_addresses, reachable
from report import Report

ROLES = ("ai", "gateway", "web")
PORT = 52416
WORDS = 200


class Composition(Pod):
    def __init__(self, machine: Machine) -> None:
        files = [DEPLOY / "compose.yaml", DEPLOY / "test/compose.model.yaml"]
        super().__init__(machine, "openmake-test", files, {"OPENMAKE_IMAGE": images.ROLES})
        run(self.dir / "make-secrets.sh")
        # What is counted here is whether events are lost, not how many questions a person may ask.
        (self.dir / "openmake.env").write_text("OPENMAKE_LIMIT_TURNS=100000\n")

    def services(self) -> list[str]:
        return ["postgres", *ROLES]


def test(machine: Machine, report: Report, keep: bool) -> None:
    pod = Composition(machine)
    try:
        with report.check("the composition starts and all four services are healthy"):
            pod.up()
            report.note(f"healthy {pod.wait_until_healthy():.1f} s after their containers were started")
        if not report.broken:
            _use(pod, report)
            _isolation(pod, report)
            _interruptions(pod, report)
            _end(pod, report)
    finally:
        if keep:
            print(f"kept: {pod.url}, in {pod.dir}")
        else:
            pod.remove()


def _use(pod: Pod, report: Report) -> None:
    person = Person(pod.url, "first@example.com")
    with report.check("the gateway serves the page that web has"):
        page = person.call("GET", "/login", Accept="text/html")
        assert b"<html" in page, page[:200]
    with report.check("the first account is made through the gateway, and is an administrator"):
        assert person.register()["role"] == "admin"
    with report.check("a second account needs an invitation"):
        try:
            Person(pod.url, "second@example.com").register()
        except Refused as refused:
            assert refused.status == 403, refused
        else:
            raise AssertionError("it was made")
    with report.check("a conversation is streamed from the scripted model, event by event"):
        watch = Watch(person, person.ask(person.conversation(), "/paced 100 50 20"))
        watch.start()
        watch.wait_for(10)
        early = len(watch.seen)
        events = watch.finish()
        assert events[-1]["type"] == "turn.completed", events[-1]
        assert len(text_of(events).split()) == 100, text_of(events)
        assert early < len(events), "everything came at once"
        report.note(f"{len(events)} events, read in {watch.connections} connection(s)")
    with report.check("a backup that the server makes is whole and was tried"):
        begun = person.call("POST", "/api/v1/backups")["id"]
        deadline = time.monotonic() + 60
        while True:
            listed = person.call("GET", "/api/v1/backups")["items"]
            backup = next(backup for backup in listed if backup["id"] == begun)
            if backup["status"] in ("done", "failed"):
                break
            assert time.monotonic() < deadline, backup
            time.sleep(0.5)
        assert (backup["status"], backup["verification"]) == ("done", "verified"), backup
        written = pod.execute("ai", "ls", "-l", "/backups")
        assert backup["file"] in written, written


def _isolation(pod: Pod, report: Report) -> None:
    with report.check("only the gateway's port is published, and on loopback alone"):
        for service in ("postgres", "ai", "web", "model"):
            published = run("podman", "port", pod.container(service)).stdout.strip()
            assert not published, f"{service}: {published}"
        published = run("podman", "port", pod.container("gateway")).stdout.strip()
        assert published == f"{PORT}/tcp -> 127.0.0.1:{pod.port}", published
        for address in own_addresses():
            for port in (5432, PORT, pod.port):
                assert not can_connect(address, port), f"{address}:{port} answers"
    with report.check("a container on another network reaches neither postgres nor ai nor web"):
        stranger = pod.container("stranger")
        for service, port in (("postgres", 5432), ("ai", PORT), ("web", PORT)):
            assert not reachable(stranger, service, port), f"{service} by its name"
        private = [("postgres", 5432, address) for address in pod.addresses("postgres")]
        private += [("web", PORT, address) for address in pod.addresses("web")]
        for service, port, address in private:
            assert not reachable(stranger, address, port), f"{service} at {address}"
    with report.check("web and the models' network do not reach postgres; gateway and ai do"):
        for service in ("web", "model"):
            for address in pod.addresses("postgres"):
                assert not reachable(pod.container(service), address, 5432), f"{service} reaches postgres at {address}"
        for service in ("gateway", "ai"):
            assert reachable(pod.container(service), "postgres", 5432), f"{service} does not reach postgres"
    with report.check("ai answers nobody without the gateway's signature, whatever network they are on"):
        for service in ("web", "model"):
            probe = (
                f"exec 3<>/dev/tcp/ai/{PORT}; "
                "printf 'GET /api/v1/nodes HTTP/1.1\\r\\nHost: ai\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -1 <&3"
            )
            answer = pod.execute(service, "timeout", "5", "bash", "-c", probe, check=False)
            assert "200" not in answer and "40" in answer, f"{service}: {answer}"
    with report.check("no service runs as root, has a capability, or writes its root file system"):
        for service in pod.services():
            pod.hardened(service)
    with report.check("no secret is in a variable, a command line or a log"):
        secrets = {
            secret.name: secret.read_text().strip() for secret in (pod.dir / "secrets").iterdir() if secret.is_file()
        }
        password = secrets["postgres_password"]
        for service in pod.services():
            text = str(pod.inspect(pod.container(service))) + pod.logs(service)
            for name in ("postgres_password", "master_key", "internal_key"):
                assert secrets[name] not in text, f"{service} tells {name}"
        assert password in secrets["database_url"]


def _interruptions(pod: Pod, report: Report) -> None:
    person = Person(pod.url, "first@example.com")
    person.sign_in()
    conversation = person.conversation()

    def restart(service: str) -> None:
        run("podman", "restart", "--time", "60", pod.container(service), timeout=120)

    breaks = [("restarted", restart, service) for service in ("web", "gateway", "ai", "postgres")]
    breaks += [("killed", pod.kill, service) for service in ("gateway", "ai", "postgres")]
    for what, act, service in breaks:
        with report.check(f"no event is lost when {service} is {what} in mid-answer"):
            # Twenty seconds of words: they outlast each restart.
            watch = Watch(person, person.ask(conversation, f"/paced {WORDS} 50 100"))
            watch.start()
            watch.wait_for(15)
            act(service)
            was_cut = watch.thread.is_alive()
            events = watch.finish()
            pod.wait_until_healthy()
            _as_the_log_has_it(person, watch, events)
            report.note(
                f"{len(events)} events in {watch.connections} connection(s), "
                f"{len(text_of(events).split())} of {WORDS} words, then {events[-1]['type']}"
                f"{'' if was_cut else '; the service waited for it'}"
            )
    with report.check("every turn of it has ended, and the next question is answered"):
        watch = Watch(person, person.ask(conversation, "/paced 10 10 10"))
        watch.start()
        events = watch.finish()
        assert events[-1]["type"] == "turn.completed", events[-1]
        assert len(text_of(events).split()) == 10


def _as_the_log_has_it(person: Person, watch: Watch, events: list[dict]) -> None:
    """What was read across the break is what the log has, and the answer is what was read."""
    assert events[-1]["type"] in ENDS
    turn = person.insist("GET", f"/api/v1/turns/{watch.turn}")
    assert turn["last_seq"] == len(events), f"{turn['last_seq']} events in the log, {len(events)} were read"
    again = person.events(watch.turn)
    assert len(again) == len(events), f"read again, there are {len(again)} events, not {len(events)}"
    for seen, logged in zip(events, again, strict=True):
        assert seen == logged, f"it was {seen}, and is {logged}"


def _end(pod: Pod, report: Report) -> None:
    person = Person(pod.url, "first@example.com")
    with report.check("taken down and started again, everything is there"):
        before = _conversations(person)
        pod.down()
        pod.up()
        pod.wait_until_healthy()
        assert _conversations(person) == before and before
    with report.check("a stop is in order, and quicker than its grace"):
        for service in ("gateway", "ai", "web", "postgres"):
            began = time.monotonic()
            run("podman", "stop", "--time", "60", pod.container(service), timeout=90)
            code = pod.inspect(pod.container(service))["State"]["ExitCode"]
            assert code == 0, f"{service}: exit code {code}\n{pod.logs(service)[-1000:]}"
            assert time.monotonic() - began < 30, f"{service} took {time.monotonic() - began:.0f} s"


def _conversations(person: Person) -> list[str]:
    person.sign_in()
    return sorted(item["id"] for item in person.insist("GET", "/api/v1/conversations")["items"])
