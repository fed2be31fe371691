# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with identities. Each error says what, and how to mend it."""

from __future__ import annotations

WHAT_CHARS = 1_500  # of an error's text: all rules broken at once, and what a stranger wrote in one name


class IdentityError(Exception):
    """Root of this package's errors: `what` went wrong where, `mend` is what a person can do.

    Strangers' names stand in `what`: it is made printable and bounded here, once for all.
    """

    def __init__(self, what: str, mend: str) -> None:
        what = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in what[:WHAT_CHARS])
        super().__init__(f"{what}. Mend: {mend}")
        self.what, self.mend = what, mend


class SpiffeIdError(IdentityError):
    """A text that is no SPIFFE ID."""


class CertificateError(IdentityError):
    """Bytes that are no certificate we read: too large, damaged, of an algorithm we do not know."""


class BundleError(IdentityError):
    """A trust bundle that cannot be taken."""


class ProviderError(IdentityError):
    """Post-quantum primitives are missing, or were given what they cannot take."""


class KeyFileError(IdentityError):
    """A file of keys or state that cannot be read, trusted or written."""


class AuthorityError(IdentityError):
    """The mesh's authority or an issuer cannot do what was asked."""


class TokenError(IdentityError):
    """A join token that is refused. `reason` is one of token.REASONS."""

    def __init__(self, reason: str, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.reason = reason


class EnrolmentError(IdentityError):
    """A node that is not enrolled or renewed. `reason` is one of enrolment.REASONS."""

    def __init__(self, reason: str, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.reason = reason


class RevocationError(IdentityError):
    """A revocation list that cannot be taken or made."""
