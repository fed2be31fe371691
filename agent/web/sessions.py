# SPDX-License-Identifier: Apache-2.0
"""Who is signed in: at most SESSIONS_MAX, each ended by idleness, age or another PIN. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec

from agent.web.limits import SESSION_IDLE, SESSION_MAX, SESSIONS_MAX

ID_BYTES = 32  # of the cookie and of the token in forms


class Session(msgspec.Struct):
    """One signed-in browser. Monotonic seconds."""

    token: str  # in every form, against forged requests
    pin: str  # Pin.id it was opened with
    began: float
    used: float


class Sessions:
    """By the digest of the cookie, so that neither memory nor the time of a look-up tells one."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, pin: str, now: float) -> tuple[str, Session]:
        """(cookie, session); the one unused for longest makes room."""
        cookie = secrets.token_urlsafe(ID_BYTES)
        while len(self._open) >= SESSIONS_MAX:
            del self._open[min(self._open, key=lambda key: self._open[key].used)]
        session = Session(secrets.token_urlsafe(ID_BYTES), pin, now, now)
        self._open[digest(cookie)] = session
        return cookie, session

    def get(self, cookie: str, pin: str, now: float, touch: bool = False) -> Session | None:
        """The session while it lasts; `touch`: a person has just done something."""
        key = digest(cookie)
        session = self._open.get(key)
        if session is None:
            return None
        idle, old = now - session.used > SESSION_IDLE, now - session.began > SESSION_MAX
        if idle or old or not pin or session.pin != pin:
            del self._open[key]
            return None
        if touch:
            session.used = now
        return session

    def end(self, cookie: str) -> bool:
        """Signs out; was it signed in?"""
        return self._open.pop(digest(cookie), None) is not None


def digest(cookie: str) -> str:
    """What is kept of a secret that a browser holds."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def same(given: str, token: str) -> bool:
    """Are they equal? In a time that does not tell how much of them."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
