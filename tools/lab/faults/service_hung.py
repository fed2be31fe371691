# SPDX-License-Identifier: Apache-2.0
"""A service that hangs: the node's broker lives and answers nobody."""

from tools.lab.faults.base import Fault, send

FAULT = Fault(
    id="service-hung",
    what="the mosquitto of --node is stopped (SIGSTOP): alive, and not answering",
    peer=False,
    inject=lambda target: [send(target, "mosquitto", "STOP", must_exist=True)],
    clear=lambda target: [send(target, "mosquitto", "CONT")],
)
