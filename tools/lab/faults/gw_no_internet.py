# SPDX-License-Identifier: Apache-2.0
"""A gateway whose Internet no longer answers ping; its names are still resolved, and the link is up."""

from tools.lab.faults.base import Fault, Operation, Target, run


def pidfile(node: str) -> str:
    """Where the program that answers beyond a node (tools/lab/beyond.py) leaves its process id."""
    return f"/run/x0-internet-{node}.pid"


def signal(target: Target, name: str) -> list[Operation]:
    """Return the operation that signals that program."""
    return [run(target, "sh", "-c", f"kill -{name} $(cat {pidfile(target.name)})")]


FAULT = Fault(
    id="gw-no-internet",
    what="the Internet behind the gateway --node (tools/lab/internet.py) answers no ping",
    peer=False,
    inject=lambda target: signal(target, "USR1"),
    clear=lambda target: signal(target, "USR2"),
)
