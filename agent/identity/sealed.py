# SPDX-License-Identifier: Apache-2.0
"""A root's key under a passphrase: scrypt (RFC 7914) makes the key, AES-256-GCM seals, in a small JSON file.

PKCS#8 would be the usual form, but the library offers it with 2,048 rounds of PBKDF2 only, which a stolen
laptop's passphrase does not survive. Here a guess costs 128 MB and most of a second.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from agent.identity.errors import KeyFileError

FORMAT = "x0-sealed-key-1"
N, R, P = 2**17, 8, 1  # 128 MiB; OWASP's first choice
N_MAX, R_MAX, P_MAX = 2**20, 8, 4  # of a file by a later x0: 1 GiB, what a laptop has
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
PASSPHRASE_MIN = 12  # characters: below, no key derivation helps
PASSPHRASE_MAX = 1_024
MEND = "use the passphrase chosen at x0 mesh init, or the backup of this file"


def check_passphrase(text: str) -> None:
    """KeyFileError where it is too short to seal a root with."""
    if not PASSPHRASE_MIN <= len(text) <= PASSPHRASE_MAX:
        raise KeyFileError(
            f"a passphrase of {len(text)} characters",
            f"choose {PASSPHRASE_MIN} to {PASSPHRASE_MAX}: six words, say",
        )


def seal(secret: bytes, passphrase: str, *, n: int = N) -> bytes:
    """The file's bytes."""
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    head = {
        "format": FORMAT,
        "kdf": "scrypt",
        "n": n,
        "r": R,
        "p": P,
        "salt": _text(salt),
        "nonce": _text(nonce),
    }
    sealed = AESGCM(_key(passphrase, salt, n, R, P)).encrypt(nonce, secret, _bound(head))
    return json.dumps({**head, "sealed": _text(sealed)}, indent=1).encode() + b"\n"


def unseal(data: bytes, passphrase: str, where: str) -> bytes:
    """The secret. KeyFileError: wrong passphrase or damage, which nobody can tell apart."""
    try:
        found = json.loads(data)
        sealed = base64.b64decode(found.pop("sealed"), validate=True)
        n, r, p = found["n"], found["r"], found["p"]
        salt, nonce = (base64.b64decode(found[name], validate=True) for name in ("salt", "nonce"))
        whole = (
            all(type(number) is int for number in (n, r, p))
            and found["format"] == FORMAT
            and found["kdf"] == "scrypt"
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise KeyFileError(f"{where} is no sealed key as x0 writes it", MEND) from None
    bounded = whole and 2 <= n <= N_MAX and n & (n - 1) == 0 and 1 <= r <= R_MAX and 1 <= p <= P_MAX
    if not bounded or len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise KeyFileError(f"{where} asks for a key derivation out of bounds", MEND)
    try:
        return AESGCM(_key(passphrase, salt, n, r, p)).decrypt(nonce, sealed, _bound(found))
    except InvalidTag:
        raise KeyFileError(
            f"{where} does not open: the passphrase is wrong, or the file is damaged", MEND
        ) from None


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=n, r=r, p=p).derive(
        passphrase.encode("utf-8", "surrogatepass")
    )


def _bound(head: dict[str, object]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
