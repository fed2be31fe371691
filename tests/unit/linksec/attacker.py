# SPDX-License-Identifier: Apache-2.0
"""A TLS end with whatever settings an attacker likes, straight on the library."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL, crypto

from agent.linksec.errors import TlsError
from agent.linksec.tls import ALPN, Credentials, Endpoint

FLIGHTS = 12


class Raw:
    """`settings`: groups, signatures, minimum and maximum version, all OpenSSL's defaults where not given.

    `resume`: an earlier one, whose settings and session are used again. `alpn`: b"" names no protocol.
    """

    def __init__(
        self,
        *,
        server: bool = False,
        credentials: Credentials | None = None,
        groups: str = "",
        signatures: str = "",
        version: int | None = None,
        resume: Raw | None = None,
        alpn: bytes = ALPN,
    ) -> None:
        context: SSL.Context = resume.tls.get_context() if resume else SSL.Context(SSL.TLS_METHOD)
        if version is not None:
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
        if alpn and resume is None:
            context.set_alpn_protos([alpn])
            context.set_alpn_select_callback(lambda _connection, _offered: alpn)
        if groups:
            assert Binding.lib.SSL_CTX_set1_curves_list(context._context, groups.encode()) == 1
        if signatures:
            assert Binding.lib.SSL_CTX_set1_sigalgs_list(context._context, signatures.encode()) == 1
        if credentials is not None and resume is None:
            leaf, *others = (x509.load_der_x509_certificate(der) for der in credentials.chain)
            context.use_certificate(leaf)
            for other in others:
                context.add_extra_chain_cert(other)
            key = crypto.load_privatekey(crypto.FILETYPE_PEM, credentials.key.reveal())
            assert Binding.lib.SSL_CTX_use_PrivateKey(context._context, key._pkey) == 1
        if resume is None:
            context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        self.tls: SSL.Connection = SSL.Connection(context, None)
        if resume is not None:
            session = resume.tls.get_session()
            assert session is not None
            self.tls.set_session(session)
        self.error = ""
        self.done = False
        if server:
            self.tls.set_accept_state()
        else:
            self.tls.set_connect_state()
            self._go()

    def feed(self, data: bytes) -> None:
        """Take bytes, noting what fails."""
        while data:
            data = data[self.tls.bio_write(data) :]
        self._go()

    def outgoing(self) -> bytes:
        """What it sends."""
        try:
            return self.tls.bio_read(1 << 20)
        except SSL.Error:
            return b""

    def say(self, clear: bytes) -> bytes:
        """Application bytes, encrypted."""
        self.tls.send(clear)
        return self.outgoing()

    def _go(self) -> None:
        try:
            if self.done:
                self.tls.recv(1 << 16)
            else:
                self.tls.do_handshake()
                self.done = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = str(error)


def meet(attacker: Raw, victim: Endpoint) -> TlsError | None:
    """Let them talk; what made the victim give up, or None."""
    for _ in range(FLIGHTS):
        flight = attacker.outgoing()
        try:
            if flight:
                victim.feed(flight)
            if victim.established:
                victim.read()
        except TlsError as error:
            attacker.feed(victim.outgoing())
            return error
        answer = victim.outgoing()
        if answer:
            attacker.feed(answer)
        if not flight and not answer:
            break
    return None
