# SPDX-License-Identifier: Apache-2.0
"""What the certificates may be used for."""

from __future__ import annotations

from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.identity.rules.base import NEW_ISSUER, REISSUE, Case, rule

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string, ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
SERIAL_BITS = 159  # RFC 5280, 4.1.2.2: at most 20 octets, positive


@rule("serial", "both", "have a positive serial of at most 20 octets", REISSUE)
def serial(case: Case) -> str:
    """RFC 5280, 4.1.2.2; revocations name it."""
    odd = [c for c in (case.leaf, case.issuer) if not 0 < c.serial < 2**SERIAL_BITS]
    return f"serial of {odd[0].serial.bit_length()} bits" if odd else ""


@rule("known-critical", "both", "have no critical extension we do not know", REISSUE)
def known_critical(case: Case) -> str:
    """RFC 5280, 4.2."""
    odd = case.leaf.unknown_critical + case.issuer.unknown_critical
    return f"extension {odd[0]}" if odd else ""


@rule(
    "algorithm",
    "both",
    "have keys and signatures of the roots' algorithm",
    "make it with the mesh's own suite",
)
def algorithm(case: Case) -> str:
    """No classical signature anywhere: it would be the one to forge."""
    allowed = {root.algorithm for root in case.roots}
    for each, name in ((case.leaf, "SVID"), (case.issuer, "issuer")):
        if each.algorithm not in allowed:
            return f"{name}'s key is {each.algorithm or 'of another kind'}" if case.roots else ""
        if each.signature_algorithm not in allowed:
            return f"{name}'s signature is {each.signature_algorithm or 'of another kind'}"
    return ""


@rule("leaf-not-ca", "SVID", "certifies nobody (cA is false)", REISSUE)
def leaf_not_ca(case: Case) -> str:
    """X509-SVID 4.1."""
    return "cA is true" if case.leaf.is_ca or case.leaf.path_length is not None else ""


@rule("key-usage-critical", "SVID", "has a critical key usage", REISSUE)
def key_usage_critical(case: Case) -> str:
    """X509-SVID 4.3."""
    if case.leaf.uses is None:
        return "no key usage"
    return "" if case.leaf.uses_critical else "key usage not critical"


@rule("digital-signature", "SVID", "may sign (digitalSignature)", REISSUE)
def digital_signature(case: Case) -> str:
    """X509-SVID 4.3: TLS 1.3 proves possession by a signature."""
    return (
        "" if case.leaf.uses is None or "digital_signature" in case.leaf.uses else "digitalSignature missing"
    )


@rule("no-signing-kinds", "SVID", "has neither keyCertSign nor cRLSign", REISSUE)
def no_signing_kinds(case: Case) -> str:
    """X509-SVID 4.3 and 5.2."""
    found = (case.leaf.uses or frozenset()) & {"key_cert_sign", "crl_sign"}
    return ", ".join(sorted(found))


@rule("both-purposes", "SVID", "is for TLS servers and clients, where it names purposes", REISSUE)
def both_purposes(case: Case) -> str:
    """X509-SVID 4.4. It also keeps the certificate of a node's signing key out of TLS."""
    purposes = case.leaf.purposes
    return "" if purposes is None or {SERVER, CLIENT} <= set(purposes) else f"purposes {', '.join(purposes)}"


@rule("issuer-is-ca", "issuer", "may certify (critical, cA true)", NEW_ISSUER)
def issuer_is_ca(case: Case) -> str:
    """X509-SVID 4.1, RFC 5280 4.2.1.9."""
    return "" if case.issuer.is_ca and case.issuer.ca_critical else "not a certifying certificate"


@rule("issuer-path-length", "issuer", "certifies no further issuers (path length 0)", NEW_ISSUER)
def issuer_path_length(case: Case) -> str:
    """One level of issuers: whoever takes one cannot hide others beneath it."""
    length = case.issuer.path_length
    if not case.issuer.is_ca:
        return ""  # issuer-is-ca speaks
    return "" if length == 0 else f"path length {'unbounded' if length is None else length}"


@rule("issuer-key-usage", "issuer", "has critical keyCertSign and not digitalSignature", NEW_ISSUER)
def issuer_key_usage(case: Case) -> str:
    """X509-SVID 3.2: never for authentication."""
    uses = case.issuer.uses or frozenset()
    if "key_cert_sign" not in uses or not case.issuer.uses_critical:
        return "no critical keyCertSign"
    return "digitalSignature set" if "digital_signature" in uses else ""


@rule("key-identifiers", "both", "name the key that signed them as that key names itself", REISSUE)
def key_identifiers(case: Case) -> str:
    """RFC 5280, 4.2.1.1."""
    if not case.leaf.authority_key or case.leaf.authority_key != case.issuer.subject_key:
        return "the SVID names another key than its issuer's"
    known = {root.subject_key for root in case.roots}
    return "" if not known or case.issuer.authority_key in known else "the issuer names no root we know"
