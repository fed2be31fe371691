# SPDX-License-Identifier: Apache-2.0
"""A service that died: the node's broker is killed."""

from tools.lab.faults.base import Fault, send

FAULT = Fault(
    id="service-dead",
    what="the mosquitto of --node is killed (SIGKILL); clearing starts nothing, that is the healer's work",
    peer=False,
    inject=lambda target: [send(target, "mosquitto", "KILL", must_exist=True)],
    clear=lambda _target: [],
)
