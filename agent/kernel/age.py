# SPDX-License-Identifier: Apache-2.0
"""Ages the kernel tells, which may be a moment below zero."""

from __future__ import annotations

from typing import Final

WRAPPED_MS: Final = 1 << 31  # an age of 25 days is one of -4 ms: no row is kept for an hour


def seconds(milliseconds: int) -> float:
    """Seconds of an unsigned 32-bit age.

    The kernel reads its clock first, and who is heard meanwhile has an age below 0, which wraps: 0.0 then.
    """
    return 0.0 if milliseconds >= WRAPPED_MS else milliseconds / 1000
