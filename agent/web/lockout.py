# SPDX-License-Identifier: Apache-2.0
"""Counts wrong PINs and says who must wait. Pure: time is given, `dump` and `load` carry it over a restart.

An address is locked after WRONG_FREE wrong PINs, for LOCK_FIRST and then twice as long each time. As a
stranger may have many addresses, WRONG_ALL wrong PINs in WRONG_WINDOW lock everyone for LOCK_ALL, except who
asks from the node itself (loopback) and devices that have signed in before (they bring a cookie and are
counted by it): so a stranger cannot keep out a technician whose phone the node knows, and `x0 pin set` begins
anew for all. What is asked while locked is neither checked nor counted, so no lock lasts for ever.

Times are seconds since boot. Of a former boot only what was left of a lock is known: it begins anew.
"""

from __future__ import annotations

import math

import msgspec

from agent.web.limits import (
    ADDRESSES_MAX,
    KNOWN_MAX,
    LOCK_ALL,
    LOCK_FIRST,
    LOCK_MAX,
    WRONG_ALL,
    WRONG_FORGOTTEN,
    WRONG_FREE,
    WRONG_WINDOW,
)

LOOPBACK = "loopback"  # the one key for 127.0.0.0/8 and ::1


class Count(msgspec.Struct):
    """Wrong PINs of one address or known device."""

    wrong: int = 0
    last: float = 0.0
    until: float = 0.0  # locked until then


class _State(msgspec.Struct):
    boot: str = ""
    saved: float = 0.0
    pin: str = ""  # Pin.id the counts belong to
    counts: dict[str, Count] = {}  # oldest first
    recent: list[float] = []  # wrong PINs of all
    until: float = 0.0  # all are locked until then
    known: list[str] = []  # digests of devices' cookies, the newest last


class Lockout:
    """For one boot."""

    def __init__(self, boot: str, raw: bytes = b"", now: float = 0.0) -> None:
        self._boot = boot
        self._state = _load(raw, boot, now)

    def follow(self, pin: str) -> None:
        """Counts and known devices belong to a PIN; with another one all begins anew."""
        if pin != self._state.pin:
            self._state = _State(pin=pin)

    def wait(self, key: str, now: float, device: str = "") -> float:
        """Seconds until a PIN of `key` (an address or LOOPBACK) is looked at, 0 where now.

        `device`: the digest of its cookie, "" without.
        """
        known = self.knows(device)
        count = self._state.counts.get(_device(device) if known else key)
        left = count.until - now if count else 0.0
        if not known and key != LOOPBACK:
            left = max(left, self._state.until - now)
        return max(0.0, left)

    def attempt(self, key: str, now: float, device: str = "") -> None:
        """Counts a PIN that is about to be checked as wrong: who cuts the check short gains nothing."""
        known, state = self.knows(device), self._state
        name = _device(device) if known else key
        count = state.counts.pop(name, None)
        if count is None or now - max(count.last, count.until) > WRONG_FORGOTTEN:
            count = Count()
        count.wrong, count.last = count.wrong + 1, now
        if count.wrong >= WRONG_FREE:
            count.until = now + min(LOCK_MAX, LOCK_FIRST * 2.0 ** min(count.wrong - WRONG_FREE, 16))
        state.counts[name] = count
        while len(state.counts) > ADDRESSES_MAX:
            del state.counts[next(iter(state.counts))]
        if known or key == LOOPBACK:
            return
        state.recent = [*(at for at in state.recent if now - at < WRONG_WINDOW), now][-WRONG_ALL:]
        if len(state.recent) >= WRONG_ALL:
            state.until = now + LOCK_ALL

    def right(self, key: str, now: float, device: str, new_device: str) -> None:
        """The attempt of `now` was right: its own count ends, and the device is known from now on."""
        state = self._state
        state.counts.pop(key, None)
        state.counts.pop(_device(device), None)
        if state.recent and state.recent[-1] == now:
            state.recent.pop()
            if state.until == now + LOCK_ALL:  # this attempt was taken for the last of too many
                state.until = 0.0
        state.known = [*(one for one in state.known if one not in (device, new_device)), new_device][
            -KNOWN_MAX:
        ]

    def knows(self, device: str) -> bool:
        """Has this device signed in with the present PIN?"""
        return bool(device) and device in self._state.known

    def dump(self, now: float) -> bytes:
        """For `raw` of the next start."""
        self._state.boot, self._state.saved = self._boot, now
        return msgspec.json.encode(self._state)


def _device(digest: str) -> str:
    return f"device {digest}"


def _load(raw: bytes, boot: str, now: float) -> _State:
    if not raw:
        return _State()
    try:
        state = msgspec.json.decode(raw, type=_State)
    except msgspec.DecodeError:  # damaged: nobody but root writes there; the counts begin anew
        return _State()
    state.known = state.known[-KNOWN_MAX:]
    state.recent = state.recent[-WRONG_ALL:]
    for name in list(state.counts)[: max(0, len(state.counts) - ADDRESSES_MAX)]:
        del state.counts[name]
    shift = 0.0 if state.boot == boot else now - state.saved
    if not math.isfinite(shift):
        return _State(pin=state.pin, known=state.known)
    state.until = min(state.until + shift, now + LOCK_ALL)
    state.recent = [at + shift for at in state.recent]
    for count in state.counts.values():
        count.last = min(count.last + shift, now)
        count.until = min(count.until + shift, now + LOCK_MAX)
    return state
