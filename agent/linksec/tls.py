# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS 1.3 with one post-quantum group and one post-quantum signature, without any I/O.

OpenSSL's defaults allow a downgrade (a default server takes an X25519-only client), so version, group,
signature and cipher are pinned here and checked again after the handshake. Who the peer is decides a
verifier alone: OpenSSL enforces no SPIFFE rule, and knows neither our time floor nor the grace for expired
identities.

Importing this module loads the crypto libraries (11 to 13 MB): import it where it is used, late.
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa
from OpenSSL import SSL, crypto

from agent.kernel.secret import Secret
from agent.linksec import closures
from agent.linksec.beacon import issuer_tag
from agent.linksec.errors import JUDGED, PeerRefusedError, Reason, TlsError
from agent.linksec.judged import Chain, Verifier

closures.install(SSL)

MAX_CHAIN: Final = 3  # certificates: leaf, issuer, and one more while an issuer is being replaced
MAX_HANDSHAKE: Final = 32 * 1024  # bytes from the peer until it is known: a CNSA leaf and issuer need 22 KB
MAX_PENDING: Final = 16 * 1024  # bytes of clear text taken from the record layer at once
READ: Final = 4096
CIPHER: Final = "TLS_AES_256_GCM_SHA384"
ALPN: Final = b"x0-link/1"  # so that no handshake meant for another service of a node is taken for this one
BINDING_LABEL: Final = b"EXPORTER-Channel-Binding"  # RFC 9266, 2; without context
BINDING_BYTES: Final = 32
SSL_MODE_NO_AUTO_CHAIN: Final = 0x8  # openssl/ssl.h; else the root is searched for and sent, too
OP_NO_RENEGOTIATION: Final = 1 << 30


class Suite(msgspec.Struct, frozen=True):
    """What the two ends must use. `group` and `signature` as OpenSSL names them."""

    name: str
    group: str
    signature: str
    bits: int  # of the ML-DSA parameter set

    @property
    def key_type(self) -> type[mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey]:
        """The class of the peers' public keys."""
        return mldsa.MLDSA65PublicKey if self.bits == 65 else mldsa.MLDSA87PublicKey


HYBRID: Final = Suite("hybrid", "X25519MLKEM768", "mldsa65", 65)  # BSI wants hybrid key exchange
CNSA_HYBRID: Final = Suite("cnsa-hybrid", "SecP384R1MLKEM1024", "mldsa87", 87)
CNSA: Final = Suite("cnsa", "MLKEM1024", "mldsa87", 87)  # CNSA 2.0: ML-KEM-1024 alone
SUITES: Final = {suite.name: suite for suite in (HYBRID, CNSA_HYBRID, CNSA)}


class Credentials(msgspec.Struct, frozen=True):
    """Our own identity. `chain`: DER, leaf first, then issuers without the root. `key`: PKCS #8, PEM."""

    spiffe_id: str
    chain: tuple[bytes, ...]
    key: Secret


class Contexts:
    """The pinned contexts of one identity; made anew when it rotates. `alpn`: the service they are for.

    Two of them: a peer that knows our issuer is sent the leaf alone, which keeps our flight within the ten
    segments of TCP's initial window.
    """

    def __init__(self, credentials: Credentials, suite: Suite = HYBRID, alpn: bytes = ALPN) -> None:
        self.suite, self._alpn = suite, alpn
        self.spiffe_id = credentials.spiffe_id
        self.issuer_tag = issuer_tag(credentials.chain[1]) if len(credentials.chain) > 1 else b""
        self._leaf = _context(suite, alpn, credentials, credentials.chain[:1])
        self._full = _context(suite, alpn, credentials, credentials.chain)

    def client(self, verify: Verifier, *, leaf_only: bool = False) -> Endpoint:
        """The end that dials."""
        chosen = self._leaf if leaf_only else self._full
        return Endpoint(chosen, self.suite, verify, server=False, alpn=self._alpn)

    def server(self, verify: Verifier, *, leaf_only: bool = False, strangers: bool = False) -> Endpoint:
        """The end that is dialled. `strangers`: also by who shows no certificate; its `peer` stays ""."""
        chosen = self._leaf if leaf_only else self._full
        return Endpoint(chosen, self.suite, verify, server=True, alpn=self._alpn, strangers=strangers)


