# SPDX-License-Identifier: Apache-2.0
"""A node's identity on disk: a key and its certificates stand in one file, replaced in one step.

`svid.pem`: TLS key, SVID, issuer. `signer.pem`: signing key, its certificate, issuer. Before enrolment they
hold the key alone. `bundle.json`, `revocations.cbor` and `time-floor` are no secrets.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.codec import cbor
from agent.codec.errors import CodecError
from agent.identity import bundle as bundles
from agent.identity import keys
from agent.identity.bundle import Bundle
from agent.identity.certificate import key_id_of, read
from agent.identity.errors import CertificateError, KeyFileError, RevocationError
from agent.identity.keyfile import PUBLIC, read_private, read_public, write
from agent.identity.keys import PrivateKey
from agent.identity.limits import STATE_FILE_BYTES
from agent.identity.revocation import Lists, RevocationList, reload

SVID, SIGNER, BUNDLE, REVOCATIONS, TIME_FLOOR = (
    "svid.pem",
    "signer.pem",
    "bundle.json",
    "revocations.cbor",
    "time-floor",
)
MEND = "enrol the node again (a new join token in its YAML) after removing the file"


class Keyed(msgspec.Struct, frozen=True):
    """A key and its certificates (DER, own first); no certificates before enrolment."""

    key: PrivateKey
    chain: tuple[bytes, ...] = ()


class NodeFiles:
    """The folder of one node's identity (`<state_dir>/identity`). KeyFileError from every method."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def svid(self) -> Keyed | None:
        """TLS key and SVID, None where there is no file yet."""
        return self._keyed(SVID)

    def signer(self) -> Keyed | None:
        """Signing key and certificate, None where there is no file yet."""
        return self._keyed(SIGNER)

    def put_svid(self, keyed: Keyed) -> None:
        """Replaces TLS key and SVID together. Where it fails, the old pair is still there."""
        self._put(SVID, keyed)

    def put_signer(self, keyed: Keyed) -> None:
        """Replaces signing key and certificate. The key itself is never another one for the same node."""
        before = self.signer()
        if before is not None and key_id_of(before.key.public_key()) != key_id_of(keyed.key.public_key()):
            raise KeyFileError(
                f"{self.folder / SIGNER} holds another signing key",
                "a node keeps its key for life; remove the file to make it another node",
            )
        self._put(SIGNER, keyed)

    def bundle(self, domain: str) -> Bundle | None:
        """The trust bundle, None where there is no file yet. BundleError where it is of another mesh."""
        path = self.folder / BUNDLE
        return bundles.load(read_public(path), domain) if path.exists() else None

    def put_bundle(self, bundle: Bundle) -> None:
        """Replaces the bundle. Which follows which is decided in bundleupdate."""
        write(self.folder / BUNDLE, bundles.dump(bundle), PUBLIC)

    def revocations(self, bundle: Bundle) -> tuple[Lists, tuple[str, ...]]:
        """The kept lists, their signatures checked anew, and what was wrong with those left out.

        Whether a signer may sign was asked when its list was taken: what it said outlasts it.
        """
        path, lists, wrong = self.folder / REVOCATIONS, Lists(bundle), []
        if not path.exists():
            return lists, ()
        try:
            rows = cbor.decode(read_public(path, STATE_FILE_BYTES), STATE_FILE_BYTES)
        except (CodecError, KeyFileError) as error:
            return lists, (f"{path} is damaged ({error}); the lists are fetched again",)
        for row in rows if isinstance(rows, list) else ():
            try:
                lists.take(_kept(row, bundle))
            except RevocationError as error:
                wrong.append(error.what)
        return lists, tuple(wrong)

    def put_revocations(self, lists: Lists) -> None:
        """Replaces the kept lists."""
        write(
            self.folder / REVOCATIONS,
            cbor.encode([[each.data, each.by_root] for each in lists.all()]),
            PUBLIC,
        )

    def _keyed(self, name: str) -> Keyed | None:
        path = self.folder / name
        if not path.exists():
            return None
        data = read_private(path)
        key = keys.from_pem(data, str(path))
        chain: tuple[bytes, ...] = ()
        if b"-----BEGIN CERTIFICATE-----" in data:
            try:
                found = x509.load_pem_x509_certificates(data)
                chain = tuple(each.public_bytes(Encoding.DER) for each in found)
                own = read(chain[0], f"the certificate in {path}")
            except (ValueError, CertificateError) as error:
                raise KeyFileError(f"{path} is damaged ({error})", MEND) from None
            if own.key_id != key_id_of(key.public_key()):
                raise KeyFileError(f"{path} holds a certificate of another key than the one beside it", MEND)
        return Keyed(key, chain)

    def _put(self, name: str, keyed: Keyed) -> None:
        pems = [x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in keyed.chain]
        write(self.folder / name, b"".join((keys.to_pem(keyed.key), *pems)))


def _kept(row: object, bundle: Bundle) -> RevocationList:
    if isinstance(row, list) and len(row) == 2:
        data, by_root = row
        if isinstance(data, bytes) and isinstance(by_root, bool):
            return reload(data, bundle, by_root=by_root)
    raise RevocationError("a row of the kept revocations is none", "it is fetched again")
