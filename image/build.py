# SPDX-License-Identifier: Apache-2.0
"""`python3 -m image.build TARGET`: builds an image unless it is there, and prints its directory.

The directory holds vmlinuz, initrd.img, root.squashfs and packages.txt (Debian's packages, with versions).
Progress goes to standard error. Runs as an ordinary user.
"""

import argparse
import fcntl
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from image.content import directory_of
from image.initrd import initrd, load_order
from image.manifest import manifest
from image.rootfs import build_tar, run
from image.settings import TARGETS, ImageError, Target, target_named

ROOT = Path(__file__).resolve().parent.parent
PRODUCTS = ("vmlinuz", "initrd.img", "root.squashfs", "packages.txt")


def say(text: str) -> None:
    """Progress, for people."""
    print(f"image: {text}", file=sys.stderr, flush=True)


def take_files(target: Target, tar: Path, init: bytes, out: Path) -> None:
    """The kernel, our initrd from the root's own kernel package, and the list of the root's packages."""
    with tarfile.open(tar) as archive:
        members = {member.name.removeprefix("./"): member for member in archive.getmembers()}

        def read(name: str) -> bytes:
            try:
                file = archive.extractfile(members[name])
            except KeyError:
                file = None
            if file is None:
                raise ImageError(f"the root has no file {name}: check the packages in image/settings.py")
            return file.read()

        kernels = [name for name in members if name.startswith("boot/vmlinuz-")]
        if len(kernels) != 1:
            raise ImageError(f"the root should have one kernel, it has {kernels}")
        folder = f"usr/lib/modules/{kernels[0].removeprefix('boot/vmlinuz-')}"
        order = load_order(
            target.initrd_modules,
            read(f"{folder}/modules.dep").decode(),
            read(f"{folder}/modules.builtin").decode(),
        )
        modules = {path: read(f"{folder}/{path}") for path in order}
        (out / "vmlinuz").write_bytes(read(kernels[0]))
        (out / "initrd.img").write_bytes(initrd(read("usr/bin/busybox"), init, modules))
        (out / "packages.txt").write_text(manifest(read("var/lib/dpkg/status").decode()))


def build(target: Target, root: Path = ROOT) -> Path:
    """Directory of the target's image, built if it is not there. Raises ImageError."""
    final = directory_of(target, root)
    if all((final / product).exists() for product in PRODUCTS):
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with (final.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two labs started at once build one image
        if all((final / product).exists() for product in PRODUCTS):
            return final
        started = time.monotonic()
        log = final.parent / f"{target.name}.log"
        log.write_bytes(b"")
        with tempfile.TemporaryDirectory(prefix=".work-", dir=final.parent) as name:
            work = Path(name)
            work.chmod(0o755)  # mmdebstrap reads it from a user namespace
            out = work / "out"
            out.mkdir()
            say(f"building {target.name} ({target.suite} {target.arch}); log: {log}")
            tar = build_tar(target, root, work, log)
            say(f"root file system after {time.monotonic() - started:.0f} s; packing")
            take_files(target, tar, (root / "image/init.sh").read_bytes(), out)
            pack(tar, out / "root.squashfs", target.squashfs_options, log)
            shutil.rmtree(final, ignore_errors=True)
            out.rename(final)
        say(f"{final.name} done in {time.monotonic() - started:.0f} s")
    return final


def pack(tar: Path, squashfs: Path, options: tuple[str, ...], log: Path) -> None:
    """A tar file as squashfs."""
    command = [
        "sh",
        "-c",
        'exec sqfstar "$@" <"$0"',
        str(tar),
        "-quiet",
        "-no-progress",
        *options,
        str(squashfs),
    ]
    run("sqfstar", command, log, "needs squashfs-tools 4.5 or later and room on the disk")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="image.build", description="Build an image; prints its directory.")
    parser.add_argument("target", choices=sorted(TARGETS))
    try:
        print(build(target_named(parser.parse_args().target)))
    except ImageError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
