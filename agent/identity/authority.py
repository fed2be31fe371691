# SPDX-License-Identifier: Apache-2.0
"""The operator's folder: the mesh's roots, issuers, bundle and revocations. No part of a running node.

    mesh.json          name, suite, number of the root in use
    bundle.json        the trust bundle in force
    bundle-N.cose      each bundle after the first, signed by a root of the one before
    roots/N.pem, N.key.json                certificate; key under the passphrase
    issuers/NAME/      issuer.pem (key, certificate), token.key, bundle.json, mesh.json: goes to the issuer
    revocations/root-N.cose                the lists signed by roots

Files are replaced one by one, each in one step, `mesh.json` last: a command that was cut off is run again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity import bundle as bundles
from agent.identity import bundleupdate, issuing, keyfile, keys, revocation, sealed, spiffe, suites, token
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate, read
from agent.identity.errors import AuthorityError, IdentityError, KeyFileError
from agent.identity.issuing import Signer
from agent.identity.keyfile import PUBLIC
from agent.identity.limits import ISSUER_LIFE, LIST_BYTES, MAX_ISSUERS, ROOT_LIFE
from agent.identity.moment import Moment
from agent.identity.revoked import Entry, Kind

FORMAT = 1
LIST = "revocations.cose"  # in an issuer's folder: the list of the root in use
Passphrase = Callable[[], str]  # asked for only where a root's key is needed
NO_FOLDER = "name the mesh's folder with --dir, or make one: x0 mesh init"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """mesh.json. `root`: the number of the root that signs now."""

    format: int
    mesh: str
    suite: str
    root: int
    created: int


class Authority:
    """One mesh's folder. IdentityErrors from every method."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.record = msgspec.json.decode(keyfile.read_public(folder / "mesh.json"), type=Record)
        except msgspec.DecodeError as error:
            raise AuthorityError(
                f"{folder}/mesh.json is damaged ({error})", "restore the folder from its backup"
            ) from None
        except KeyFileError as error:
            raise AuthorityError(error.what, NO_FOLDER) from None
        if self.record.format != FORMAT:
            raise AuthorityError(
                f"{folder} is of format {self.record.format}, we know {FORMAT}",
                "use the newer x0 that made it",
            )
        self.suite = suites.find(self.record.suite)
        self.bundle = bundles.load(keyfile.read_public(folder / "bundle.json"), self.record.mesh)

    @property
    def mesh(self) -> str:
        """The mesh's name."""
        return self.record.mesh

    @staticmethod
    def create(
        folder: Path, mesh: str, suite: str, passphrase: Passphrase, now: float, life: float = ROOT_LIFE
    ) -> Authority:
        """A new mesh in a new or empty folder."""
        spiffe.trust_domain(mesh)
        chosen = suites.find(suite)
        if (folder / "mesh.json").exists() or (folder / "roots").exists():
            raise AuthorityError(
                f"{folder} holds a mesh already",
                "choose another folder with --dir; never make a mesh over another",
            )
        root = _make_root(folder, 1, mesh, chosen.signature, passphrase(), now, life)
        keyfile.write(folder / "bundle.json", bundles.dump(bundles.make(mesh, 1, (root,))), PUBLIC)
        _record(folder, Record(FORMAT, mesh, suite, 1, int(now)))
        return Authority(folder)

    def root(self, passphrase: Passphrase, number: int | None = None) -> Signer:
        """The root in use (or another), opened."""
        number = self.record.root if number is None else number
        certificate = self.root_certificate(number)
        path = self.folder / "roots" / f"{number}.key.json"
        data = keyfile.read_private(path)
        key = keys.from_pem(sealed.unseal(data, passphrase(), str(path)), str(path))
        return Signer(certificate, key)

    def root_certificate(self, number: int) -> Certificate:
        """A root's certificate."""
        return _certificate(self.folder / "roots" / f"{number}.pem")

    def issuers(self) -> tuple[str, ...]:
        """The names of all issuers."""
        found = sorted(path.parent.name for path in (self.folder / "issuers").glob("*/issuer.pem"))
        return tuple(found[:MAX_ISSUERS])

    def make_issuer(self, name: str, passphrase: Passphrase, now: float, life: float = ISSUER_LIFE) -> Path:
        """A new issuer, or a new certificate and key for one there is; its folder."""
        name = spiffe.node_name(name)
        folder = self.folder / "issuers" / name
        if name not in self.issuers() and len(self.issuers()) >= MAX_ISSUERS:
            raise AuthorityError(
                f"the mesh has {MAX_ISSUERS} issuers", "use those there are, or remove one's folder"
            )
        root = self.root(passphrase)
        key = keys.generate(self.suite.signature)
        certificate = issuing.issuer(root, key.public_key(), self.mesh, name, now, life)
        if not (folder / "token.key").exists():  # kept: tokens given out stay good
            keyfile.write(folder / "token.key", token.new_key())
        keyfile.write(folder / "issuer.pem", keys.to_pem(key) + _pem(certificate))
        self._hand_out(folder)
        return folder

    def issuer(self, name: str) -> tuple[Signer, bytes]:
        """An issuer's signer and token key."""
        folder = self.folder / "issuers" / spiffe.node_name(name)
        if not (folder / "issuer.pem").exists():
            known = ", ".join(self.issuers()) or "none yet"
            raise AuthorityError(
                f"no issuer is named {name} (there are: {known})", "make one: x0 mesh issuer NAME"
            )
        return open_issuer(folder)

    def rotate(self, passphrase: Passphrase, now: float, life: float = ROOT_LIFE) -> Bundle:
        """Begins a rotation: a second root, trusted beside the first, does the signing from now on."""
        if len(self.bundle.roots) > 1:
            raise AuthorityError("a rotation is under way already", "end it first: x0 mesh root retire")
        old, number = self.root(passphrase), self.record.root + 1
        new = _make_root(self.folder, number, self.mesh, self.suite.signature, passphrase(), now, life)
        roots = (*self.bundle.roots, new)
        self._publish(bundles.make(self.mesh, self.bundle.sequence + 1, roots), old, number)
        return self.bundle

    def retire(self, passphrase: Passphrase, now: float) -> Bundle:
        """Ends a rotation: the old root is trusted no more. Every issuer must have been made anew before."""
        if len(self.bundle.roots) < 2:
            raise AuthorityError("no rotation is under way", "begin one: x0 mesh root rotate")
        new = self.root(passphrase)
        late = [
            name for name in self.issuers() if not self.issuer(name)[0].certificate.signed_by(new.certificate)
        ]
        if late:
            raise AuthorityError(
                f"issuers still under the old root: {', '.join(late)}",
                "make them anew first: x0 mesh issuer NAME, and bring them out",
            )
        self._carry_over(new, now)
        self._publish(
            bundles.make(self.mesh, self.bundle.sequence + 1, (new.certificate,)), new, self.record.root
        )
        return self.bundle

    def revoke(
        self, entries: Iterable[Entry], passphrase: Passphrase, now: float
    ) -> revocation.RevocationList:
        """Adds to the list of the root in use; the new list."""
        root = self.root(passphrase)
        before = self._own_list(self.record.root, now)
        kept = {(entry.kind, entry.value): entry for entry in (*entries, *(before.entries if before else ()))}
        return self._put_list(kept.values(), before, root, now)

    @property
    def newest_list(self) -> Path | None:
        """The file of the list of the root in use, None where it has revoked nothing."""
        path = self.folder / "revocations" / f"root-{self.record.root}.cose"
        return path if path.exists() else None

    def lists(self, now: float) -> revocation.Lists:
        """The roots' lists in force."""
        lists = revocation.Lists(self.bundle)
        for number in range(1, self.record.root + 1):
            found = self._own_list(number, now)
            if found is not None:
                lists.take(found)
        return lists

    def issuer_entry(self, name: str, now: float, reason: str) -> Entry:
        """What revokes an issuer: its key."""
        return Entry(Kind.KEY, self.issuer(name)[0].certificate.key_id.hex(), int(now), reason)

    def _own_list(self, number: int, now: float) -> revocation.RevocationList | None:
        path = self.folder / "revocations" / f"root-{number}.cose"
        retired = all(root.der != self.root_certificate(number).der for root in self.bundle.roots)
        if retired or not path.exists():
            return None
        return revocation.load(keyfile.read_public(path, LIST_BYTES), self.bundle, Moment(now))

    def _put_list(
        self, entries: Iterable[Entry], before: revocation.RevocationList | None, root: Signer, now: float
    ) -> revocation.RevocationList:
        """The root's next list, on disk only once it is one that a node would take."""
        data = revocation.make(self.mesh, before.sequence + 1 if before else 1, entries, root, now)
        found = revocation.load(data, self.bundle, Moment(now))
        keyfile.write(self.folder / "revocations" / f"root-{self.record.root}.cose", data, PUBLIC)
        return found

    def _carry_over(self, new: Signer, now: float) -> None:
        """What the old root revoked, the new one revokes before the old one's word is gone."""
        entries = {entry for each in self.lists(now).all() for entry in each.entries}
        if entries:
            self._put_list(entries, self._own_list(self.record.root, now), new, now)

    def _publish(self, new: Bundle, signer: Signer, root: int) -> None:
        keyfile.write(self.folder / f"bundle-{new.sequence}.cose", bundleupdate.make(new, signer), PUBLIC)
        keyfile.write(self.folder / "bundle.json", bundles.dump(new), PUBLIC)
        _record(self.folder, msgspec.structs.replace(self.record, root=root))
        self.record, self.bundle = msgspec.structs.replace(self.record, root=root), new
        for name in self.issuers():
            self._hand_out(self.folder / "issuers" / name)

    def _hand_out(self, folder: Path) -> None:
        for name in ("bundle.json", "mesh.json"):
            keyfile.write(folder / name, keyfile.read_public(self.folder / name), PUBLIC)
        if self.newest_list:
            keyfile.write(folder / LIST, keyfile.read_public(self.newest_list, LIST_BYTES), PUBLIC)


