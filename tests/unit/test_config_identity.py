# SPDX-License-Identifier: Apache-2.0
"""The identity section: what a whole one says, and every mistake with line, key and mend."""

from __future__ import annotations

import pytest

from agent.config import ConfigError
from agent.configfile import load_text
from agent.configidentity import DAY, Identity
from agent.identity import bundle, limits, token
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

HEAD = "node: {name: hill-n1}\nmesh: {enabled: false}\n"
WHOLE = HEAD + "identity:\n  mesh: valley.mesh\n  bundle: /etc/x0/bundle.json\n"
JWKS = bundle.dump(mesh().bundle).decode()

# (text, line, key, a word of the mend)
MISTAKES: dict[str, tuple[str, int, str, str]] = {
    "a mesh without bundle": (
        HEAD + "identity:\n  mesh: valley.mesh\n",
        3,
        "identity.bundle",
        "x0 mesh show --bundle",
    ),
    "a bundle without mesh": (HEAD + "identity: {bundle: /b}\n", 3, "identity.bundle", "add mesh"),
    "a token without mesh": (HEAD + "identity: {token: x0join.AA}\n", 3, "identity.token", "delete token"),
    "an issuer without mesh": (HEAD + "identity: {issuer: true}\n", 3, "identity.issuer", "add mesh"),
    "issuers without mesh": (
        HEAD + "identity:\n  issuers:\n    - {name: hill, address: '[fd77::1]:7080'}\n",
        4,
        "identity.issuers",
        "add mesh",
    ),
    "a mesh in capitals": (
        HEAD + "identity: {mesh: Valley, bundle: /b}\n",
        3,
        "identity.mesh",
        "x0 mesh show",
    ),
    "a mesh of 64": (
        HEAD + f"identity: {{mesh: {'a' * 64}, bundle: /b}}\n",
        3,
        "identity.mesh",
        "valley.mesh",
    ),
    "a bundle that is neither": (
        HEAD + "identity:\n  mesh: valley.mesh\n  bundle: bundle.json\n",
        5,
        "identity.bundle",
        "paste",
    ),
    "a bundle cut off": (
        HEAD + f"identity:\n  mesh: valley.mesh\n  bundle: '{JWKS[:500]}}}'\n",
        5,
        "identity.bundle",
        "whole",
    ),
    "a bundle without keys": (
        HEAD + "identity:\n  mesh: valley.mesh\n  bundle: '{\"keys\": []}'\n",
        5,
        "identity.bundle",
        "whole",
    ),
    "a bundle as a section": (
        HEAD + "identity:\n  mesh: valley.mesh\n  bundle: {keys: []}\n",
        5,
        "identity.bundle",
        "one value",
    ),
    "a token cut at its beginning": (WHOLE + "  token: AAAA\n", 6, "identity.token", "x0 mesh token"),
    "a token on two lines": (WHOLE + "  token: x0join.AA\n    BB\n", 6, "identity.token", "whole"),
    "an issuer's folder without issuer": (
        WHOLE + "  issuer_dir: /i\n",
        6,
        "identity.issuer_dir",
        "issuer: true",
    ),
    "an address without issuer": (WHOLE + "  listen: 0.0.0.0:1\n", 6, "identity.listen", "issuer: true"),
    "a life without issuer": (WHOLE + "  svid_life: 86400\n", 6, "identity.svid_life", "issuer: true"),
    "a life too long": (
        WHOLE + "  issuer: true\n  svid_life: 9000000\n",
        7,
        "identity.svid_life",
        "7776000",
    ),
    "a listen without port": (
        WHOLE + "  issuer: true\n  listen: fd77::1\n",
        7,
        "identity.listen",
        "[::1]:PORT",
    ),
    "grace without end": (WHOLE + "  grace: 99999999\n", 6, "identity.grace", "7776000"),
    "an issuer's name with a dot": (
        WHOLE + "  issuers: [{name: a.b, address: '192.0.2.1:7080'}]\n",
        6,
        "identity.issuers[0].name",
        "hill",
    ),
    "an issuer's address without port": (
        WHOLE + "  issuers: [{name: hill, address: 192.0.2.1}]\n",
        6,
        "identity.issuers[0].address",
        "[fd77::1]:7080",
    ),
    "an issuer twice": (
        WHOLE + "  issuers:\n    - {name: hill, address: 'h:1'}\n    - {name: hill, address: 'h:1'}\n",
        8,
        "identity.issuers[1].address",
        "delete one",
    ),
    "one port for two things": (WHOLE + "  port: 7080\n", 6, "identity.port", "two ports"),
    "one port for two things, the other way": (
        WHOLE + "  issuer_port: 7079\n",
        6,
        "identity.issuer_port",
        "two ports",
    ),
    "a key that is none": (WHOLE + "  tokens: x\n", 6, "identity.tokens", "token"),
}


@pytest.mark.parametrize(("text", "line", "key", "mend"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_once_with_line_key_and_mend(text: str, line: int, key: str, mend: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x0.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert mend in problem.mend


def test_a_whole_section_with_the_bundle_inside_is_taken_as_it_stands() -> None:
    text, _ = token.make(bytes(32), DOMAIN, "hill", NOW, roles=("router",), name="hill-farm-*")
    config = load_text(
        HEAD + f"identity:\n  mesh: {DOMAIN}\n  bundle: '{JWKS}'\n  token: {text}\n"
        "  issuers:\n    - {name: hill, address: '[fd77::1]:7080'}\n"
        "    - {name: hill, address: 'gw.example:1'}\n"
    )
    own = config.identity
    assert (own.mesh, own.token, own.issuer) == (DOMAIN, text, False)
    assert bundle.load((own.bundle or "").encode(), DOMAIN) == mesh().bundle
    assert [each.address for each in own.issuers] == ["[fd77::1]:7080", "gw.example:1"]


def test_nothing_said_means_no_identity() -> None:
    assert load_text(HEAD).identity == Identity()
    assert Identity().mesh is None


def test_the_bounds_are_those_of_the_identity_package() -> None:
    assert Identity().svid_life == limits.SVID_LIFE
    assert Identity().grace == limits.GRACE
    assert limits.SVID_LIFE_MAX == limits.GRACE_MAX == 90 * DAY


def test_the_longest_token_is_taken() -> None:
    text, _ = token.make(
        bytes(32), "m" * 63, "h" * 40, NOW, roles=tuple(f"r{n}" + "x" * 30 for n in range(8)), serial="s" * 64
    )
    assert load_text(WHOLE + f"  token: {text}\n").identity.token == text
