# SPDX-License-Identifier: Apache-2.0
"""What a person is told after a form: keys of `notice.KEY` in the catalogues (agent/web/lang/).

A key comes back in the address (`/?notice=KEY`), so any other text there is shown by nobody.
"""

from __future__ import annotations

SIGNED_IN = "signed-in"
SIGNED_OUT = "signed-out"
WRONG_PIN = "wrong-pin"
LOCKED = "locked"  # too many wrong PINs; Viewer.locked_for says for how long
BUSY = "busy"  # other PINs are being checked; nothing was counted
NO_PIN = "no-pin"  # none is set: `x0 pin set` on the node
BAD_PIN_FILE = "bad-pin-file"  # the PIN's file cannot be used: `x0 pin set` makes a new one
NOT_SIGNED_IN = "not-signed-in"  # or the session has ended
NOT_FROM_HERE = "not-from-here"  # the request comes from another site or from outside the node's networks
BAD_INPUT = "bad-input"  # a field is missing or out of bounds
UNKNOWN_ACTION = "unknown-action"
TOO_MANY = "too-many"  # actions in the last minute
RUNNING = "running"  # the same action is under way
DENIED = "denied"  # the node's policy does not allow it
REFUSED = "refused"  # the node cannot do it; the list of actions says why

ALL = frozenset(
    {
        SIGNED_IN, SIGNED_OUT, WRONG_PIN, LOCKED, BUSY, NO_PIN, BAD_PIN_FILE, NOT_SIGNED_IN, NOT_FROM_HERE,
        BAD_INPUT, UNKNOWN_ACTION, TOO_MANY, RUNNING, DENIED, REFUSED,
    }
)  # fmt: skip


def known(key: str) -> str:
    """`key` where it is one of ours, else ""."""
    return key if key in ALL else ""
