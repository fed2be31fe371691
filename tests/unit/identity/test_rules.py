# SPDX-License-Identifier: Apache-2.0
"""Each rule, broken alone by a certificate that keeps all others; and the table in docs/identity.md."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from agent.identity import keys, svid
from agent.identity.certificate import ROLE_OID
from agent.identity.limits import CERTIFICATE_BYTES, DAY, SVID_LIFE, SVID_LIFE_MAX
from agent.identity.moment import Moment
from agent.identity.revoked import Entry, Kind, Revoked, serial_value
from tests.unit.identity.forge import common_name, issuer, leaf, resigned, uri, usage
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

FOREIGN = "spiffe://other.mesh/node/hill-n1"
OWN = f"spiffe://{DOMAIN}/node/hill-n1"
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
ADDRESS = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))
EXCLUDING = x509.NameConstraints([uri(DOMAIN)], [uri("x.y")])


def permitting(*domains: str) -> x509.NameConstraints:
    return x509.NameConstraints([uri(domain) for domain in domains], None)


def with_roles(*roles: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(ROLE_OID, role) for role in roles])


class Break(NamedTuple):
    """A chain that breaks `rule` and nothing else."""

    rule: str
    how: str
    chain: Callable[[], list[bytes]]


def of_leaf(rule: str, how: str, **changes: object) -> Break:
    return Break(rule, how, lambda: [leaf(**changes), issuer()])


def of_issuer(rule: str, how: str, **changes: object) -> Break:
    return Break(rule, how, lambda: [leaf(), issuer(**changes)])


def other_root() -> list[bytes]:
    """An issuer that names our root and that another key signed."""
    return [leaf(), issuer(signer=keys.generate(keys.ML_DSA_65))]


def other_issuer() -> list[bytes]:
    """An SVID that names our issuer and that another key signed."""
    return [leaf(signer=keys.generate(keys.ML_DSA_65)), issuer()]


def old_issuer_signature() -> list[bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    return [leaf(), issuer(signer=key, hash=hashes.SHA256())]


def version_1() -> list[bytes]:
    return [resigned(leaf(), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00", mesh().issuer.key), issuer()]


def negative_serial() -> list[bytes]:
    serial = 2**150 + 7
    raw = serial.to_bytes(19, "big")
    return [resigned(leaf(serial=serial), raw, b"\xff" + raw[1:], mesh().issuer.key), issuer()]


def of_dale() -> list[bytes]:
    """Whole and in order, but that dale names a node of hill."""
    return [leaf(issuer=common_name("dale")), issuer(subject=common_name("dale"))]


BREAKS = [
    Break("chain-length", "the SVID alone", lambda: [leaf()]),
    Break("chain-length", "an issuer too many", lambda: [leaf(), issuer(), issuer(), issuer()]),
    Break("readable", "bytes after the end", lambda: [leaf() + b"\0", issuer()]),
    Break("readable", "garbage", lambda: [b"\x30\x03\x02\x01\x01", issuer()]),
    Break("readable", "too large", lambda: [leaf(), b"\x30" * (CERTIFICATE_BYTES + 1)]),
    Break("readable", "an extension twice", lambda: [leaf() * 2, issuer()]),
    of_leaf("one-uri", "none", names=[]),
    of_leaf("one-uri", "two", names=[uri(OWN), uri(FOREIGN)]),
    of_leaf("no-other-name", "a DNS name", names=[uri(OWN), x509.DNSName("n1.valley.mesh")]),
    of_leaf("no-other-name", "an address", names=[uri(OWN), ADDRESS]),
    of_leaf("spiffe-id", "https", names=[uri("https://valley.mesh/node/hill-n1")]),
    of_leaf("spiffe-id", "upper case scheme", names=[uri("SPIFFE://valley.mesh/node/hill-n1")]),
    of_leaf("spiffe-id", "a port", names=[uri("spiffe://valley.mesh:443/node/hill-n1")]),
    of_leaf("spiffe-id", "percent", names=[uri("spiffe://valley.mesh/node/n%31")]),
    of_leaf("spiffe-id", "dots", names=[uri("spiffe://valley.mesh/node/../n1")]),
    of_leaf("spiffe-id", "a slash at the end", names=[uri(OWN + "/")]),
    of_leaf("trust-domain", "another mesh", names=[uri(FOREIGN)]),
    of_leaf("trust-domain", "a part of ours", names=[uri("spiffe://x.valley.mesh/node/hill-n1")]),
    of_leaf("node-path", "the mesh itself", names=[uri(f"spiffe://{DOMAIN}")]),
    of_leaf("node-path", "another kind", names=[uri(f"spiffe://{DOMAIN}/issuer/n1")]),
    of_leaf("node-path", "deeper", names=[uri(OWN + "/x")]),
    of_leaf("named-by-its-issuer", "another issuer's", names=[uri(f"spiffe://{DOMAIN}/node/dale-n1")]),
    of_leaf("named-by-its-issuer", "more of a word", names=[uri(f"spiffe://{DOMAIN}/node/hillside")]),
    Break("named-by-its-issuer", "an issuer of another name", of_dale),
    of_leaf("roles", "ill-formed", subject=with_roles("Root user")),
    of_leaf("roles", "too many", subject=with_roles(*"abcdefghi")),
    of_leaf("roles", "a common name", subject=common_name("hill-n1")),
    of_issuer("issuer-domain", "none", names=[]),
    of_issuer("issuer-domain", "with a path", names=[uri(OWN)]),
    of_issuer("issuer-domain", "another mesh's", names=[uri("spiffe://other.mesh")]),
    of_issuer("issuer-constrained", "not at all", constraints=None),
    of_issuer("issuer-constrained", "another mesh", constraints=permitting("other.mesh")),
    of_issuer(
        "issuer-constrained", "two meshes", constraints=permitting(DOMAIN, "other.mesh")
    ),
    of_issuer("issuer-constrained", "every part", constraints=permitting("." + DOMAIN)),
    of_issuer("issuer-constrained", "excluding", constraints=EXCLUDING),
    of_issuer("issuer-constrained", "not critical", constraints_critical=False),
    Break("readable", "version 1", version_1),
    Break("serial", "negative", negative_serial),
    of_leaf("known-critical", "of the SVID", further=UNKNOWN),
    of_issuer("known-critical", "of the issuer", further=UNKNOWN),
    of_leaf("algorithm", "an Ed25519 key", key=ed25519.Ed25519PrivateKey.generate().public_key()),
    of_leaf("algorithm", "an ML-DSA-87 key", key=keys.generate(keys.ML_DSA_87).public_key()),
    Break("algorithm", "an ECDSA signature", old_issuer_signature),
    of_leaf("leaf-not-ca", "cA true", basic=x509.BasicConstraints(ca=True, path_length=None)),
    of_leaf("key-usage-critical", "absent", usage=None),
    of_leaf("key-usage-critical", "not critical", usage_critical=False),
    of_leaf("digital-signature", "key agreement only", usage=usage("key_agreement")),
    of_leaf("no-signing-kinds", "keyCertSign", usage=usage("digital_signature", "key_cert_sign")),
    of_leaf("no-signing-kinds", "cRLSign", usage=usage("digital_signature", "crl_sign")),
    of_leaf("both-purposes", "server only", purposes=x509.ExtendedKeyUsage([Purpose.SERVER_AUTH])),
    of_leaf("both-purposes", "client only", purposes=x509.ExtendedKeyUsage([Purpose.CLIENT_AUTH])),
    of_leaf("both-purposes", "any", purposes=x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE])),
    of_issuer("issuer-is-ca", "cA false", basic=x509.BasicConstraints(ca=False, path_length=None)),
    of_issuer("issuer-is-ca", "not critical", basic_critical=False),
    of_issuer("issuer-path-length", "unbounded", basic=x509.BasicConstraints(ca=True, path_length=None)),
    of_issuer("issuer-path-length", "one more", basic=x509.BasicConstraints(ca=True, path_length=1)),
    of_issuer("issuer-key-usage", "absent", usage=None),
    of_issuer("issuer-key-usage", "no keyCertSign", usage=usage("crl_sign")),
    of_issuer("issuer-key-usage", "digitalSignature", usage=usage("key_cert_sign", "digital_signature")),
    of_issuer("issuer-key-usage", "not critical", usage_critical=False),
    of_leaf("key-identifiers", "none", authority=None),
    of_leaf("key-identifiers", "another's", authority=keys.generate(keys.ML_DSA_65).public_key()),
    of_issuer("key-identifiers", "of no root", authority=keys.generate(keys.ML_DSA_65).public_key()),
    of_leaf("bounded-life", "91 days", end=NOW + SVID_LIFE_MAX + DAY),
    of_leaf("not-early", "tomorrow", start=NOW + DAY),
    of_leaf("not-over", "a second ago", end=NOW - 1),
    of_issuer("issuer-in-time", "over", end=NOW - 1),
    of_issuer("issuer-in-time", "tomorrow", start=NOW + DAY),
    Break("under-a-root", "another key", other_root),
    Break("under-its-issuer", "another key", other_issuer),
]  # fmt: skip


def broken(chain: list[bytes], revoked: Revoked | None = None) -> tuple[svid.Broken, ...]:
    with pytest.raises(svid.SvidError) as caught:
        svid.verify(chain, mesh().bundle, Moment(NOW), revoked=revoked or Revoked())
    return caught.value.broken


def test_the_unchanged_forgery_is_accepted() -> None:
    assert svid.verify([leaf(), issuer()], mesh().bundle, Moment(NOW)).node == "hill-n1"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # as certificate.py does outside of pytest
@pytest.mark.parametrize("each", BREAKS, ids=lambda each: f"{each.rule}: {each.how}")
def test_a_certificate_that_breaks_one_rule_is_refused_by_that_rule_alone(each: Break) -> None:
    found = broken(each.chain())
    assert [one.rule for one in found] == [each.rule]
    assert found[0].words
    assert found[0].mend


def revocation(entry: Entry, *, by_root: bool) -> Revoked:
    table = {(entry.kind, entry.value): entry}
    return Revoked(table, table if by_root else {})


@pytest.mark.parametrize("kind", [Kind.NODE, Kind.KEY, Kind.SERIAL])
def test_a_revoked_node_key_or_certificate_is_refused_by_not_revoked_alone(kind: Kind) -> None:
    own = mesh()
    value = {
        Kind.NODE: "hill-n1",
        Kind.KEY: own.svid.key_id.hex(),
        Kind.SERIAL: serial_value(own.issuer.certificate.key_id, own.svid.serial),
    }[kind]
    found = broken(own.chain, revocation(Entry(kind, value, int(NOW), "lost"), by_root=False))
    assert [one.rule for one in found] == ["not-revoked"]
    assert f"{kind} revoked 2027-01-15 08:00 UTC (lost)" in found[0].words


def test_an_issuer_is_revoked_by_a_root_and_by_nobody_else() -> None:
    own = mesh()
    entry = Entry(Kind.KEY, own.issuer.certificate.key_id.hex(), int(NOW))
    assert [one.rule for one in broken(own.chain, revocation(entry, by_root=True))] == ["issuer-not-revoked"]
    assert (
        svid.verify(own.chain, own.bundle, Moment(NOW), revoked=revocation(entry, by_root=False)).node
        == "hill-n1"
    )


def test_an_issuer_names_the_node_it_runs_on_by_its_own_name() -> None:
    assert svid.verify([leaf(names=[uri(OWN[:-3])]), issuer()], mesh().bundle, Moment(NOW)).node == "hill"


def test_a_root_out_of_time_trusts_nobody() -> None:
    moment = Moment(mesh().root.certificate.not_after + DAY)
    late = [
        leaf(start=moment.at - DAY, end=moment.at + SVID_LIFE),
        issuer(start=moment.at - DAY, end=moment.at + SVID_LIFE),
    ]
    with pytest.raises(svid.SvidError) as caught:
        svid.verify(late, mesh().bundle, moment)
    assert [one.rule for one in caught.value.broken] == ["under-a-root"]


def test_several_broken_rules_are_all_named() -> None:
    found = broken([leaf(names=[uri(FOREIGN)], usage=None, end=NOW - 1), issuer(constraints=None)])
    assert {one.rule for one in found} == {
        "trust-domain",
        "key-usage-critical",
        "not-over",
        "issuer-constrained",
    }


def test_every_rule_is_broken_by_some_certificate_here() -> None:
    others = {"not-revoked", "issuer-not-revoked"}
    assert {each.rule for each in BREAKS} | others == {rule.id for rule in svid.ALL}


def test_ids_are_unique_and_every_rule_has_words_and_a_mend() -> None:
    assert len({rule.id for rule in svid.ALL}) == len(svid.ALL)
    assert all(rule.says and rule.mend and re.fullmatch(r"[a-z0-9-]+", rule.id) for rule in svid.ALL)


def test_the_documented_table_is_the_rules() -> None:
    page = (Path(__file__).parents[3] / "docs" / "identity.md").read_text()
    rows = [f"| `{rule.id}` | {rule.where} | {rule.says} | {rule.mend} |" for rule in svid.ALL]
    missing = [row for row in rows if row not in page]
    assert missing == []
    assert len(re.findall(r"^\| `[a-z0-9-]+` \| (?:SVID|issuer|both|chain) \|", page, re.MULTILINE)) == len(
        rows
    )
