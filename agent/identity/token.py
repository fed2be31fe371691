# SPDX-License-Identifier: Apache-2.0
"""Join tokens: what lets a new node enrol. Short enough for a line of YAML or a QR code.

A token is a COSE_Mac0 under a key that its issuer and the operator's folder hold: only that issuer has to
check it, and only it counts its uses (register.py). Whoever reads a token can use it: few uses, and an end.
"""

from __future__ import annotations

import base64
import binascii
import secrets

import msgspec

from agent.codec import cbor, cose
from agent.codec.errors import CodecError
from agent.identity import spiffe
from agent.identity.errors import AuthorityError, IdentityError, TokenError
from agent.identity.limits import ROLES, SEQUENCE_MAX, TOKEN_LIFE, TOKEN_LIFE_MAX, TOKEN_USES_MAX
from agent.identity.moment import Moment

PREFIX = "x0join."
PURPOSE = b"x0 join token 1"
TOKEN_CHARS = 1_024  # one with eight roles and the longest names has some 700
ID_BYTES = 16
KEY_BYTES = 32
SERIAL_CHARS = 64
REASONS = ("form", "mesh", "issuer", "forged", "expired", "name", "serial", "used-up")
MESH, ISSUER, ID, USES, END, ROLE, SERIAL, NAME = range(1, 9)  # labels of the payload
NEW = "make a new token: x0 mesh token"


class Token(msgspec.Struct, frozen=True):
    """What a token says. `end` is Unix seconds; `serial` is the only device that may use it, "" for any.

    `name`: the only name it gives, or with `*` at its end how that begins; "" for any of the issuer's.
    """

    mesh: str
    issuer: str
    id: bytes
    uses: int
    end: int
    roles: tuple[str, ...] = ()
    serial: str = ""
    name: str = ""

    def gives(self, name: str) -> bool:
        """May a node enrol under this name with it?"""
        if not spiffe.within(self.issuer, name):
            return False
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else self.name in ("", name)


def new_key() -> bytes:
    """A key for an issuer's tokens."""
    return secrets.token_bytes(KEY_BYTES)


def make(
    key: bytes,
    mesh: str,
    issuer: str,
    now: float,
    *,
    uses: int = 1,
    life: float = TOKEN_LIFE,
    roles: tuple[str, ...] = (),
    serial: str = "",
    name: str = "",
) -> tuple[str, Token]:
    """A token as text, and what it says. AuthorityError where a bound is passed."""
    if len(key) != KEY_BYTES:
        raise AuthorityError(
            f"{issuer} has no token key: it stands in for an issuer, or its token.key was lost",
            f"make tokens in the mesh's folder, or make the issuer anew: x0 mesh issuer {issuer}",
        )
    if not 1 <= uses <= TOKEN_USES_MAX:
        raise AuthorityError(f"a token for {uses} uses", f"choose 1 to {TOKEN_USES_MAX}")
    if not 60 <= life <= TOKEN_LIFE_MAX:
        raise AuthorityError(f"a token for {life:.0f} s", "choose a minute to a year")
    if len(roles) > ROLES:
        raise AuthorityError(f"a token with {len(roles)} roles", f"give it at most {ROLES}")
    if len(serial) > SERIAL_CHARS or not serial.isprintable():
        raise AuthorityError(
            "a serial that is too long or not printable", f"use at most {SERIAL_CHARS} characters"
        )
    kept = tuple(dict.fromkeys(spiffe.role(each) for each in roles))
    token = Token(
        spiffe.trust_domain(mesh),
        spiffe.node_name(issuer),
        secrets.token_bytes(ID_BYTES),
        uses,
        int(now + life),
        kept,
        serial,
        _pattern(spiffe.node_name(issuer), name),
    )
    payload = {MESH: token.mesh, ISSUER: token.issuer, ID: token.id, USES: uses, END: token.end}
    if kept:
        payload[ROLE] = list(kept)
    if serial:
        payload[SERIAL] = serial
    if token.name:
        payload[NAME] = token.name
    raw = cose.mac0(cbor.encode(payload), key=key, purpose=PURPOSE)
    return PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), token


def read(text: str) -> Token:
    """What a token says, unproved: for the node, which needs mesh and issuer, and for people."""
    return _read(text)[0]


