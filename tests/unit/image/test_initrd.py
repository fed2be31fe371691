# SPDX-License-Identifier: Apache-2.0
"""The initrd holds each needed module once, in an order that loads."""

import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from image.initrd import cpio, decompressed, initrd, load_order, module_name
from image.settings import ImageError

DEP = """\
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz:
kernel/fs/netfs/netfs.ko.xz:
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio.ko.xz:
kernel/a/top.ko: kernel/a/middle.ko kernel/a/bottom.ko
kernel/a/middle.ko: kernel/a/bottom.ko
kernel/a/bottom.ko:
"""


def test_hyphens_and_underscores_name_the_same_module() -> None:
    assert (
        module_name("kernel/net/batman-adv/batman-adv.ko.xz") == module_name("batman_adv.ko") == "batman_adv"
    )


def test_what_a_module_needs_is_loaded_before_it() -> None:
    assert load_order(["top"], DEP, "") == ["kernel/a/bottom.ko", "kernel/a/middle.ko", "kernel/a/top.ko"]


def test_a_shared_dependency_is_loaded_once() -> None:
    order = load_order(["9p", "9pnet-virtio"], DEP, "")
    assert order.count("kernel/net/9p/9pnet.ko.xz") == 1
    assert order.index("kernel/net/9p/9pnet.ko.xz") < order.index("kernel/fs/9p/9p.ko.xz")
    assert order[-1] == "kernel/net/9p/9pnet_virtio.ko.xz"


def test_what_is_built_in_is_not_loaded() -> None:
    assert load_order(["squashfs"], DEP, "kernel/fs/squashfs/squashfs.ko\n") == []


def test_a_module_the_kernel_lacks_is_an_error_that_names_it() -> None:
    with pytest.raises(ImageError, match=r"no module 'batman_adv'.*settings\.py"):
        load_order(["batman-adv"], DEP, "")


def test_modules_are_unpacked() -> None:
    assert decompressed("k/a.ko.xz", lzma.compress(b"elf")) == ("k/a.ko", b"elf")
    assert decompressed("k/a.ko", b"elf") == ("k/a.ko", b"elf")
    with pytest.raises(ImageError, match="plain or packed with xz"):
        decompressed("k/a.ko.lz4", b"")


def test_every_member_of_the_archive_starts_on_a_word() -> None:
    archive = cpio([("a", 0o100644, b"x"), ("longer/name", 0o100644, b"yyyyy")])
    assert len(archive) % 4 == 0
    starts = [index for index in range(len(archive)) if archive.startswith(b"070701", index)]
    assert len(starts) == 3
    assert all(start % 4 == 0 for start in starts)
    assert archive.endswith(b"TRAILER!!!\0\0\0\0")


def test_the_same_input_gives_the_same_archive_in_load_order() -> None:
    modules = {"kernel/b.ko.xz": lzma.compress(b"first"), "kernel/a.ko": b"second"}
    archive = initrd(b"busybox", b"#!init", modules)
    assert archive == initrd(b"busybox", b"#!init", modules)
    assert archive.index(b"modules/00-b.ko\0") < archive.index(b"modules/01-a.ko\0")
    assert b"first" in archive


@pytest.mark.skipif(
    not shutil.which("bsdtar") and not shutil.which("cpio"), reason="neither bsdtar nor cpio here"
)
def test_an_independent_reader_lists_the_archive(tmp_path: Path) -> None:
    file = tmp_path / "initrd.img"
    file.write_bytes(initrd(b"busybox", b"#!init", {"kernel/a.ko": b"elf"}))
    reader = ["bsdtar", "-tf", str(file)] if shutil.which("bsdtar") else ["cpio", "-t", "--file", str(file)]
    listed = subprocess.run(reader, capture_output=True, text=True, check=True).stdout.split()
    assert listed == [
        "bin",
        "dev",
        "modules",
        "proc",
        "root",
        "rw",
        "sys",
        "bin/busybox",
        "init",
        "modules/00-a.ko",
    ]
