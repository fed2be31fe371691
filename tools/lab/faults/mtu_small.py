# SPDX-License-Identifier: Apache-2.0
"""An interface that takes only small packets: what the neighbour sends in full size is lost."""

from tools.lab.faults.base import Fault, device, run

SMALL = "1400"  # bytes: a payload of 1,400 and batman-adv's header no longer pass
FULL = "1532"

FAULT = Fault(
    id="mtu-small",
    what="the interface of --node towards --peer (without --peer: its first) takes packets of 1,400 bytes",
    peer=False,
    inject=lambda target: [run(target, "ip", "link", "set", device(target), "mtu", SMALL)],
    clear=lambda target: [run(target, "ip", "link", "set", device(target), "mtu", FULL)],
)
