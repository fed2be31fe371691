# SPDX-License-Identifier: Apache-2.0
"""A gateway whose DNS server hangs; ping beyond the uplink is still answered."""

from tools.lab.faults.base import Fault, Operation, Target, run
from tools.lab.faults.gw_no_internet import PIDFILE


def _signal(target: Target, name: str) -> list[Operation]:
    return [run(target, "sh", "-c", f"kill -{name} $(cat {PIDFILE})")]


FAULT = Fault(
    id="gw-no-names",
    what="the DNS server behind the gateway --node (tools/lab/internet.py) hangs",
    peer=False,
    inject=lambda target: _signal(target, "STOP"),
    clear=lambda target: _signal(target, "CONT"),
)
