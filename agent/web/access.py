# SPDX-License-Identifier: Apache-2.0
"""Signing in with the device PIN: one check at a time, counted first, remembered over a restart."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.web import audit, notices, pin
from agent.web.actions import RefusedError
from agent.web.latest import LatestFile
from agent.web.limits import PIN_WAITING_MAX
from agent.web.lockout import Lockout
from agent.web.pin import PinError
from agent.web.sessions import ID_BYTES, Session, Sessions, digest

NAME = "access.json"  # under node.state_dir: counts of wrong PINs, digests of known devices
STATE_MAX = 128 * 1024  # bytes of it; full it has about 40 KiB


class SignedIn(msgspec.Struct, frozen=True):
    """What the browser is given: two cookies and the token for its forms."""

    cookie: str
    device: str
    token: str


def since_boot() -> float:
    """Seconds, sleep included; no clock that a person or NTP sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Access:
    """`who` is the key of origin.key_of, `device` the value of the device's cookie or ""."""

    def __init__(
        self,
        pin_file: Path,
        state_file: Path,
        boot: str,
        tell: Callable[[str, str, str], None] = lambda _who, _what, _result: None,
        clock: Callable[[], float] = since_boot,
    ) -> None:
        self._pin_file, self._state = pin_file, LatestFile(state_file, STATE_MAX)
        self._tell, self._clock = tell, clock
        self._lockout = Lockout(boot, self._state.read(), clock())
        self.sessions = Sessions()
        self._one = asyncio.Lock()
        self._waiting = 0
        self._seen: tuple[int, int, int] | None = None  # of the PIN's file
        self._pin: pin.Pin | None = None

    def current(self) -> pin.Pin | None:
        """The present PIN, None where none is set. PinError where its file cannot be used."""
        try:
            found = self._pin_file.stat()
        except FileNotFoundError:
            self._seen = self._pin = None
            return None
        except OSError as error:
            raise PinError(f"{self._pin_file} cannot be read ({error.strerror or error})") from None
        seen = (found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
        if seen != self._seen:
            self._pin, self._seen = None, None
            self._pin, self._seen = pin.load(self._pin_file), seen
            if self._pin is not None:
                self._lockout.follow(self._pin.id)
        return self._pin

    def pin_set(self) -> bool:
        """Is there a PIN that can be used?"""
        with contextlib.suppress(PinError):
            return self.current() is not None
        return False

    def session(self, cookie: str, touch: bool = False) -> Session | None:
        """Whose cookie it is, while it lasts."""
        if not cookie or not len(self.sessions) or not self.pin_set():
            return None
        assert self._pin is not None
        return self.sessions.get(cookie, self._pin.id, self._clock(), touch)

    def locked_for(self, who: str, device: str) -> float:
        """Seconds until a PIN from there is looked at."""
        return self._lockout.wait(who, self._clock(), digest(device) if device else "")

    async def sign_in(self, who: str, device: str, text: str) -> SignedIn:
        """A session for the right PIN. RefusedError else."""
        self._usable()
        self._open_to(who, device)
        if self._waiting >= PIN_WAITING_MAX:
            raise RefusedError(
                notices.BUSY, 429, "other PINs are being checked. Mend: try again in a few seconds"
            )
        self._waiting += 1
        try:
            async with self._one:
                present = self._usable()  # it may have changed, or a lock begun, meanwhile
                self._open_to(who, device)
                return await self._check(present, who, device, text)
        finally:
            self._waiting -= 1

    def sign_out(self, who: str, cookie: str) -> None:
        """Ends the session, where it is one."""
        if self.sessions.end(cookie):
            self._tell(who, "sign-out", "signed out")

    async def _check(self, present: pin.Pin, who: str, device: str, text: str) -> SignedIn:
        now, known = self._clock(), digest(device) if device else ""
        self._lockout.attempt(who, now, known)
        self._state.put(self._lockout.dump(now))
        await self._state.wait()  # on disk before the answer is known: a restart forgives nothing
        if not await asyncio.shield(asyncio.to_thread(pin.matches, present, text)):
            self._tell(who, audit.WRONG_PIN, "refused")
            self._open_to(who, device)
            raise RefusedError(
                notices.WRONG_PIN, 403, "the PIN is wrong. Mend: it stands on the node's label"
            )
        fresh = secrets.token_urlsafe(ID_BYTES)
        self._lockout.right(who, now, known, digest(fresh))
        self._state.put(self._lockout.dump(now))
        cookie, session = self.sessions.begin(present.id, self._clock())
        self._tell(who, "sign-in", "signed in")
        return SignedIn(cookie, fresh, session.token)

    def _usable(self) -> pin.Pin:
        try:
            present = self.current()
        except PinError as error:
            raise RefusedError(notices.BAD_PIN_FILE, 403, str(error)) from None
        if present is None:
            raise RefusedError(
                notices.NO_PIN,
                403,
                "no PIN is set, so nobody can sign in. Mend: run x0 pin set on the node",
            )
        return present

    def _open_to(self, who: str, device: str) -> None:
        left = self.locked_for(who, device)
        if left > 0:
            self._tell(who, audit.LOCKED, f"not looked at, locked for {left:.0f} s")
            raise RefusedError(
                notices.LOCKED, 429, f"too many wrong PINs. Mend: wait {max(1.0, left):.0f} s", retry=left
            )
