# SPDX-License-Identifier: Apache-2.0
"""The device PIN as a file: a salted scrypt hash on one line, mode 0600. Without the file nobody signs in.

scrypt with n = 2^13, r = 8, p = 1 takes 8 MB and 0.03 s on a PC's core, some 0.3 s on a router's. More memory
a router does not have beside its agent; more time would let strangers' guesses take the core that heals. What
keeps guesses out is the lock-out (agent/web/lockout.py), not the hash: six digits in a stolen file fall to
any hash, which is why only root can read it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from itertools import pairwise
from pathlib import Path

import msgspec

from agent.web.errors import WebError
from agent.web.limits import PIN_MAX, PIN_MIN

N, R, P = 2**13, 8, 1
N_MAX, R_MAX, P_MAX = 2**14, 8, 4  # of a file made by a later agent: 16 MB, which is what we give at most
MEMORY_MAX = 17 * 1024 * 1024  # bytes OpenSSL may take: 128 * n * r and a little
SALT_BYTES, HASH_BYTES = 16, 32
FILE_MAX = 512  # bytes; ours has about 90
SCHEME = "scrypt"
NAME = "pin"  # under node.state_dir


class PinError(WebError):
    """A PIN or its file cannot be used: why, how to mend."""


class Pin(msgspec.Struct, frozen=True):
    """What the file holds."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @property
    def id(self) -> str:
        """Tells one PIN from the next, not what it is: sessions and counts end with their PIN."""
        return hashlib.sha256(self.salt + self.digest).hexdigest()[:16]


def path_of(pin_file: str | None, state_dir: str) -> Path:
    """`web.pin_file`, else `pin` beside the node's other state."""
    return Path(pin_file) if pin_file else Path(state_dir) / NAME


def weakness(text: str) -> str:
    """Why `text` is no PIN, "" where it is one."""
    if len(text) < PIN_MIN:
        return f"shorter than {PIN_MIN} characters"
    if len(text) > PIN_MAX:
        return f"longer than {PIN_MAX} characters"
    if not text.isprintable() or text != text.strip():
        return "with spaces at an end or characters no keyboard has"
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    if len(steps) == 1 and abs(next(iter(steps))) <= 1:
        return "a row like 111111 or 123456, which is what strangers try first"
    return ""


def make(text: str) -> Pin:
    """A new hash of a PIN; blocks for the time of one check. PinError where it is too weak."""
    if why := weakness(text):
        raise PinError(f"the PIN is {why}. Mend: choose {PIN_MIN} to {PIN_MAX} digits or letters")
    salt = secrets.token_bytes(SALT_BYTES)
    return Pin(N, R, P, salt, _hash(text, N, R, P, salt))


def matches(pin: Pin, text: str) -> bool:
    """Is it this PIN? Blocks, and takes up to 16 MB meanwhile."""
    if not 0 < len(text) <= PIN_MAX:
        return False
    return hmac.compare_digest(_hash(text, pin.n, pin.r, pin.p, pin.salt), pin.digest)


def load(path: Path) -> Pin | None:
    """The PIN in the file, None where there is no file. PinError where it cannot be used."""
    mend = "Mend: run x0 pin set"
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            raw = file.read(FILE_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PinError(f"{path} cannot be read ({error.strerror or error}). {mend}") from None
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
        raise PinError(f"{path} can be read or written by others, so it may be known. {mend}")
    try:
        return _parse(raw)
    except (ValueError, binascii.Error):
        raise PinError(f"{path} holds no PIN as x0 writes it. {mend}") from None


def store(path: Path, pin: Pin) -> None:
    """Write the file in one step. PinError where that fails."""
    parts = (SCHEME, str(pin.n), str(pin.r), str(pin.p), _text(pin.salt), _text(pin.digest))
    draft = path.with_name(f".{path.name[:80]}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  of a descriptor
            file.write("$".join(parts) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        words = error.strerror or str(error)
        raise PinError(
            f"{path} cannot be written ({words}). Mend: run it as root, or name a folder that can be written"
        ) from None


def clear(path: Path) -> bool:
    """Remove the file: nobody can sign in any more. Was there one? PinError where it cannot be removed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PinError(
            f"{path} cannot be removed ({error.strerror or error}). Mend: run it as root"
        ) from None
    return True


def _hash(text: str, n: int, r: int, p: int, salt: bytes) -> bytes:
    secret = text.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=MEMORY_MAX * p, dklen=HASH_BYTES)


def _parse(raw: bytes) -> Pin:
    scheme, n, r, p, salt, digest = raw.decode("ascii").strip().split("$")
    pin = Pin(
        int(n), int(r), int(p), base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    )
    power_of_two = pin.n >= 2 and pin.n & (pin.n - 1) == 0
    bounded = power_of_two and pin.n <= N_MAX and 1 <= pin.r <= R_MAX and 1 <= pin.p <= P_MAX
    if (
        scheme != SCHEME
        or not bounded
        or len(pin.salt) < 8
        or len(pin.digest) != HASH_BYTES
        or len(raw) > FILE_MAX
    ):
        raise ValueError(scheme)
    return pin


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
