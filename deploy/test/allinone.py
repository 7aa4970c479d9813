"""The one container of compose.allinone.yaml, with its own PostgreSQL."""

from __future__ import annotations

import time

import images
from machine import DEPLOY, Machine, run
from person import Person, Watch, text_of
from pod import Pod
from report import Report

SERVICE = "openmake"


class AllInOne(Pod):
    def __init__(self, machine: Machine) -> None:
        files = [DEPLOY / "compose.allinone.yaml", DEPLOY / "test/compose.allinone-model.yaml"]
        super().__init__(machine, "openmake-allinone-test", files, {"OPENMAKE_ALLINONE_IMAGE": images.ALL_IN_ONE})
        (self.dir / "openmake.env").write_text("OPENAI_BASE_URL=http://model:8080/v1\n")

    def services(self) -> list[str]:
        return [SERVICE]


def test(machine: Machine, report: Report, keep: bool) -> None:
    pod = AllInOne(machine)
    try:
        with report.check("all in one starts, makes its database and is healthy"):
            pod.up()
            report.note(f"healthy {pod.wait_until_healthy():.1f} s after its container was started")
        if pod.health.get(SERVICE):
            _use(pod, report)
    finally:
        if keep:
            print(f"kept: {pod.url}, in {pod.dir}")
        else:
            pod.remove()


def _use(pod: Pod, report: Report) -> None:
    person = Person(pod.url, "first@example.com")
    answers: dict[str, list[dict]] = {}

    def ask(text: str) -> list[dict]:
        watch = Watch(person, person.ask(person.conversation(), text))
        watch.start()
        answers[watch.turn] = watch.finish()
        return answers[watch.turn]

    def everything_is_there() -> None:
        person.sign_in()
        for turn, events in answers.items():
            assert person.events(turn) == events, f"turn {turn} is not what it was"

    with report.check("all in one: the first account is made, and a conversation is streamed"):
        assert person.register()["role"] == "admin"
        events = ask("/paced 50 10 10")
        assert events[-1]["type"] == "turn.completed" and len(text_of(events).split()) == 50, events[-1]
    with report.check("all in one: it is not root, has no capability, and its root file system is read-only"):
        pod.hardened(SERVICE)
        listed = pod.execute(SERVICE, "sh", "-c", "cat /proc/[0-9]*/status | grep -E '^(Uid|Name)'")
        assert "postgres" in listed, listed
        uids = {line.split("\t")[1] for line in listed.splitlines() if line.startswith("Uid")}
        assert uids == {"10001"}, uids
    with report.check("all in one: restarted, it keeps its data, and stops in order"):
        run("podman", "restart", "--time", "90", pod.container(SERVICE), timeout=120)
        pod.wait_until_healthy()
        everything_is_there()
        assert "database system was not properly shut down" not in pod.logs(SERVICE)
    with report.check("all in one: killed in mid-answer, it keeps every word that was shown"):
        watch = Watch(person, person.ask(person.conversation(), "/paced 100 10 50"))
        watch.start()
        watch.wait_for(15)
        pod.kill(SERVICE)
        events = watch.finish()
        pod.wait_until_healthy()
        assert events[-1]["type"] == "turn.interrupted", events[-1]
        answers[watch.turn] = events
        everything_is_there()
    with report.check("all in one: a PostgreSQL that is killed is started again, and no dead process is left"):
        # The database's own process, by the file that it keeps; it has children that outlive it for a moment.
        first = pod.execute(SERVICE, "sh", "-c", "head -1 /data/postgres/postmaster.pid")
        pod.execute(SERVICE, "sh", "-c", f"kill -9 {first}")
        deadline = time.monotonic() + 60
        while pod.execute(SERVICE, "sh", "-c", "head -1 /data/postgres/postmaster.pid", check=False) in ("", first):
            assert time.monotonic() < deadline, "it is not started again"
            time.sleep(0.5)
        pod.wait_until_healthy()
        everything_is_there()
        states = pod.execute(SERVICE, "sh", "-c", "cat /proc/[0-9]*/status | grep '^State'")
        assert "zombie" not in states, states
    with report.check("all in one: taken down and started again, everything is there"):
        pod.down()
        pod.up()
        pod.wait_until_healthy()
        everything_is_there()