def stranger(verify: Verifier, suite: Suite = HYBRID, *, alpn: bytes) -> Endpoint:
    """The dialling end of a node without an identity: pinned in the same way, with no certificate to show."""
    return Endpoint(_context(suite, alpn), suite, verify, server=False, alpn=alpn)


class Endpoint:
    """One end of one connection: bytes in, bytes out.

    `feed` what came from the network, send what `outgoing` gives, until `established`; then `write` and
    `read`. After a TlsError `outgoing` may still hold an alert for the peer.
    """

    def __init__(
        self,
        context: SSL.Context,
        suite: Suite,
        verify: Verifier,
        *,
        server: bool,
        alpn: bytes = ALPN,
        strangers: bool = False,
    ) -> None:
        self._suite, self._verify, self._alpn = suite, verify, alpn
        self._strangers = server and strangers
        self._shown: dict[int, bytes] = {}
        self._refusal: PeerRefusedError | None = None
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(self)
        self._taken = 0  # bytes fed before the peer was known
        self.established = False
        self.peer = ""  # its SPIFFE id, once established
        self.chain: Chain = ()  # what it was judged by, once established
        if self._strangers:
            self._connection.set_verify(SSL.VERIFY_PEER, _judge)
        if server:
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()
            self._handshake()

    def feed(self, data: bytes) -> None:
        """Take bytes from the network. TlsError: the connection is over."""
        if not self.established:
            self._taken += len(data)
            if self._taken > MAX_HANDSHAKE:
                text = f"the peer sent more than {MAX_HANDSHAKE} bytes before it was known"
                raise TlsError(text, Reason.TOO_LONG)
        at = 0
        while at < len(data):
            at += self._connection.bio_write(data[at:])
        if not self.established:
            self._handshake()

    def outgoing(self) -> bytes:
        """What must go to the network now; b"" where nothing waits."""
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._connection.bio_read(MAX_PENDING))
            except SSL.Error:  # WantReadError: empty
                return b"".join(parts)

    def write(self, clear: bytes) -> None:
        """Encrypt for the peer. TlsError before the peer is known."""
        if not self.established:
            raise TlsError("nothing is sent to a peer that is not known yet", Reason.TLS)
        try:
            while clear:
                clear = clear[self._connection.send(clear) :]
        except SSL.Error as error:
            raise _failed(error) from None

    def read(self) -> bytes:
        """The peer's clear text so far, at most MAX_PENDING bytes; b"" where none waits. TlsError: over."""
        parts: list[bytes] = []
        size = 0
        while size < MAX_PENDING:
            try:
                parts.append(self._connection.recv(READ))
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                if parts:
                    break  # what it said before counts; the next call tells of the end
                raise TlsError("the peer ended the connection", Reason.CLOSED) from None
            except SSL.Error as error:
                raise _failed(error) from None
            size += len(parts[-1])
        return b"".join(parts)

    def close(self) -> None:
        """Tell the peer that it is over (`outgoing` has the alert)."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # in the middle of a handshake there is nobody to tell

    def binding(self) -> bytes:
        """What both ends of this connection export, and no other connection (RFC 9266): BINDING_BYTES.

        It proves nothing of who the other end is: a client that is being refused exports the same.
        """
        if not self.established:
            raise TlsError("a channel has no binding before its handshake is done", Reason.TLS)
        made: bytes = self._connection.export_keying_material(BINDING_LABEL, BINDING_BYTES)
        return made

    def reused(self) -> bool:
        """Was an earlier session resumed? It must never be."""
        return bool(Binding.lib.SSL_session_reused(self._connection._ssl))

    def _handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            if self._refusal is not None:
                raise TlsError(f"{JUDGED}{self._refusal}", self._refusal.reason) from None
            raise _failed(error) from None
        self._check()
        self.established = True

    def _check(self) -> None:
        """Is it what was pinned? Nothing here can fail unless OpenSSL or a setting above does."""
        found = self._connection
        group = (found.get_group_name() or "").lower()  # OpenSSL spells some otherwise than it reads them
        got = (found.get_protocol_version_name(), found.get_cipher_name(), group)
        wanted = ("TLSv1.3", CIPHER, self._suite.group.lower())
        if got != wanted:
            raise TlsError(f"the handshake gave {got}, wanted is {wanted}", Reason.TLS)
        if found.get_alpn_proto_negotiated() != self._alpn:
            raise TlsError(f"the peer does not speak {self._alpn.decode()} (ALPN)", Reason.TLS)
        leaf = found.get_peer_certificate(as_cryptography=True)
        if leaf is None and self._strangers and not self._shown:
            return
        if leaf is None or not self.peer or self._refusal is not None:
            raise TlsError("the peer showed no certificate that was accepted", Reason.CERTIFICATE)
        if not isinstance(leaf.public_key(), self._suite.key_type):
            raise TlsError(f"the peer's key is not {self._suite.signature}", Reason.TLS)
        der = leaf.public_bytes(serialization.Encoding.DER)
        if self.chain[:1] != (der,):
            raise TlsError("the peer's certificate is not the one that was verified", Reason.CERTIFICATE)

    def verify(self, certificate: crypto.X509, depth: int, ok: int) -> bool:
        """OpenSSL's call-back, once or more for each certificate of the peer's chain, the leaf last.

        OpenSSL's own opinion is not asked: it has no trust store. What it calls an error is passed over until
        the whole chain was shown, then our verifier alone decides. A client does so before it shows its own.
        """
        if self._refusal is not None:
            return False
        if depth >= MAX_CHAIN:
            self._refusal = PeerRefusedError(f"a chain of more than {MAX_CHAIN}", Reason.TOO_LONG)
            return False
        self._shown[depth] = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        if depth or not ok:
            return True
        try:
            self.peer, self.chain = self._verify(tuple(der for _, der in sorted(self._shown.items())))
        except PeerRefusedError as error:
            self._refusal = error
        except ValueError as error:  # DER that OpenSSL reads and cryptography does not
            self._refusal = PeerRefusedError(f"not readable: {error}")
        return self._refusal is None


def _context(
    suite: Suite, alpn: bytes, credentials: Credentials | None = None, chain: tuple[bytes, ...] = ()
) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    lib, raw = Binding.lib, context._context
    if lib.SSL_CTX_set1_curves_list(raw, suite.group.encode()) != 1:
        raise _unable(suite.group)
    if lib.SSL_CTX_set1_sigalgs_list(raw, suite.signature.encode()) != 1:
        raise _unable(suite.signature)
    context.set_tls13_ciphersuites(CIPHER.encode())
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | OP_NO_RENEGOTIATION)
    context.set_mode(SSL_MODE_NO_AUTO_CHAIN | SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _judge)
    context.set_verify_depth(MAX_CHAIN)
    context.set_alpn_protos([alpn])
    context.set_alpn_select_callback(lambda _connection, offered: _protocol(alpn, offered))
    if credentials is None:
        return context
    try:
        leaf, *issuers = (x509.load_der_x509_certificate(der) for der in chain)
        if not isinstance(leaf.public_key(), suite.key_type):
            raise ValueError("it is of another kind")
        context.use_certificate(leaf)
        for issuer in issuers:
            context.add_extra_chain_cert(issuer)
        # pyOpenSSL's own way to a key goes by PKey.from_cryptography_key, which refuses ML-DSA
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, credentials.key.reveal())
        if lib.SSL_CTX_use_PrivateKey(raw, key._pkey) != 1:
            raise ValueError("the library takes no such key")
        context.check_privatekey()
    except (SSL.Error, crypto.Error, ValueError) as error:
        text = f"our own certificate and key do not fit together or are no {suite.signature}: {error}"
        raise TlsError(f"{text}; enrol anew", Reason.CERTIFICATE) from None
    return context


def _judge(connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, ok: int) -> bool:
    end = connection.get_app_data()
    return isinstance(end, Endpoint) and end.verify(certificate, depth, ok)


def _protocol(alpn: bytes, offered: list[bytes]) -> bytes:
    """The server's choice. A TlsError here ends the handshake with an alert and comes out of it."""
    if alpn not in offered:
        raise TlsError(f"the peer does not offer {alpn.decode()} (ALPN)", Reason.TLS)
    return alpn


def _unable(what: str) -> TlsError:
    return TlsError(f"the crypto library has no {what}: cryptography 50 or later is needed", Reason.TLS)


def _failed(error: SSL.Error) -> TlsError:
    """The TLS library's own words, shortened."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    words = ", ".join(str(entry[-1]) for entry in queue[:3]) or type(error).__name__
    reason = Reason.CLOSED if "unexpected eof" in words or isinstance(error, SSL.SysCallError) else Reason.TLS
    return TlsError(f"TLS: {words}", reason)
