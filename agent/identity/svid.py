# SPDX-License-Identifier: Apache-2.0
"""Is this peer a node of our mesh, and which? The one way in for whatever sees a peer's certificates."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.identity import rules, spiffe
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate, read
from agent.identity.errors import CertificateError, IdentityError
from agent.identity.grace import Standing, standing
from agent.identity.limits import CHAIN_CERTIFICATES
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Revoked
from agent.identity.spiffe import SpiffeId

# Two rules on the bytes themselves, before there are certificates to ask.
CHAIN_LENGTH = rules.Rule(
    "chain-length", "chain", "is an SVID and its issuer; the root may follow", rules.REISSUE, lambda _: ""
)
READABLE = rules.Rule(
    "readable",
    "chain",
    "is X.509 version 3 in DER, at most 12 KiB a certificate",
    rules.REISSUE,
    lambda _: "",
)
FOUND_CHARS = 200  # of what a rule found: names are the stranger's
ALL = (CHAIN_LENGTH, READABLE, *rules.FIRST, *rules.THEN)


class Broken(msgspec.Struct, frozen=True):
    """A rule that is not kept: which, what was found, what to do."""

    rule: str
    words: str
    mend: str


class SvidError(IdentityError):
    """A peer's certificates break rules. `broken` names each; the first is in the text."""

    def __init__(self, broken: Sequence[Broken]) -> None:
        self.broken = tuple(broken)
        super().__init__("; ".join(f"{each.rule}: {each.words}" for each in self.broken), self.broken[0].mend)


class Verified(msgspec.Struct, frozen=True):
    """A node of our mesh. `key_id`: SHA-256 of its TLS key; times are Unix seconds."""

    id: SpiffeId
    node: str
    roles: tuple[str, ...]
    standing: Standing  # VALID, GRACE or DEFERRED
    not_before: float
    not_after: float
    serial: int
    key_id: bytes
    issuer_name: str
    issuer_key_id: bytes
    leaf: Certificate
    issuer: Certificate


def verify(
    chain: Sequence[bytes],
    bundle: Bundle,
    moment: Moment,
    *,
    revoked: Revoked = NOTHING,
    grace: float = 0.0,
) -> Verified:
    """The node a chain (DER, leaf first) proves; SvidError with every broken rule.

    `grace` is what grace.allowance gives. It says nothing of who sent the chain: TLS proves possession.
    """
    leaf, issuer = read_chain(chain, bundle)
    case = rules.Case(leaf, issuer, bundle.trust_domain, bundle.roots, moment, grace, revoked)
    judge(case, rules.FIRST)
    judge(case, rules.THEN)
    return Verified(
        id=spiffe.parse(leaf.uris[0]),
        node=case.node,
        roles=leaf.roles,
        standing=standing(leaf.not_before, leaf.not_after, moment, grace),
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        serial=leaf.serial,
        key_id=leaf.key_id,
        issuer_name=issuer.common_name,
        issuer_key_id=issuer.key_id,
        leaf=leaf,
        issuer=issuer,
    )


def judge(case: rules.Case, table: Sequence[rules.Rule]) -> None:
    """SvidError with every rule of the table that is broken."""
    broken = [
        Broken(rule.id, f"{_where(rule)}{rule.says}, but: {found[:FOUND_CHARS]}", rule.mend)
        for rule in table
        if (found := rule.check(case))
    ]
    if broken:
        raise SvidError(broken)


def read_chain(chain: Sequence[bytes], bundle: Bundle) -> tuple[Certificate, Certificate]:
    """Leaf and issuer. A root of the bundle that was sent, too, is passed over unread."""
    roots = {root.der for root in bundle.roots}
    kept = list(chain[: CHAIN_CERTIFICATES + 1])
    if len(kept) == CHAIN_CERTIFICATES and kept[-1] in roots:
        kept.pop()
    if len(kept) != 2:
        count = f"more than {CHAIN_CERTIFICATES}" if len(kept) > CHAIN_CERTIFICATES else str(len(kept))
        raise SvidError(
            [
                Broken(
                    "chain-length",
                    f"the chain {CHAIN_LENGTH.says}, but: {count} certificates",
                    CHAIN_LENGTH.mend,
                )
            ]
        )
    try:
        return read(kept[0], "the SVID"), read(kept[1], "the issuer's certificate")
    except CertificateError as error:
        raise SvidError([Broken("readable", error.what, error.mend)]) from None


def _where(rule: rules.Rule) -> str:
    return "SVID and issuer " if rule.where == "both" else f"the {rule.where} "
