# SPDX-License-Identifier: Apache-2.0
"""The root file system as a tar file: mmdebstrap with the target's packages, and the agent's libraries."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from image import mirror
from image.settings import PUBLIC_MIRROR, PUBLIC_SECURITY, PYTHON_DIR, ImageError, Target

# Nobody reads manuals in there; they would be a third of the files.
EXCLUDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
LOG_TAIL = 25  # lines of a failed program's output worth showing


def run(
    what: str, command: list[str], log: Path, mend: str, environment: dict[str, str] | None = None
) -> None:
    """Run a program with its output in a log; raises ImageError with the log's end and the mend."""
    with log.open("ab") as sink:
        try:
            code = subprocess.run(
                command, stdout=sink, stderr=sink, env=environment, stdin=subprocess.DEVNULL
            ).returncode
        except FileNotFoundError:
            raise ImageError(f"{what}: {command[0]} is not installed; run: make setup") from None
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
        raise ImageError(f"{what} failed with exit code {code}: {mend}\n{tail}")


def fetch_libraries(target: Target, root: Path, into: Path, log: Path) -> None:
    """The agent's locked wheels for the target's Python and architecture, unpacked into a folder."""
    own = root / ".venv/bin/python"
    platforms = [word for platform in target.platforms for word in ("--platform", platform)]
    command = [
        str(own) if own.exists() else sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
    ]
    command += [
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--no-deps",
        "--no-compile",
        "--target",
        str(into),
    ]
    command += ["--implementation", "cp", "--python-version", target.python, *platforms]
    command += ["-r", str(root / "requirements/agent.txt")]
    run(
        "fetching the agent's libraries",
        command,
        log,
        "is the package index reachable, and pip there (make setup)?",
    )


def mmdebstrap(target: Target, recipe: Path, libraries: Path, tar: Path) -> list[str]:
    """The command that makes the root as a tar file."""
    archive = mirror.mirror()
    command = ["mmdebstrap", "--variant=apt", f"--architectures={target.arch}", "--format=tar"]
    command += [f"--include={','.join((target.kernel, *target.packages))}"]
    command += ['--aptopt=Apt::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
    command += [f"--aptopt={option}" for option in mirror.transport()]
    command += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={path}" for path in EXCLUDED)]
    parent = str(Path(PYTHON_DIR).parent)
    command += [
        f'--customize-hook=mkdir -p "$1"{parent}',
        f"--customize-hook=copy-in {shlex.quote(str(libraries))} {parent}",
    ]
    command += [f"--customize-hook={recipe / 'customize.sh'}"]
    return [*command, target.suite, str(tar), f"deb {archive} {target.suite} main"]


def build_tar(target: Target, root: Path, work: Path, log: Path) -> Path:
    """The root as `work/root.tar`."""
    libraries = work / Path(PYTHON_DIR).name
    fetch_libraries(target, root, libraries, log)
    tar = work / "root.tar"
    environment = {
        **os.environ,
        "INITRD": "No",  # Debian's kernel hook then builds no initrd: ours is smaller
        "X0_SUITE": target.suite,
        "X0_MIRROR": PUBLIC_MIRROR,
        "X0_SECURITY": PUBLIC_SECURITY,
        "X0_PYTHON_DIR": PYTHON_DIR,
        "X0_MASK": " ".join(target.masked_units),
        "X0_PLAIN_MODULES": " ".join(target.plain_modules),
    }
    command = mmdebstrap(target, root / "image", libraries, tar)
    run("mmdebstrap", command, log, "is the Debian mirror of apt's configuration reachable?", environment)
    return tar
