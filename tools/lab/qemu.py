# SPDX-License-Identifier: Apache-2.0
"""Starting and ending the lab's virtual machines: QEMU under TCG, as an ordinary user."""

import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from os import kill
from pathlib import Path

from tools.lab import state
from tools.lab.errors import LabError

QEMU = "qemu-system-x86_64"
GUEST_PORT = 7000
GUEST_PAGE_BASE = 7100
CONTROL_MAC = "52:54:00:78:30:00"
FIRST_SAFE_MTTCG = 8  # QEMU 7.2 panicked a guest that patched code while the other CPU ran it
END_S = 10.0  # QEMU ends at once on SIGTERM; after this it is killed
PORT_TRIES = 3  # a free port may be taken by someone else before QEMU binds it


@dataclass(frozen=True)
class Cable:
    """One end of a cable between machines: UDP on loopback."""

    mac: str
    local: int
    remote: int


@dataclass(frozen=True)
class Plan:
    """A machine to start. `pages`: node number: host port."""

    name: str
    memory_mb: int
    port: int
    pages: dict[int, int]
    cables: tuple[Cable, ...]
    systemd: bool


@cache
def version() -> tuple[int, int]:
    """Return QEMU's version. Raises LabError when it is not installed."""
    if shutil.which(QEMU) is None:
        raise LabError(f"{QEMU} is not installed; run: make setup (Debian: qemu-system-x86)")
    output = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)\.(\d+)", output)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Return loopback ports that nobody has now."""
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


def command(plan: Plan, image: Path, folder: Path) -> list[str]:
    """Return the command line of a machine."""
    threads = "multi" if version() >= (FIRST_SAFE_MTTCG, 0) else "single"
    forwards = [f"hostfwd=tcp:127.0.0.1:{plan.port}-:{GUEST_PORT}"]
    forwards += [
        f"hostfwd=tcp:127.0.0.1:{port}-:{GUEST_PAGE_BASE + node}" for node, port in plan.pages.items()
    ]
    argv = [
        *(
            QEMU,
            "-name",
            f"x0-lab-{plan.name}",
            "-accel",
            f"tcg,thread={threads}",
            "-machine",
            "q35",
            "-cpu",
            "max",
        ),
        *(
            "-smp",
            "2",
            "-m",
            str(plan.memory_mb),
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ),
        *(
            "-serial",
            f"file:{folder / plan.name}.console",
            "-pidfile",
            f"{folder / plan.name}.pid",
            "-daemonize",
        ),
        *("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img")),
        # a panic ends the machine at once: the host sees it at the next request
        *(
            "-append",
            "console=ttyS0 quiet panic=-1 oops=panic net.ifnames=0 x0.init=/src/tools/lab/guest/init",
        ),
        *("-drive", f"file={image / 'root.squashfs'},if=virtio,format=raw,readonly=on,file.locking=off"),
        *("-fsdev", f"local,id=src,path={state.TREE},security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=src,mount_tag=src"),
        *("-device", "virtio-rng-pci"),
        *("-netdev", ",".join(["user,id=lab,restrict=on", *forwards])),
        *("-device", f"virtio-net-pci,netdev=lab,mac={CONTROL_MAC},romfile="),
        *("-fw_cfg", f"name=opt/x0/token,file={folder / 'token'}"),
        *("-fw_cfg", f"name=opt/x0/hostname,string={plan.name}"),
        *("-fw_cfg", f"name=opt/x0/boot,string={'systemd' if plan.systemd else 'init'}"),
    ]
    for number, cable in enumerate(plan.cables):
        ends = (
            f"local.type=inet,local.host=127.0.0.1,local.port={cable.local},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={cable.remote}"
        )
        argv += ["-netdev", f"dgram,id=cable{number},{ends}"]
        argv += ["-device", f"virtio-net-pci,netdev=cable{number},mac={cable.mac},romfile="]
    return argv


def start(plan: Plan, image: Path, folder: Path) -> int:
    """Start a machine and return QEMU's process id. Raises LabError with QEMU's words."""
    (folder / f"{plan.name}.console").unlink(missing_ok=True)
    done = subprocess.run(
        command(plan, image, folder), capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise LabError(f"QEMU did not start {plan.name}: {done.stderr.strip() or done.returncode}")
    return int((folder / f"{plan.name}.pid").read_text())


def end(pid: int, lab: str) -> None:
    """End a machine of this lab and wait until its process is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not state.owns(pid, lab):
            return
        kill(pid, number)
        deadline = time.monotonic() + END_S
        while state.owns(pid, lab) and time.monotonic() < deadline:
            time.sleep(0.02)
