# SPDX-License-Identifier: Apache-2.0
"""Rules of who may send a form: by page and by network."""

import pytest

from agent.web.origin import foreign, key_of, outside, proven

HERE = "10.77.0.1:8080"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HERE, "origin": f"http://{HERE}"},
        {"host": HERE, "origin": f"https://{HERE}"},
        {"host": "[fd77::1]:8080", "origin": "http://[fd77::1]:8080"},
        {"host": "Barn-1", "origin": "http://barn-1"},
        {"host": "barn-1.local:8080", "origin": "http://barn-1.local:8080"},
        {"host": HERE, "sec-fetch-site": "same-origin"},
    ],
)
def test_a_form_of_our_own_page_is_taken_and_proven(headers: dict[str, str]) -> None:
    assert foreign(headers) == ""
    assert proven(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HERE, "origin": "http://evil.example"},
        {"host": HERE, "origin": "null"},
        {"host": HERE, "origin": ""},
        {"host": HERE, "origin": "http://10.77.0.1"},  # another port is another origin
        {"host": HERE, "origin": f"http://{HERE}.evil.example"},
        {"host": HERE, "sec-fetch-site": "cross-site"},
        {"host": HERE, "sec-fetch-site": "same-site"},
        {"host": "evil.example:8080", "origin": "http://evil.example:8080"},  # a name that was pointed here
        {"host": "evil.example"},
        {"host": ""},
        {},
    ],
)
def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    assert foreign(headers)
    assert not proven(headers)


def test_a_client_that_is_no_browser_is_not_foreign_but_proves_nothing() -> None:
    assert foreign({"host": HERE}) == ""
    assert not proven({"host": HERE})


OWN = ("203.0.113.7/29", "2001:db8:1::1/64")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.9", "192.168.1.7", "172.16.0.3", "169.254.1.1", "fe80::1%eth0", "fd77::5",
     "::ffff:10.0.0.9", "203.0.113.3", "2001:db8:1::77"],
)  # fmt: skip
def test_the_node_s_networks_may_act(address: str) -> None:
    assert not outside(address, (), lambda: OWN)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00::1", "203.0.114.1", "::ffff:8.8.8.8", "?", ""])
def test_others_may_not(address: str) -> None:
    assert outside(address, (), lambda: OWN)


def test_configured_networks_are_the_only_ones_beside_the_node_itself() -> None:
    allowed = ("10.77.0.0/16", "fd77::/48")
    assert not outside("10.77.3.4", allowed, lambda: OWN)
    assert not outside("fd77::9", allowed, lambda: OWN)
    assert outside("192.168.1.7", allowed, lambda: OWN)
    assert not outside("127.0.0.1", allowed, lambda: OWN)


def test_private_clients_cost_no_question_to_the_kernel() -> None:
    def asked() -> tuple[str, ...]:
        raise AssertionError

    assert not outside("10.0.0.1", (), asked)


@pytest.mark.parametrize(
    ("address", "key"),
    [("127.0.0.5", "loop"), ("::1", "loop"), ("fe80::1%eth0", "fe80::1"), ("::ffff:10.0.0.9", "10.0.0.9"),
     ("FD77:0::1", "fd77::1"), ("x" * 200, "x" * 64)],
)  # fmt: skip
def test_an_address_is_counted_under_one_name(address: str, key: str) -> None:
    assert key_of(address, "loop") == key
