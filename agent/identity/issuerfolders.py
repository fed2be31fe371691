# SPDX-License-Identifier: Apache-2.0
"""The operator's record of issuers: the folders that go out, and every certificate ever made for one.

    issuers/NAME/            issuer.pem (key, certificate), token.key: goes to the issuer
    stand-ins/NAME/SITE/     issuer.pem alone: goes to a node that renews NAME's nodes, and enrols none
    issued/NAME/KEY.pem      each certificate made, under the first digits of its key

A key that was replaced is still good until it ends or a root revokes it, so revoking an issuer means all.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity import keyfile, keys, spiffe, token
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate, read
from agent.identity.errors import AuthorityError, IdentityError, KeyFileError
from agent.identity.issuing import Signer
from agent.identity.keyfile import PUBLIC
from agent.identity.limits import MAX_ISSUERS
from agent.identity.revoked import Revoked

KEY_DIGITS = 32  # of a key's SHA-256, in the name of a file
TAG = "token-key: "  # a line before a kept certificate: which token key went out beside it
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Made(msgspec.Struct, frozen=True):
    """A certificate made for an issuer. `token_key`: SHA-256 of the token key beside it, "" if none was."""

    certificate: Certificate
    token_key: str


class Seat(msgspec.Struct, frozen=True, order=True):
    """Where an issuer works: its own place (`site` is ""), or one where another node stands in for it."""

    name: str
    site: str = ""

    def __str__(self) -> str:
        return f"{self.name}, standing in at {self.site}" if self.site else self.name

    @property
    def command(self) -> str:
        """What makes it anew."""
        return f"x0 mesh issuer {self.name}" + (f" --stand-in {self.site}" if self.site else "")


class IssuerFolders:
    """Inside of one mesh's folder. IdentityErrors from every method."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """The names of all issuers that have a folder."""
        found = sorted(path.parent.name for path in (self._folder / "issuers").glob("*/issuer.pem"))
        return tuple(found[:MAX_ISSUERS])

    def seats(self) -> tuple[Seat, ...]:
        """All issuers, each followed by those that stand in for it."""
        found = (path.parent for path in (self._folder / "stand-ins").glob("*/*/issuer.pem"))
        away = [Seat(path.parent.name, path.name) for path in found]
        return tuple(sorted([*(Seat(name) for name in self.names()), *away]))

    def folder(self, seat: Seat) -> Path:
        """What goes out to where the issuer works."""
        if seat.site:
            return self._folder / "stand-ins" / seat.name / spiffe.node_name(seat.site)
        return self._folder / "issuers" / spiffe.node_name(seat.name)

    def open(self, seat: Seat) -> tuple[Signer, bytes]:
        """Signer and token key. AuthorityError where there is no such issuer."""
        folder = self.folder(seat)
        if not (folder / "issuer.pem").exists():
            known = ", ".join(str(each) for each in self.seats()) or "none yet"
            raise AuthorityError(
                f"no issuer is named {seat} (there are: {known})", "make one: x0 mesh issuer NAME"
            )
        return open_issuer(folder)

    def keep(self, name: str, made: Made) -> None:
        """Notes a certificate for good, before it is given to anybody."""
        path = self._folder / "issued" / name / f"{made.certificate.key_id.hex()[:KEY_DIGITS]}.pem"
        if not path.exists():
            keyfile.write(path, f"{TAG}{made.token_key}\n".encode() + to_pem(made.certificate), PUBLIC)

    def made(self, name: str) -> tuple[Made, ...]:
        """Every certificate made for `name`; those at work are among them, whoever made the folder."""
        found: dict[bytes, Made] = {}
        for seat in self.seats():
            if seat.name == name:
                signer, key = self.open(seat)
                found[signer.certificate.key_id] = Made(signer.certificate, tag(key))
        for path in sorted((self._folder / "issued" / name).glob("*.pem")):
            line = re.match(rf"{TAG}([0-9a-f]*)\n".encode(), keyfile.read_public(path))
            made = Made(load(path), line.group(1).decode() if line else "")
            found[made.certificate.key_id] = made
        return tuple(found.values())

    def replaced(self, name: str, bundle: Bundle, revoked: Revoked, now: float) -> tuple[Certificate, ...]:
        """Certificates that are at work nowhere and still good: under a root, neither over nor revoked."""
        at_work = {self.open(seat)[0].certificate.key_id for seat in self.seats() if seat.name == name}
        every = (made.certificate for made in self.made(name) if made.certificate.key_id not in at_work)
        good = (each for each in every if each.not_after > now and not revoked.issuer(each.key_id))
        return tuple(each for each in good if any(each.signed_by(root) for root in bundle.roots))

    def check_name(self, name: str) -> None:
        """AuthorityError where nodes of `name` could be another issuer's: a name belongs to one for good."""
        others = {path.name for path in (self._folder / "issued").glob("*")} | set(self.names())
        for other in sorted(others - {name}):
            if spiffe.within(name, other) or spiffe.within(other, name):
                raise AuthorityError(
                    f"issuers {name} and {other} would both name nodes {max(name, other, key=len)}-...",
                    "choose a name that does not begin with the other's and a hyphen, nor the other with it",
                )


def open_issuer(folder: Path) -> tuple[Signer, bytes]:
    """Signer and token key of an issuer's folder, as it goes out; an empty key where it only stands in."""
    path = folder / "issuer.pem"
    data = keyfile.read_private(path)
    token_key = keyfile.read_private(folder / "token.key") if (folder / "token.key").exists() else b""
    if token_key and len(token_key) != token.KEY_BYTES:
        raise KeyFileError(
            f"{folder}/token.key is damaged",
            "remove it and run x0 mesh issuer again; its tokens are void then",
        )
    signer = Signer(load(path), keys.from_pem(data, str(path)))
    if signer.certificate.parsed.public_key() != signer.key.public_key():
        raise KeyFileError(
            f"{path} holds a certificate of another key than the one beside it", "run x0 mesh issuer again"
        )
    return signer, token_key


def to_pem(certificate: Certificate) -> bytes:
    """A certificate as text."""
    found: bytes = certificate.parsed.public_bytes(Encoding.PEM)
    return found


def load(path: Path) -> Certificate:
    """The first certificate of a file."""
    match = _CERTIFICATE.search(keyfile.read_public(path))
    try:
        if match is None:
            raise ValueError("no certificate in it")
        return read(x509.load_pem_x509_certificate(match.group()).public_bytes(Encoding.DER), str(path))
    except (ValueError, IdentityError) as error:
        raise KeyFileError(f"{path} is damaged ({error})", "restore the folder from its backup") from None


def tag(token_key: bytes) -> str:
    """How a kept certificate names the token key that went out beside it."""
    return hashlib.sha256(token_key).hexdigest() if token_key else ""
