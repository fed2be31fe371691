# SPDX-License-Identifier: Apache-2.0
"""Token buckets: how often one source, and all together, may make us work."""

from __future__ import annotations

from collections import OrderedDict

MAX_SOURCES = 256  # buckets kept; bounds the memory a sender with changing addresses can force


class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._tokens, self._at = rate, burst, burst, now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class SourceLimits:
    """A bucket for each source and one for all; the source pays first, so one cannot starve the others."""

    def __init__(self, rate: float, burst: float, total_rate: float, total_burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._total_rate, self._total_burst = total_rate, total_burst
        self._total: TokenBucket | None = None
        self._sources: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, source: str, now: float) -> bool:
        """May this source be heard now?"""
        bucket = self._sources.get(source)
        if bucket is None:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.popitem(last=False)
            bucket = self._sources[source] = TokenBucket(self._rate, self._burst, now)
        else:
            self._sources.move_to_end(source)
        if self._total is None:
            self._total = TokenBucket(self._total_rate, self._total_burst, now)
        return bucket.take(now) and self._total.take(now)
