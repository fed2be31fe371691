# SPDX-License-Identifier: Apache-2.0
"""Join tokens: whole, of this mesh and issuer, in time, for this device; nothing else."""

import base64

import pytest

from agent.codec import cbor, cose
from agent.identity import token
from agent.identity.errors import AuthorityError, SpiffeIdError, TokenError
from agent.identity.limits import DAY, YEAR
from agent.identity.moment import Moment
from tests.unit.identity.mesh import DOMAIN, NOW

KEY, OTHER_KEY = bytes(32), bytes(range(32))
AT_NOW = Moment(NOW)
NODE = "hill-n1"


def made(**options: object) -> str:
    return token.make(KEY, DOMAIN, "hill", NOW, **options)[0]  # type: ignore[arg-type]


def refused(text: str, **changes: object) -> str:
    given = {"key": KEY, "mesh": DOMAIN, "issuer": "hill", "moment": AT_NOW, "name": NODE, **changes}
    with pytest.raises(TokenError) as caught:
        token.check(text, **given)  # type: ignore[arg-type]
    assert caught.value.mend
    return caught.value.reason


def test_a_token_says_what_was_asked_and_is_checked() -> None:
    text = made(uses=5, life=DAY, roles=("router", "gateway", "router"), serial="A 17")
    found = token.check(text, KEY, DOMAIN, "hill", AT_NOW, NODE, "A 17")
    assert found == token.read(f"  {text}\n")
    assert (found.uses, found.end, found.roles, found.serial) == (
        5,
        int(NOW + DAY),
        ("router", "gateway"),
        "A 17",
    )


def test_a_plain_token_fits_a_line_of_yaml_and_the_largest_one_its_bound() -> None:
    assert len(made()) < 200
    largest = token.make(
        KEY,
        "a" * 63,
        "b" * 63,
        NOW,
        uses=1000,
        life=YEAR,
        roles=tuple(c * 32 for c in "abcdefgh"),
        serial="s" * 64,
    )[0]
    assert len(largest) <= token.TOKEN_CHARS
    assert token.check(largest, KEY, "a" * 63, "b" * 63, AT_NOW, "b" * 63, "s" * 64).uses == 1000


def test_two_tokens_are_never_the_same() -> None:
    assert made() != made()


def test_a_token_for_another_mesh_or_issuer_is_refused_with_both_named() -> None:
    assert refused(made(), mesh="other.mesh") == "mesh"
    assert refused(made(), issuer="dale") == "issuer"
    with pytest.raises(TokenError, match=r"mesh valley\.mesh, this is other\.mesh"):
        token.check(made(), KEY, "other.mesh", "hill", AT_NOW, NODE)


def test_a_forged_token_is_refused() -> None:
    assert refused(made(), key=OTHER_KEY) == "forged"
    found = token.read(made())
    payload = cbor.encode({1: DOMAIN, 2: "hill", 3: found.id, 4: 1000, 5: found.end})
    raw = cose.mac0(payload, key=OTHER_KEY, purpose=token.PURPOSE)
    assert refused(token.PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == "forged"


def test_a_mac_made_for_another_purpose_is_no_token() -> None:
    found = token.read(made())
    payload = cbor.encode({1: DOMAIN, 2: "hill", 3: found.id, 4: 1, 5: found.end})
    raw = cose.mac0(payload, key=KEY, purpose=b"x0 something else 1")
    assert refused(token.PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == "forged"


def test_every_changed_character_is_noticed() -> None:
    text = made()
    for at in range(len(token.PREFIX), len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert refused(changed) in {"form", "forged", "mesh", "issuer"}


def test_a_token_ends() -> None:
    text = made(life=DAY)
    assert token.check(text, KEY, DOMAIN, "hill", Moment(NOW + DAY), NODE).uses == 1
    assert refused(text, moment=Moment(NOW + DAY + 1)) == "expired"
    assert refused(text, moment=Moment(NOW + 10 * YEAR)) == "expired"
    assert refused(text, moment=Moment(NOW + DAY + 1, trusted=False)) == "expired"


def test_a_clock_ten_years_behind_does_not_keep_a_node_out() -> None:
    assert token.check(made(), KEY, DOMAIN, "hill", Moment(NOW - 10 * YEAR, trusted=False), NODE).uses == 1


def test_a_token_for_one_device_serves_no_other() -> None:
    assert refused(made(serial="A17"), serial="A18") == "serial"
    assert refused(made(serial="A17")) == "serial"


@pytest.mark.parametrize(
    ("given", "gives", "not_others"),
    [
        ("", ("hill", "hill-n1", "hill-x-y"), ("hillside", "dale", "n1", "")),
        ("Hill-Roof", ("hill-roof",), ("hill", "hill-roof2", "hill-roo")),
        ("hill-farm-*", ("hill-farm-1", "hill-farm-a-b"), ("hill-farm", "hill-far", "hill-1", "dale-farm-1")),
        ("hill", ("hill",), ("hill-n1",)),
        ("hill-*", ("hill-n1",), ("hill",)),
    ],
)
def test_a_token_gives_the_names_it_was_made_for(
    given: str, gives: tuple[str, ...], not_others: tuple[str, ...]
) -> None:
    text = made(name=given)
    for name in gives:
        assert token.check(text, KEY, DOMAIN, "hill", AT_NOW, name).gives(name)
    for name in not_others:
        assert refused(text, name=name) == "name"


@pytest.mark.parametrize(
    "text",
    ["", "x0join.", "x0join.AAAA", "x0join.%%%%", "hello", "x0join." + "A" * 2000, "X0JOIN.AAAA", "x0join.é"],
)
def test_what_is_no_token_is_called_so(text: str) -> None:
    assert refused(text) == "form"


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 9: 1},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 8: 1},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 8: ""},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 8: "dale-*"},
        {1: DOMAIN, 2: "hill", 3: bytes(15), 4: 1, 5: 9},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 0, 5: 9},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1001, 5: 9},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: True, 5: 9},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: -1},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 6: ["Root"]},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 6: [1]},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 6: "router"},
        {1: DOMAIN, 2: "hill", 3: bytes(16), 4: 1, 5: 9, 7: "s" * 65},
        {1: "UPPER", 2: "hill", 3: bytes(16), 4: 1, 5: 9},
        {1: 7, 2: "hill", 3: bytes(16), 4: 1, 5: 9},
    ],
)
def test_a_payload_out_of_bounds_is_refused_even_with_the_right_mac(payload: object) -> None:
    raw = cose.mac0(cbor.encode(payload), key=KEY, purpose=token.PURPOSE)
    assert refused(token.PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == "form"


@pytest.mark.parametrize(
    "options",
    [
        {"uses": 0},
        {"uses": 1001},
        {"life": 59},
        {"life": 2 * YEAR},
        {"roles": tuple("abcdefghi")},
        {"serial": "s" * 65},
        {"serial": "a\nb"},
        {"name": "dale-roof"},
        {"name": "hill*"},
        {"name": "*"},
        {"name": "hill-"},
        {"name": "hill-" + "a" * 58 + "*"},
    ],
)
def test_a_token_out_of_bounds_is_not_made(options: dict[str, object]) -> None:
    with pytest.raises((AuthorityError, SpiffeIdError)):
        made(**options)


def test_without_a_token_key_there_is_no_token() -> None:
    with pytest.raises(AuthorityError, match="hill has no token key"):
        token.make(b"", DOMAIN, "hill", NOW)


def test_keys_are_random_and_long_enough() -> None:
    assert len(token.new_key()) == 32
    assert token.new_key() != token.new_key()
