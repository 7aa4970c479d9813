"""`make test-containers`: builds the images on base images made here, and proves the compositions as they are written.

Nothing of a registry of images is needed, and nothing of the operator's is touched: images, networks and volumes are in
a storage of their own in the cache, and go again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys

import allinone
import bases
import composition
import images
import manifests
from machine import Machine, Missing, run
from report import Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-containers")
    parser.add_argument("--profile", default="optimised", help="cargo's profile of the program; `release` is what is shipped")
    parser.add_argument("--only", choices=["images", "manifests", "compose", "allinone"], help="one part of it")
    parser.add_argument("--built", action="store_true", help="take the images of the run before")
    parser.add_argument("--keep", action="store_true", help="leave the compositions running, and the images")
    parser.add_argument("--clean", action="store_true", help="remove images and caches of earlier runs, and end")
    arguments = parser.parse_args()
    try:
        machine = Machine()
    except Missing as missing:
        print(f"make test-containers: {missing}", file=sys.stderr)
        return 2
    if arguments.clean:
        run("podman", "system", "reset", "--force", timeout=300)
        shutil.rmtree(machine.dir, ignore_errors=True)
        return 0
    report = Report()
    try:
        _run(machine, report, arguments)
    except Missing as missing:
        print(f"make test-containers: {missing}", file=sys.stderr)
        return 2
    report.note(f"images and caches for the next run are in {machine.dir}; ARGS=--clean removes them")
    return 0 if report.summary() else 1


def _run(machine: Machine, report: Report, arguments: argparse.Namespace) -> None:
    part = arguments.only
    made = bases.ensure(machine)
    if not arguments.built:
        images.build(machine, report, made, arguments.profile)
    if report.broken:
        print("without its images, nothing else can be shown")
        return
    if part in (None, "manifests"):
        manifests.test(machine, report, made)
    if part in (None, "compose"):
        composition.test(machine, report, arguments.keep)
    if part in (None, "allinone"):
        allinone.test(machine, report, arguments.keep)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
