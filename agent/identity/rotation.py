# SPDX-License-Identifier: Apache-2.0
"""When a node renews its SVID, and when it tries again. Pure: `chance` is a number from 0 to below 1."""

from __future__ import annotations

from agent.identity.limits import RENEW_AT, RENEW_JITTER

RETRY_FIRST = 30.0  # seconds; an issuer that restarts is back by then
RETRY_MAX = 3_600.0  # hundreds of nodes ask a returned issuer within an hour, not within a second


def due(not_before: float, not_after: float, chance: float) -> float:
    """When to renew, Unix seconds: at half the life, a tenth of it earlier or later."""
    life = not_after - not_before
    return not_before + life * (RENEW_AT + RENEW_JITTER * (2.0 * chance - 1.0))


def retry_after(failures: int, chance: float) -> float:
    """Seconds until the next try after so many failures in a row: doubled each time, a quarter either way."""
    wait = RETRY_MAX if failures > 12 else min(RETRY_MAX, RETRY_FIRST * 2.0 ** max(0, failures - 1))
    return wait * (0.75 + 0.5 * chance)
