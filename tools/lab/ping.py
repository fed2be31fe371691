# SPDX-License-Identifier: Apache-2.0
"""Reads what `ping -D -O -n` prints: the independent witness of what a mesh lost, and for how long. Pure."""

import re
from dataclasses import dataclass
from itertools import pairwise

ANSWER = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from \S+ icmp_seq=(\d+) ttl=\d+ time=([\d.]+) ms(.*)$")
SILENCE = re.compile(r"^\[(\d+\.\d+)\] no answer yet for icmp_seq=(\d+)$")
FAILURE = re.compile(r"^\[(\d+\.\d+)\] From \S+ icmp_seq=(\d+) ")
SEQUENCES = 65536  # icmp_seq is 16 bits wide and wraps
MISSED_INTERVALS = 3  # an answer later than this many intervals after the last one begins a gap


@dataclass(frozen=True)
class Gap:
    """A time without answers: from the last answer to the next; `end` None: still open at `seen`."""

    start: float
    end: float | None
    seen: float

    @property
    def seconds(self) -> float:
        """How long."""
        return (self.seen if self.end is None else self.end) - self.start


@dataclass(frozen=True)
class Report:
    """What one flow saw. Times are seconds since 1970 of the machine's clock. `gaps` are ordered by time.

    `last`: the last line's time. `rtt_ms`: least, median, greatest; None without an answer.
    """

    sent: int
    received: int
    duplicates: int
    first: float | None
    last: float | None
    rtt_ms: tuple[float, float, float] | None
    gaps: tuple[Gap, ...]

    @property
    def lost(self) -> int:
        """Requests without an answer; the ones still on their way count."""
        return self.sent - self.received

    @property
    def longest_gap(self) -> Gap | None:
        """The longest gap, None when there was none."""
        return max(self.gaps, key=lambda gap: gap.seconds, default=None)

    def gap_after(self, moment: float) -> Gap | None:
        """Return the longest gap that ended after `moment`."""
        later = [gap for gap in self.gaps if gap.end is None or gap.end > moment]
        return max(later, key=lambda gap: gap.seconds, default=None)


def read(text: str, interval: float) -> Report:
    """Read ping's output. `interval`: seconds between requests. Other lines are passed over."""
    answers: dict[int, float] = {}
    asked: set[int] = set()
    rtts: list[float] = []
    duplicates = 0
    unwrap = _Unwrap()
    moments: list[float] = []
    for line in text.splitlines():
        if match := ANSWER.match(line):
            at, number = float(match[1]), unwrap(int(match[2]))
            if number in answers:
                duplicates += 1
            else:
                answers[number] = at
                rtts.append(float(match[3]))
        elif match := SILENCE.match(line) or FAILURE.match(line):
            at, number = float(match[1]), unwrap(int(match[2]))
        else:
            continue
        asked.add(number)
        moments.append(at)
    if not moments:
        return Report(0, 0, 0, None, None, None, ())
    rtts.sort()
    return Report(
        sent=max(asked),
        received=len(answers),
        duplicates=duplicates,
        first=moments[0],
        last=moments[-1],
        rtt_ms=(rtts[0], rtts[len(rtts) // 2], rtts[-1]) if rtts else None,
        gaps=_gaps(sorted(answers.values()), moments[0], moments[-1], interval * MISSED_INTERVALS),
    )


def _gaps(answered: list[float], first: float, last: float, least: float) -> tuple[Gap, ...]:
    edges = answered if answered and answered[0] - first < least else [first, *answered]
    gaps = [Gap(a, b, b) for a, b in pairwise(edges) if b - a > least]
    if last - edges[-1] > least:
        gaps.append(Gap(edges[-1], None, last))
    return tuple(gaps)


class _Unwrap:
    """Turns 16-bit sequence numbers into ones that only rise."""

    def __init__(self) -> None:
        self._newest = 0

    def __call__(self, number: int) -> int:
        nearest = self._newest + (number - self._newest + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        self._newest = max(self._newest, nearest)
        return nearest
