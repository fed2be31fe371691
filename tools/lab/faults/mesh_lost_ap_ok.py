# SPDX-License-Identifier: Apache-2.0
"""A radio that receives and has no mesh peer: every peering is blocked, as if the driver had lost the mesh.

The kernel forgets the block with the stations when the radio leaves its mesh, so joining it anew cures this
by itself. An access point on the radio goes on working.
"""

from tools.lab.faults.base import Fault, Operation, Target, run


def _each_station(target: Target, action: str, otherwise: str) -> list[Operation]:
    stations = r"iw dev wlan0 station dump | sed -n 's/^Station \([0-9a-f:]*\).*/\1/p'"
    script = (
        f"for mac in $({stations}); do "
        f"iw dev wlan0 station set $mac plink_action {action} || {otherwise}; done"
    )
    return [run(target, "sh", "-c", script)]


FAULT = Fault(
    id="mesh-lost-ap-ok",
    what="the radio of --node stays in its mesh and refuses every peering until it joins it anew",
    peer=False,
    inject=lambda target: _each_station(target, "block", "exit 1"),
    # one that peers already, because an agent has mended it, cannot be opened
    clear=lambda target: _each_station(target, "open", "true"),
)
