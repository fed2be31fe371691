# SPDX-License-Identifier: Apache-2.0
"""A gateway whose DNS server hangs; ping beyond the uplink is still answered."""

from tools.lab.faults.base import Fault
from tools.lab.faults.gw_no_internet import signal

FAULT = Fault(
    id="gw-no-names",
    what="the DNS server behind the gateway --node (tools/lab/internet.py) hangs",
    peer=False,
    inject=lambda target: signal(target, "STOP"),
    clear=lambda target: signal(target, "CONT"),
)
