# SPDX-License-Identifier: Apache-2.0
"""Rules of the support bundle."""

import io
import json
import random
import sys
import tarfile
from typing import Any

import pytest

from agent.support import bundle, collect
from agent.web.words import words

MESH, CLIENT, LAN_CLIENT = "02:78:30:02:00:01", "a4:83:e7:12:34:56", "10.77.0.93"
RAW = {
    "batctl-neighbours.txt": f"IF  Neighbor  last-seen\n e2  {MESH}  0.1s (100.0) [ e2]",
    "ip-link.json": json.dumps([{"ifname": "wlan0", "address": "02:78:30:02:00:02"}]),
    "ip-address.json": json.dumps([{"ifname": "bat0", "addr_info": [{"local": "10.77.0.1"}]}]),
    "log.txt": f"{MESH} is back\nclient {CLIENT} has {LAN_CLIENT}\npsk=geheim123\n10.77.0.1 is mine\n",
}
GIVEN = {
    "status": {"node": "n1", "neighbours": [{"mac": MESH}]},
    "config": {"mesh": {"sae_password": "geheim123"}, "web": {"pin_file": "/secret/place"}},
    "macs": [MESH],
    "addresses": ["10.77.0.1"],
    "version": "0.1",
}


def unpack(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {
            name.removeprefix("x0-support/"): (tar.extractfile(name) or io.BytesIO()).read().decode()
            for name in tar.getnames()
        }


def test_a_bundle_holds_status_configuration_log_and_tables_without_secrets_and_clients() -> None:
    packed = bundle.make(GIVEN, RAW)
    parts = unpack(packed)
    assert set(parts) == {"about.txt", "versions.txt", "status.json", "config.json", *RAW}
    everything = "\n".join(parts.values())
    for secret in ("geheim123", "/secret/place", CLIENT, LAN_CLIENT):
        assert secret not in everything
    assert json.loads(parts["status.json"])["neighbours"] == [{"mac": MESH}]
    assert f"{MESH} is back" in parts["log.txt"]
    assert "10.77.0.1 is mine" in parts["log.txt"]
    assert "client-" in parts["log.txt"]


def test_the_page_promises_what_the_bundle_does() -> None:
    """What is taken out is named before the semicolon, what stays in behind it."""
    status = {"node": "mill", "position": {"lat": 52.51}, "location": "Mill hill"}
    raw = {**RAW, "log.txt": f"{RAW['log.txt']}the PIN 482913 was tried\n"}
    whole = "\n".join(unpack(bundle.make({**GIVEN, "status": status}, raw)).values())
    for gone in ("52.51", "Mill hill", "482913", "geheim123", CLIENT, LAN_CLIENT):
        assert gone not in whole
    for left in ("mill", MESH, "10.77.0.1"):
        assert left in whole
    for lang, taken, kept in (
        ("en", ("keys", "pins", "positions", "clients' addresses"), "names and addresses of nodes"),
        ("ru", ("ключи", "pin-коды", "координаты", "адреса клиентов"), "имена и адреса узлов"),
    ):
        out, _, stays = words(lang)("do.support-bundle.what").lower().partition(";")
        assert [each for each in taken if each not in out] == []
        assert kept in stays


def test_the_mesh_s_own_macs_and_addresses_are_found_in_the_tables() -> None:
    assert bundle.macs_of(RAW) == {MESH, "02:78:30:02:00:02"}
    assert bundle.addresses_of(RAW) == {"10.77.0.1"}


@pytest.mark.parametrize(
    "text", ["", "(ip cannot be run: no such file)", "{", "7", "[7]", '[{"addr_info": [3]}]']
)
def test_a_command_that_failed_is_no_reason_to_make_none(text: str) -> None:
    raw = {**RAW, "ip-link.json": text, "ip-address.json": text}
    bundle.macs_of(raw)
    bundle.addresses_of(raw)
    assert unpack(bundle.make(GIVEN, raw))["status.json"]


def test_a_bundle_that_would_be_too_large_loses_its_logs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_MAX", 400_000)
    dice = random.Random(1)
    noise = "\n".join("".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=100)) for _ in range(4_000))
    raw: dict[str, str] = {**RAW, "kernel.txt": noise, "log.txt": noise}
    packed = bundle.make(GIVEN, raw)
    assert len(packed) <= bundle.BUNDLE_MAX
    parts = unpack(packed)
    assert "left out" in parts["kernel.txt"]
    assert noise[:100] in parts["log.txt"]
    assert parts["status.json"]


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "COMMAND_S", 0.2)
    assert "did not answer" in collect.run((sys.executable, "-c", "import time; time.sleep(60)"))


def test_a_command_that_is_not_there_is_said() -> None:
    assert "cannot be run" in collect.run(("/nowhere/batctl",))


def test_a_long_log_loses_its_beginning_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "PART_MAX", 100)
    found = collect.cut("a" * 500 + "end", keep_end=True)
    assert found.endswith("end")
    assert "403 characters left out" in found
    assert collect.cut("begin" + "a" * 500).startswith("begin")


def test_commands_ask_for_no_table_of_clients() -> None:
    words = {word for command in collect.COMMANDS.values() for word in command}
    assert not words & {
        "neighbour",
        "neigh",
        "translocal",
        "tl",
        "transglobal",
        "tg",
        "leases",
        "dat_cache",
        "mcast_flags",
    }


def test_versions_are_said() -> None:
    found: Any = collect.versions("1.2.3-test")
    assert "agent 1.2.3-test" in found
    assert "python 3." in found
