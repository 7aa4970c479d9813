"""Builds the images as an operator would, and says how large they are."""

from __future__ import annotations

import json
import os

from machine import CHECKOUT, DEPLOY, Machine, logged, run
from report import Report

ROLES = "localhost/openmake:test"
ALL_IN_ONE = "localhost/openmake-allinone:test"
MODEL = "localhost/openmake-scripted-model:test"

MOST_MEGABYTES = 80
"""What the image of the roles may be larger than its base."""


def build(machine: Machine, report: Report, bases: dict[str, str], profile: str) -> None:
    jobs = os.environ.get("CARGO_BUILD_JOBS") or "default"
    program = ["--build-arg", f"CARGO_PROFILE={profile}", "--build-arg", f"CARGO_JOBS={jobs}"]
    with report.check("the image of the roles is built"):
        _build(machine, report, "Dockerfile", ROLES, program)
    with report.check("the all-in-one image is built"):
        _build(machine, report, "Dockerfile.allinone", ALL_IN_ONE, ["--build-arg", f"OPENMAKE_IMAGE={ROLES}"])
    with report.check("the image of the scripted model is built"):
        _build(machine, report, "test/model.Dockerfile", MODEL, program)
    with report.check(f"the image of the roles is less than {MOST_MEGABYTES} MB larger than its base"):
        base = _megabytes(bases["debian"])
        for image in (ROLES, ALL_IN_ONE):
            more = _megabytes(image) - base
            report.note(f"{image}: {base + more:.1f} MB, {more:.1f} MB beyond its base ({bases['debian']})")
            if image == ROLES:
                assert more < MOST_MEGABYTES, f"{more:.1f} MB"
    with report.check("the images say who runs them, how they are stopped and how they are"):
        for image in (ROLES, ALL_IN_ONE):
            settings = _inspect(image)
            assert settings["Config"]["User"] == "10001:10001", settings["Config"]["User"]
            assert settings["Config"]["StopSignal"] == "SIGTERM"
            assert settings["Healthcheck"]["Test"] == ["CMD", "openmake", "healthcheck"], settings["Healthcheck"]
            assert settings["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    with report.check("nothing of this machine is in the last stages"):
        for image in (ROLES, ALL_IN_ONE):
            found = run(
                *["podman", "run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c"],
                "ls -d /etc/leads /usr/local/cargo /src /wheel 2>/dev/null || true",
            )
            assert not found.stdout.strip(), found.stdout


def _build(machine: Machine, report: Report, file: str, tag: str, arguments: list[str]) -> None:
    took = logged(
        machine.log,
        *["podman", "build", "--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker"],
        *[*arguments, "--tag", tag, "--file", DEPLOY / file, CHECKOUT],
        timeout=3 * 3600,
    )
    report.note(f"{tag}: {took:.0f} s")


def _inspect(image: str) -> dict:
    return json.loads(run("podman", "image", "inspect", image).stdout)[0]


def _megabytes(image: str) -> float:
    return _inspect(image)["Size"] / 1_000_000
