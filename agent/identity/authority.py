# SPDX-License-Identifier: Apache-2.0
"""The operator's folder: the mesh's roots, issuers, bundle and revocations. No part of a running node.

    mesh.json          name, suite, number of the root in use
    bundle.json        the trust bundle in force
    bundle-N.cose      each bundle after the first, signed by a root of the one before
    roots/N.pem, N.key.json                certificate; key under the passphrase
    issuers/NAME/      issuer.pem (key, certificate), token.key, bundle.json, mesh.json: goes to the issuer
    stand-ins/, issued/                    more of issuers (issuerfolders.py)
    revocations/root-N.cose                the lists signed by roots

Files are replaced one by one, each in one step, `mesh.json` last: a command that was cut off is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from agent.identity import bundle as bundles
from agent.identity import bundleupdate, issuing, keyfile, keys, revocation, sealed, spiffe, suites, token
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate
from agent.identity.errors import AuthorityError, KeyFileError
from agent.identity.issuerfolders import IssuerFolders, Made, Seat, load, tag, to_pem
from agent.identity.issuing import Signer
from agent.identity.keyfile import PUBLIC
from agent.identity.limits import ISSUER_LIFE, LIST_BYTES, MAX_ISSUERS, ROOT_LIFE
from agent.identity.moment import Moment
from agent.identity.revoked import Entry, Kind, Revoked

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


class NewIssuer(msgspec.Struct, frozen=True):
    """What was made: the folder that goes out. `void`: tokens given out before are good no more.

    `earlier`: certificates that were replaced and are still good.
    """

    folder: Path
    certificate: Certificate
    void: bool
    earlier: tuple[Certificate, ...]


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
        self.issuers = IssuerFolders(folder)

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
        return load(self.folder / "roots" / f"{number}.pem")

    def make_issuer(
        self,
        name: str,
        passphrase: Passphrase,
        now: float,
        life: float = ISSUER_LIFE,
        *,
        stand_in: str = "",
        new_token_key: bool = False,
    ) -> NewIssuer:
        """A new issuer, or a new certificate and key for one there is; or a node to stand in for it.

        Its tokens stay good, unless a key they were given out with is revoked: whoever has that one has the
        tokens' as well. Keys made before stay good until they end: nodes hold certificates under them.
        """
        seat = Seat(spiffe.node_name(name), spiffe.node_name(stand_in) if stand_in else "")
        folder = self.issuers.folder(seat)
        self._check_seat(seat)
        root = self.root(passphrase)
        before = self.issuers.made(seat.name)
        revoked = self.lists(now).revoked
        key = keys.generate(self.suite.signature)
        certificate = issuing.issuer(root, key.public_key(), self.mesh, seat.name, now, life)
        token_key, void = b"", False
        if not seat.site:
            token_key, void = self._token_key(folder, before, revoked, new=new_token_key)
        for each in before:
            self.issuers.keep(seat.name, each)
        self.issuers.keep(seat.name, Made(certificate, tag(token_key)))
        if token_key:
            keyfile.write(folder / "token.key", token_key)
        keyfile.write(folder / "issuer.pem", keys.to_pem(key) + to_pem(certificate))
        self._hand_out(folder)
        earlier = self.issuers.replaced(seat.name, self.bundle, revoked, now)
        return NewIssuer(folder, certificate, void, earlier)

    def _check_seat(self, seat: Seat) -> None:
        seats = self.issuers.seats()
        if seat not in seats and len(seats) >= MAX_ISSUERS:
            raise AuthorityError(
                f"the mesh has {MAX_ISSUERS} issuers", "use those there are, or remove one's folder"
            )
        if seat.site and Seat(seat.name) not in seats:
            raise AuthorityError(
                f"there is no issuer {seat.name} to stand in for",
                f"make it first: x0 mesh issuer {seat.name}",
            )
        self.issuers.check_name(seat.name)

    def _token_key(
        self, folder: Path, before: Iterable[Made], revoked: Revoked, *, new: bool
    ) -> tuple[bytes, bool]:
        """The token key to go out, and whether tokens given out before are void."""
        path = folder / "token.key"
        if not path.exists():
            return token.new_key(), any(each.token_key for each in before)
        found = keyfile.read_private(path)
        known = any(
            each.token_key == tag(found) and revoked.issuer(each.certificate.key_id) for each in before
        )
        return (token.new_key(), True) if new or known else (found, False)

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
            seat
            for seat in self.issuers.seats()
            if not self.issuers.open(seat)[0].certificate.signed_by(new.certificate)
        ]
        if late:
            raise AuthorityError(
                f"issuers still under the old root: {'; '.join(str(seat) for seat in late)}",
                f"make them anew first, and bring them out: {'; '.join(seat.command for seat in late)}",
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

    def issuer_entries(
        self, name: str, now: float, reason: str, *, stand_in: str = "", void: bool = False
    ) -> tuple[Entry, ...]:
        """What revokes an issuer: every key it ever had, and those that stand in; or one of these alone.

        Also keys that are over: they could still sign what looks older. `void`: their lists count no more.
        """
        name = spiffe.node_name(name)
        if stand_in:
            made = [self.issuers.open(Seat(name, stand_in))[0].certificate]
        else:
            made = [each.certificate for each in self.issuers.made(name)]
        if not made:
            self.issuers.open(Seat(name))  # says that there is none
        kinds = (Kind.KEY, Kind.VOID) if void else (Kind.KEY,)
        return tuple(Entry(kind, each.key_id.hex(), int(now), reason) for each in made for kind in kinds)

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
        for seat in self.issuers.seats():
            self._hand_out(self.issuers.folder(seat))

    def _hand_out(self, folder: Path) -> None:
        for name in ("bundle.json", "mesh.json"):
            keyfile.write(folder / name, keyfile.read_public(self.folder / name), PUBLIC)
        if self.newest_list:
            keyfile.write(folder / LIST, keyfile.read_public(self.newest_list, LIST_BYTES), PUBLIC)


def _make_root(
    folder: Path, number: int, mesh: str, algorithm: str, passphrase: str, now: float, life: float
) -> Certificate:
    sealed.check_passphrase(passphrase)
    key = keys.generate(algorithm)
    certificate = issuing.root(key, mesh, now, life)
    keyfile.write(folder / "roots" / f"{number}.key.json", sealed.seal(keys.to_pem(key), passphrase))
    keyfile.write(folder / "roots" / f"{number}.pem", to_pem(certificate), PUBLIC)
    return certificate


def _record(folder: Path, record: Record) -> None:
    keyfile.write(folder / "mesh.json", msgspec.json.format(msgspec.json.encode(record)) + b"\n", PUBLIC)
