# SPDX-License-Identifier: Apache-2.0
"""Which report is news: it is repeated for as long as the trouble lasts, haste helps only at first."""

from __future__ import annotations

from typing import Final

FORGET_S: Final = 30.0  # repeated every 2 s while it holds (agent/herald.py); silent for so long it is over
MAX_KEPT: Final = 256  # bounds the memory strangers can force; the oldest goes first


class News:
    """`fresh` it with whatever names a report."""

    def __init__(self, forget_s: float = FORGET_S) -> None:
        self._forget_s = forget_s
        self._heard: dict[tuple[str, ...], float] = {}

    def fresh(self, now: float, *key: str) -> bool:
        """Was this not said within `forget_s` before now (monotonic seconds)?"""
        last = self._heard.pop(key, float("-inf"))
        self._heard[key] = now
        if len(self._heard) > MAX_KEPT:
            del self._heard[next(iter(self._heard))]
        return now - last > self._forget_s
