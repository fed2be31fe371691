# SPDX-License-Identifier: Apache-2.0
"""Names of meshes, nodes, roles and suites."""

import pytest

from agent.identity import spiffe, suites
from agent.identity.errors import AuthorityError, SpiffeIdError


@pytest.mark.parametrize("text", ["valley.mesh", "a", "a-b.c-d", "x0", "1.2.3", "a" * 63])
def test_what_can_be_a_host_name_can_name_a_mesh(text: str) -> None:
    assert spiffe.trust_domain(text) == text
    assert str(spiffe.of_domain(text)) == f"spiffe://{text}"


@pytest.mark.parametrize(
    "text", ["", "A.mesh", "a_b", "-a", "a-", ".a", "a.", "a..b", "a b", "a/b", "a:1", "ä", "a" * 64, "a\n"]
)
def test_what_cannot_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SpiffeIdError, match=r"valley\.mesh"):
        spiffe.trust_domain(text)


def test_node_names_do_not_tell_the_cases_apart() -> None:
    assert spiffe.of_node("valley.mesh", "Hill-1") == spiffe.of_node("valley.mesh", "hill-1")
    assert spiffe.of_node("valley.mesh", "Hill-1").node == "hill-1"
    assert spiffe.of_domain("valley.mesh").node is None


@pytest.mark.parametrize("text", ["", "a.b", "a_b", "-", "a" * 64, "n1\n", "n/1"])
def test_node_names_are_host_names(text: str) -> None:
    with pytest.raises(SpiffeIdError, match=r"node\.name"):
        spiffe.node_name(text)


@pytest.mark.parametrize(
    ("issuer", "name", "found"),
    [
        ("hill", "hill", True),
        ("hill", "hill-1", True),
        ("hill", "hill-1-a", True),
        ("hill", "hill1", False),
        ("hill", "hil", False),
        ("hill", "a-hill-1", False),
        ("", "-1", False),
        ("", "", False),
    ],
)
def test_a_node_is_named_by_its_issuer(issuer: str, name: str, found: bool) -> None:
    assert spiffe.within(issuer, name) is found


@pytest.mark.parametrize("text", ["", "Router", "1st", "a b", "a" * 33, "a\n"])
def test_roles_are_short_words(text: str) -> None:
    assert spiffe.role("router-2") == "router-2"
    with pytest.raises(SpiffeIdError, match="cannot name a role"):
        spiffe.role(text)


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://valley.mesh/node/n1",
        "spiffe://valley.mesh",
        "spiffe://valley.mesh/a/b/c",
        "spiffe://valley.mesh/A._-9",
    ],
)
def test_an_id_reads_back_letter_by_letter(text: str) -> None:
    assert str(spiffe.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin"),
        ("spiffe:/valley.mesh/a", "does not begin"),
        ("Spiffe://valley.mesh/a", "does not begin"),
        ("spiffe:///a", "no trust domain"),
        ("spiffe://valley.mesh:80/a", "no trust domain"),
        ("spiffe://user@valley.mesh/a", "no trust domain"),
        ("spiffe://valley.mesh?x", "no trust domain"),
        ("spiffe://VALLEY.mesh/a", "no trust domain"),
        ("spiffe://valley.mesh/", "ends with a slash"),
        ("spiffe://valley.mesh/a/", "path segment ''"),
        ("spiffe://valley.mesh//a", "path segment ''"),
        ("spiffe://valley.mesh/./a", r"path segment '\.'"),
        ("spiffe://valley.mesh/a/..", r"path segment '\.\.'"),
        ("spiffe://valley.mesh/a%2fb", "path segment"),
        ("spiffe://valley.mesh/a?b", "path segment"),
        ("spiffe://valley.mesh/a#b", "path segment"),
        ("spiffe://valley.mesh/a\n", "path segment"),
        ("spiffe://valley.mesh/" + "a" * 2048, "longer than 2048"),
    ],
)
def test_what_is_no_id_is_refused_for_its_own_reason(text: str, why: str) -> None:
    with pytest.raises(SpiffeIdError, match=why):
        spiffe.parse(text)


def test_a_suite_is_found_by_its_name_and_by_its_certificates() -> None:
    assert suites.find("cnsa") == suites.CNSA
    assert suites.of_signature("ML-DSA-65") == suites.STANDARD
    assert suites.of_signature("RSA") is None
    with pytest.raises(AuthorityError, match="standard, cnsa"):
        suites.find("classical")
