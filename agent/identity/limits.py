# SPDX-License-Identifier: Apache-2.0
"""Bounds of what comes from outside, and the lifetimes, each with its reason (more in docs/identity.md)."""

from __future__ import annotations

HOUR = 3600.0
DAY = 86_400.0
YEAR = 365.25 * DAY

# What a peer may make us read and keep.
CERTIFICATE_BYTES = 12_288  # an ML-DSA-87 certificate has 7.6 KB; the rest is room for names
CHAIN_CERTIFICATES = 3  # SVID, issuer and, though needless, the root
BUNDLE_BYTES = 65_536  # four ML-DSA-87 roots as base64, twice (key and certificate)
BUNDLE_ROOTS = 4  # two overlap in a rotation; four leave room for one that went wrong
SEQUENCE_MAX = 2**53 - 1  # what JSON carries exactly
ROLES = 8
ROLE_CHARS = 32
SPIFFE_ID_BYTES = 2_048  # SPIFFE-ID 2.3
TRUST_DOMAIN_CHARS = (
    63  # SPIFFE-ID allows 255; a name constraint is a host name, and one label is enough here
)
MAX_ISSUERS = 16
REVOCATIONS = 1_024  # entries of one list: a mesh has at most 1,000 nodes
LIST_BYTES = 262_144  # REVOCATIONS entries of at most 226 bytes, an ML-DSA-87 signature, a certificate
REVOCATION_LISTS = (
    MAX_ISSUERS + 4
)  # kept beside the roots': every issuer's, and a few of those that have left
LISTS_OF_ONE = 2  # kept of one signer: the newest, and one that says what it leaves out
KEY_FILE_BYTES = 65_536  # key, SVID and issuer as PEM have some 16 KB
STATE_FILE_BYTES = (BUNDLE_ROOTS * LISTS_OF_ONE + REVOCATION_LISTS) * (LIST_BYTES + 16) + 16  # all at once

# Lifetimes, in seconds.
ROOT_LIFE = 20 * YEAR  # replaced by rotation; its end must never be what stops a mesh
ISSUER_LIFE = 2 * YEAR  # an operator's yearly visit to the laptop is enough, with a year to spare
ISSUER_WARNING = 90 * DAY  # from then on it is said that an issuer ends
SVID_LIFE = 14 * DAY  # renewed at half: seven days without any issuer cost nothing
SVID_LIFE_MIN = HOUR  # below it a renewal has no time to fail and be tried again
SVID_LIFE_MAX = 90 * DAY  # a longer one would be a revocation by another name that never comes
SIGNER_LIFE = ISSUER_LIFE  # certificate of the node's signing key; certified anew with each renewal
GRACE = 14 * DAY  # after an SVID's end, while no issuer is reachable
GRACE_MAX = 90 * DAY
BACKDATE = 300.0  # notBefore lies before the issue: neighbours' clocks differ by minutes, not by more
SKEW = 300.0  # how far a trusted clock may be behind another node's
RENEW_AT = 0.5  # of the life
RENEW_JITTER = 0.1  # of the life, either way, so that a mesh enrolled in one hour does not renew in one
TOKEN_LIFE = 7 * DAY
TOKEN_LIFE_MAX = YEAR
TOKEN_USES_MAX = 1_000
