# SPDX-License-Identifier: Apache-2.0
"""The agent of a node that is a machine with systemd: the project's own unit, driven by systemctl."""

import signal
import subprocess
from pathlib import Path
from typing import Any

from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node
from tools.lab.guest.setup import run
from tools.lab.guest.tree import SOURCE, TREE

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
NAME = "x0-agent.service"
BROKER = "mosquitto.service"
INSTALLED = Path("/etc/systemd/system")
CODE = Path("/usr/lib/x0")  # where the unit's PYTHONPATH has it on a node
SYSTEMCTL_S = 30.0  # a start waits for READY up to the unit's own limit, so it is asked not to wait

# What differs from a node in the field: the log is the file the lab's other nodes have, too.
DROP_IN = """\
[Service]
StandardOutput=append:{log}
StandardError=inherit
"""


def runs(node: Node) -> bool:
    """Is this node the machine itself, with systemd as its first process?"""
    return node.holder is None and BOOTED.exists()


class SystemdUnit:
    """The agent under systemd; as tools/lab/guest/agents.py:Unit."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.name = node, name
        self._installed = False

    @property
    def log(self) -> Path:
        """Where both outputs go."""
        return self.node.home / "log" / f"{self.name}.log"

    async def start(self) -> None:
        """Install and start it and its broker; does not wait for READY. Raises GuestError."""
        if not self._installed:
            await self._install()
        await run(["systemctl", "start", BROKER])  # as a node's boot does
        # a unit that is not loaded yet has no failures to forget, which counts as an error
        await run(["sh", "-c", f"systemctl -q reset-failed {NAME}; systemctl start --no-block {NAME}"])

    async def stop(self) -> None:
        """Stop it; ExecStopPost has run when this returns. Raises GuestError."""
        await run(["systemctl", "stop", NAME])

    def signal(self, number: int) -> None:
        """Send a signal to its main process. Raises GuestError when it is not running."""
        word = f"--signal={signal.Signals(number).name}"
        done = subprocess.run(
            ["systemctl", "kill", "--kill-whom=main", word, NAME],
            capture_output=True,
            text=True,
            timeout=SYSTEMCTL_S,
            check=False,
        )
        if done.returncode:
            raise GuestError(f"{self.node.name}: {NAME}: {done.stderr.strip()}")

    def told(self) -> dict[str, Any]:
        """Return what the host is told."""
        asked = ["MainPID", "NRestarts", "ExecMainStatus", "ActiveState"]
        shown = subprocess.run(
            ["systemctl", "show", f"--property={','.join(asked)}", NAME],
            capture_output=True,
            text=True,
            timeout=SYSTEMCTL_S,
            check=False,
        ).stdout
        values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        pid = int(values.get("MainPID", "0")) or None
        return {
            "node": self.node.name,
            "name": self.name,
            "pid": pid,
            "starts": int(values.get("NRestarts", "0")) + 1,
            "exit": None if pid else int(values.get("ExecMainStatus", "0")),
            "state": values.get("ActiveState", ""),
            "log": str(self.log),
        }

    async def _install(self) -> None:
        for part in ("agent", "bpf"):
            link = CODE / part
            if not link.is_symlink():
                link.symlink_to(TREE / part)
        folder = INSTALLED / f"{NAME}.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lab.conf").write_text(DROP_IN.format(log=self.log))
        (INSTALLED / NAME).write_text((SOURCE / "configs/systemd" / NAME).read_text())
        (INSTALLED / BROKER).unlink(missing_ok=True)  # masked where nodes share a machine
        await run(["systemctl", "daemon-reload"])
        self._installed = True


async def settle() -> None:
    """Wait until udev has named the network cards: a card is not renamed by two at once."""
    await run(["udevadm", "settle", "--timeout=30"])
