# SPDX-License-Identifier: Apache-2.0
"""Who did what on the page and what came of it: a line of the log for each, and a record that is kept.

Wrong PINs are only logged: a stranger's guesses must not push decisions and outcomes out of the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

log = logging.getLogger("x0.audit")

WRONG_PIN, LOCKED = "wrong-pin", "locked"
ONLY_LOGGED = frozenset({WRONG_PIN, LOCKED})
RESULT_MAX = 300  # characters


class Audit:
    """`keep(body)` takes a record (JSON) for the store; it may raise nothing."""

    def __init__(self, keep: Callable[[bytes], None] = lambda _body: None) -> None:
        self._keep = keep

    def __call__(self, who: str, what: str, result: str) -> None:
        """`who`: an address; `what`: sign-in, sign-out, wrong-pin, locked or an action's name."""
        fields = {"who": who, "what": what, "result": result[:RESULT_MAX]}
        # Each kind is a template of its own: a flood of wrong PINs must not hide a sign-in from the log.
        log.info(f"audit: {what} by %s: %s", who, result, extra={"event": "audit", "fields": fields})
        if what not in ONLY_LOGGED:
            self._keep(msgspec.json.encode(fields))
