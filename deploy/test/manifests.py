"""The Kubernetes manifests, the compositions and the systemd unit, as their own tools see them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import images
from machine import DEPLOY, Machine, run
from report import Report

KUBERNETES = "1.37"


def test(machine: Machine, report: Report, bases: dict[str, str]) -> None:
    python = machine.python()
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    manifests = [file for file in files if file.name != "kustomization.yaml"]
    with report.check(f"the manifests are what Kubernetes {KUBERNETES} takes"):
        done = run(
            *[python.parent / "kubernetes-validate", "--strict", "-k", KUBERNETES, *manifests], check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with report.check("the manifests fit together"):
        _fit_together(python, manifests)
    with report.check("the systemd unit is sound, and exposes little"):
        _systemd(machine, report, bases)


def _load(python: Path, files: list[Path]) -> list[dict]:
    """PyYAML is in the environment, not here."""
    program = "import json, sys, yaml; print(json.dumps([d for f in sys.argv[1:] for d in yaml.safe_load_all(open(f)) if d]))"
    return json.loads(run(python, "-c", program, *files).stdout)


def _fit_together(python: Path, files: list[Path]) -> None:
    documents = _load(python, files)
    kustomization = _load(python, [DEPLOY / "kubernetes/kustomization.yaml"])[0]
    listed = set(kustomization["resources"])
    there = {file.name for file in files} - {"secrets.example.yaml"}
    assert listed == there, f"kustomization.yaml lists {listed}, and there are {there}"
    named = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    assert len(named) == len(documents), "two of them have one name"
    for (kind, name), document in named.items():
        if kind != "Namespace":
            assert document["metadata"]["namespace"] == "openmake", f"{kind} {name}"
    for role in ("ai", "gateway", "web"):
        labels = named["Deployment", role]["spec"]["template"]["metadata"]["labels"]
        for selector in (
            named["Deployment", role]["spec"]["selector"]["matchLabels"],
            named["PodDisruptionBudget", role]["spec"]["selector"]["matchLabels"],
            named["Service", role]["spec"]["selector"],
            named["NetworkPolicy", role]["spec"]["podSelector"]["matchLabels"],
        ):
            assert selector.items() <= labels.items(), f"{role}: {selector} selects none of {labels}"
        target = named["HorizontalPodAutoscaler", role]["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", role)
    for kind, name in [key for key in named if key[0] in ("Deployment", "StatefulSet")]:
        pod = named[kind, name]["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        volumes |= {claim["metadata"]["name"]: claim for claim in named[kind, name]["spec"].get("volumeClaimTemplates", [])}
        for container in pod["containers"]:
            for mount in container["volumeMounts"]:
                assert mount["name"] in volumes, f"{name}: no volume {mount['name']}"
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = container[probe].get("httpGet", {}).get("port")
                assert port is None or port in ports, f"{name}: {probe} asks {port}"
        for volume in volumes.values():
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in named, f"{name}: {volume}"
        assert pod["securityContext"]["runAsNonRoot"] is True, name


def _systemd(machine: Machine, report: Report, bases: dict[str, str]) -> None:
    """In a container with the program and systemd's tools."""
    tag = "localhost/openmake-systemd:test"
    run(
        *["podman", "build", "--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker"],
        *["--build-arg", f"OPENMAKE_IMAGE={images.ROLES}", "--tag", tag],
        *["--file", DEPLOY / "test/bases/systemd.Dockerfile", DEPLOY],
        timeout=600,
    )
    plain = ["--env", "SYSTEMD_COLORS=0", "--env", "SYSTEMD_URLIFY=0"]
    inside = ["podman", "run", "--rm", "--network", "none", *plain, "--entrypoint", "systemd-analyze", tag]
    verified = run(*inside, "verify", "--man=no", "/etc/systemd/system/openmake.service")
    said = verified.stdout + verified.stderr
    assert "openmake.service" not in said, said
    judged = run(*inside, "security", "--offline=true", "--threshold=20", "/etc/systemd/system/openmake.service")
    overall = re.search(r"Overall exposure level.*?: *([0-9.]+ \w+)", judged.stdout)
    report.note(f"systemd-analyze security: {overall[1] if overall else judged.stdout[-200:]}")
