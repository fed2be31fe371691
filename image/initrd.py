# SPDX-License-Identifier: Apache-2.0
"""Our own initial RAM disk: a static busybox, the few modules that reach the root, and one script.

Debian's would be ten times as large and costs seconds under emulation. Format: cpio "newc", uncompressed
(Linux Documentation/driver-api/early-userspace/buffer-format.rst).
"""

import lzma
import posixpath
from collections.abc import Iterable, Mapping

from image.settings import ImageError

Entry = tuple[str, int, bytes]  # path, mode, content


def module_name(path: str) -> str:
    """`kernel/fs/9p/9p.ko.xz` is module `9p`; `-` and `_` mean the same."""
    return posixpath.basename(path).split(".ko", 1)[0].replace("-", "_")


def parse_dependencies(modules_dep: str) -> dict[str, tuple[str, list[str]]]:
    """modules.dep: module name to its path and the paths it needs, nearest first."""
    table = {}
    for line in modules_dep.splitlines():
        path, _, needs = line.partition(":")
        if path:
            table[module_name(path)] = (path, needs.split())
    return table


def load_order(wanted: Iterable[str], modules_dep: str, builtin: str) -> list[str]:
    """Paths of the wanted modules and all they need, in the order to load; built-in ones are left out."""
    table = parse_dependencies(modules_dep)
    inside = {module_name(line) for line in builtin.splitlines()}
    order: list[str] = []
    for name in (name.replace("-", "_") for name in wanted):
        if name in inside:
            continue
        if name not in table:
            raise ImageError(
                f"the kernel has no module {name!r}: choose another kernel package in image/settings.py"
            )
        path, needs = table[name]
        order += [each for each in [*reversed(needs), path] if each not in order]
    return order


def decompressed(path: str, data: bytes) -> tuple[str, bytes]:
    """A module's plain name and content."""
    if path.endswith(".xz"):
        return path.removesuffix(".xz"), lzma.decompress(data)
    if path.endswith(".ko"):
        return path, data
    raise ImageError(
        f"{path}: modules are expected plain or packed with xz; teach image/initrd.py this format"
    )


def cpio(entries: Iterable[Entry]) -> bytes:
    """A newc archive. Mode carries the file type; owner and times are zero: same input, same bytes."""
    archive = bytearray()

    def add(number: int, name: str, mode: int, data: bytes) -> None:
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        archive.extend(b"070701" + b"".join(b"%08x" % field for field in fields) + raw)
        archive.extend(bytes(-len(archive) % 4))
        archive.extend(data)
        archive.extend(bytes(-len(archive) % 4))

    number = 0
    for number, (name, mode, data) in enumerate(entries, 1):
        add(number, name, mode, data)
    add(0, "TRAILER!!!", 0, b"")
    return bytes(archive)


def initrd(busybox: bytes, init: bytes, modules: Mapping[str, bytes]) -> bytes:
    """The archive: /init, /bin/busybox and /modules/NN-name.ko. `modules`: path to content, in load order."""
    directory, program, plain = 0o040755, 0o100755, 0o100644
    entries: list[Entry] = [
        (name, directory, b"") for name in ("bin", "dev", "modules", "proc", "root", "rw", "sys")
    ]
    entries += [("bin/busybox", program, busybox), ("init", program, init)]
    for index, (path, data) in enumerate(modules.items()):
        name, content = decompressed(path, data)
        entries.append((f"modules/{index:02d}-{posixpath.basename(name)}", plain, content))
    return cpio(entries)