def open_issuer(folder: Path) -> tuple[Signer, bytes]:
    """Signer and token key of an issuer's folder, as it goes to the issuer."""
    path = folder / "issuer.pem"
    data = keyfile.read_private(path)
    token_key = keyfile.read_private(folder / "token.key")
    if len(token_key) != token.KEY_BYTES:
        raise KeyFileError(
            f"{folder}/token.key is damaged",
            "remove it and run x0 mesh issuer again; its tokens are void then",
        )
    signer = Signer(_certificate(path), keys.from_pem(data, str(path)))
    if signer.certificate.parsed.public_key() != signer.key.public_key():
        raise KeyFileError(
            f"{path} holds a certificate of another key than the one beside it", "run x0 mesh issuer again"
        )
    return signer, token_key


def _make_root(
    folder: Path, number: int, mesh: str, algorithm: str, passphrase: str, now: float, life: float
) -> Certificate:
    sealed.check_passphrase(passphrase)
    key = keys.generate(algorithm)
    certificate = issuing.root(key, mesh, now, life)
    keyfile.write(folder / "roots" / f"{number}.key.json", sealed.seal(keys.to_pem(key), passphrase))
    keyfile.write(folder / "roots" / f"{number}.pem", _pem(certificate), PUBLIC)
    return certificate


def _record(folder: Path, record: Record) -> None:
    keyfile.write(folder / "mesh.json", msgspec.json.format(msgspec.json.encode(record)) + b"\n", PUBLIC)


def _pem(certificate: Certificate) -> bytes:
    found: bytes = certificate.parsed.public_bytes(Encoding.PEM)
    return found


def _certificate(path: Path) -> Certificate:
    data = keyfile.read_public(path)
    match = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", data, re.DOTALL)
    try:
        if match is None:
            raise ValueError("no certificate in it")
        return read(x509.load_pem_x509_certificate(match.group()).public_bytes(Encoding.DER), str(path))
    except (ValueError, IdentityError) as error:
        raise KeyFileError(f"{path} is damaged ({error})", "restore the folder from its backup") from None