def check(
    text: str, key: bytes, mesh: str, issuer: str, moment: Moment, name: str, serial: str = ""
) -> Token:
    """The token, where this issuer of this mesh made it for such a name and it has not ended.

    TokenError otherwise. Its uses are counted by Register.enrol. Without a trusted time only what is surely
    over is refused.
    """
    token, message = _read(text)
    if token.mesh != mesh:
        raise TokenError("mesh", f"the join token is for mesh {token.mesh}, this is {mesh}", NEW)
    if token.issuer != issuer:
        raise TokenError(
            "issuer",
            f"the join token is for issuer {token.issuer}, this is {issuer}",
            f"let the node reach {token.issuer}, or {NEW}",
        )
    if not cose.mac_matches(message, key=key, purpose=PURPOSE):
        raise TokenError("forged", "the join token was not made with this issuer's key", NEW)
    if moment.at > token.end:
        raise TokenError(
            "expired", f"the join token ended {moment.at - token.end:.0f} s ago by this issuer's clock", NEW
        )
    if not token.gives(name):
        raise TokenError(
            "name",
            f"the join token gives the name {token.name or f'{issuer}-...'}, not {name[:64]}",
            "give the node such a name (node.name in its YAML), or make another token",
        )
    if token.serial and token.serial != serial:
        raise TokenError(
            "serial",
            f"the join token is for device {token.serial}, not {serial[:SERIAL_CHARS] or 'one of no serial'}",
            NEW,
        )
    return token


def _read(text: str) -> tuple[Token, cose.Mac0]:
    text = text.strip()
    if len(text) > TOKEN_CHARS or not text.startswith(PREFIX):
        raise TokenError(
            "form", f"no join token: one begins with {PREFIX} and has at most {TOKEN_CHARS} characters", NEW
        )
    body = text[len(PREFIX) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != body:
            raise ValueError("two texts for one token")
        message = cose.read_mac0(raw, TOKEN_CHARS)
        found = cbor.decode(message.payload, TOKEN_CHARS)
        return _token(found), message
    except (binascii.Error, ValueError, CodecError) as error:
        raise TokenError(
            "form", f"the join token is damaged ({error})", f"copy it whole, on one line, or {NEW}"
        ) from None
    except IdentityError as error:
        raise TokenError("form", f"the join token is damaged ({error.what})", NEW) from None


def _token(found: object) -> Token:
    if not isinstance(found, dict) or not {MESH, ISSUER, ID, USES, END} <= found.keys() <= set(range(1, 9)):
        raise ValueError("other fields than ours")
    mesh, issuer, own, uses, end = (found[label] for label in (MESH, ISSUER, ID, USES, END))
    roles, serial, name = found.get(ROLE, []), found.get(SERIAL, ""), found.get(NAME, "")
    if not isinstance(mesh, str) or not isinstance(issuer, str) or not isinstance(serial, str):
        raise ValueError("a name that is no text")
    if not isinstance(name, str) or (NAME in found and not name):
        raise ValueError("a name that is no text")
    if not isinstance(own, bytes) or len(own) != ID_BYTES or type(uses) is not int or type(end) is not int:
        raise ValueError("an id or a number that is none")
    if not 1 <= uses <= TOKEN_USES_MAX or not 0 <= end <= SEQUENCE_MAX or len(serial) > SERIAL_CHARS:
        raise ValueError("a number out of bounds")
    if not isinstance(roles, list) or len(roles) > ROLES or not all(isinstance(each, str) for each in roles):
        raise ValueError("roles that are none")
    names = tuple(spiffe.role(str(each)) for each in roles)
    return Token(
        spiffe.trust_domain(mesh),
        spiffe.node_name(issuer),
        own,
        uses,
        end,
        names,
        serial,
        _pattern(issuer, name),
    )


def _pattern(issuer: str, text: str) -> str:
    """A name of this issuer's, or how one begins, in lower case; AuthorityError otherwise."""
    if not text:
        return ""
    stem = text.lower().removesuffix("*")
    if text.endswith("*"):
        spiffe.node_name(f"{stem}0")
        fits = stem.startswith(f"{issuer}-")
    else:
        fits = spiffe.within(issuer, spiffe.node_name(stem))
    if not fits:
        raise AuthorityError(
            f"issuer {issuer} gives no name {text[:64]}", f"its nodes are named {issuer} or {issuer}-..."
        )
    return text.lower()
