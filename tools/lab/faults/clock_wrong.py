# SPDX-License-Identifier: Apache-2.0
"""A clock that jumped: an hour ahead, after it had been synchronised. The node must be a machine.

It jumps 8 s after the injection began (tools/lab/guest/clock.py); its agent's log is an hour ahead until the
clock is right again.
"""

from tools.lab.faults.base import Fault, run

AHEAD_S = 3600
CLOCK = ("python3", "-S", "-m", "tools.lab.guest.clock")

FAULT = Fault(
    id="clock-wrong",
    what="the clock of --node, a machine of its own, is called synchronised and 8 s later set an hour ahead",
    peer=False,
    inject=lambda target: [run(target, *CLOCK, "step", str(AHEAD_S))],
    clear=lambda target: [run(target, *CLOCK, "back")],
)
