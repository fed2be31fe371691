# SPDX-License-Identifier: Apache-2.0
"""What the agent's kernel part reads on a real node is what batctl, ip and iw show there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tools.lab.client import Lab

PYTHON_PATH = "/src:/usr/lib/x0/python"  # the shared tree and the libraries of the image
AGE = 2.0  # s two readings of one table may lie apart in an emulated machine
READ = """
import json, sys, msgspec
from agent.kernel import ethtool
from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.sensors.mesh import MeshSensor
mesh = MeshSensor("bat0").read(0.0)
value = {"mesh": mesh, "links": Links().dump(), "addresses": Links().addresses("bat0")}
sys.stdout.write(msgspec.json.encode(value).decode())
"""
READ_RADIOS = """
import sys, msgspec
from agent.kernel.nl80211 import Nl80211
from agent.sensors.radios import RadiosSensor
value = {"radios": RadiosSensor().read(0.0), "kinds": [sorted(w.kinds) for w in Nl80211().wiphys()]}
sys.stdout.write(msgspec.json.encode(value).decode())
"""


def read(lab: Lab, node: str, program: str) -> Any:
    return json.loads(
        lab.exec(node, "python3", "-c", program, timeout=60, env={"PYTHONPATH": PYTHON_PATH}).stdout
    )


def until(check: Callable[[], None], seconds: float = 60.0) -> None:
    """A mesh lives between two readings: they must agree once within the time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise


def test_tables_are_those_of_batctl(bare_line5: Lab) -> None:
    lab, node = bare_line5, bare_line5.nodes[1]

    def same() -> None:
        ours = read(lab, node, READ)["mesh"]
        theirs = lab.json(node, "batctl", "mj")
        assert (ours["name"], ours["index"], ours["algo"]) == (
            "bat0",
            theirs["mesh_ifindex"],
            theirs["algo_name"],
        )
        assert (ours["mac"], ours["ogm_interval_ms"]) == (theirs["hard_address"], theirs["orig_interval"])
        assert (ours["hop_penalty"], ours["gw_mode"]) == (theirs["hop_penalty"], theirs["gw_mode"])
        assert ours["bla"] == theirs["bridge_loop_avoidance_enabled"]
        assert ours["bonding"] == theirs["bonding_enabled"]
        hardifs = {row["hard_ifname"]: row for row in lab.json(node, "batctl", "hj")}
        assert {row["name"] for row in ours["hardifs"]} == set(hardifs)
        for row in ours["hardifs"]:
            their = hardifs[row["name"]]
            assert (row["index"], row["mac"], row["active"]) == (
                their["hard_ifindex"], their["hard_address"], their.get("active", False),
            )  # fmt: skip
            assert row["elp_interval_ms"] == their["elp_interval"]
            assert row["throughput_override_kbit"] == their["throughput_override"] * 100
        pairs = {(row["hard_ifname"], row["neigh_address"]): row for row in lab.json(node, "batctl", "nj")}
        assert {(row["hardif"], row["mac"]) for row in ours["neighbours"]} == set(pairs)
        assert len(pairs) == 2
        for row in ours["neighbours"]:
            their = pairs[row["hardif"], row["mac"]]
            assert row["throughput_kbit"] == their["throughput"]
            assert abs(row["last_seen_age"] - their["last_seen_msecs"] / 1000) < AGE
        ways = {
            (row["orig_address"], row["neigh_address"], row["hard_ifname"]): (
                row["throughput"], row.get("best", False),
            )
            for row in lab.json(node, "batctl", "oj")
        }  # fmt: skip
        assert {
            (row["mac"], row["neighbour"], row["hardif"]): (row["throughput_kbit"], row["best"])
            for row in ours["originators"]
        } == ways
        assert {way[0] for way in ways} == {row["mac"] for row in ours["originators"]}
        local = lab.json(node, "batctl", "tlj")
        others = lab.json(node, "batctl", "tgj")
        assert (ours["tt_local"], ours["tt_global"]) == (len(local), len(others))

    until(same)


def test_a_gateway_is_announced_in_kbit(bare_line5: Lab) -> None:
    lab, server, node = bare_line5, bare_line5.nodes[0], bare_line5.nodes[1]
    lab.exec(server, "batctl", "meshif", "bat0", "gw_mode", "server", "20mbit/5mbit")
    try:

        def same() -> None:
            read_now, shown = read(lab, node, READ)["mesh"]["gateways"], lab.json(node, "batctl", "gwj")
            assert len(read_now) == len(shown) == 1, "announced"  # not at once: `until` asks again
            ours, theirs = read_now[0], shown[0]
            assert (ours["mac"], ours["router"]) == (theirs["orig_address"], theirs["router"])
            assert (ours["down_kbit"], ours["up_kbit"]) == (20_000, 5_000)
            assert ours["throughput_kbit"] == theirs["throughput"] * 100

        until(same)
    finally:
        lab.exec(server, "batctl", "meshif", "bat0", "gw_mode", "off")


def test_links_and_addresses_are_those_of_ip(bare_line5: Lab) -> None:
    lab, node = bare_line5, bare_line5.nodes[1]

    def same() -> None:
        ours = read(lab, node, READ)
        theirs = {row["ifname"]: row for row in lab.json(node, "ip", "-j", "-s", "-d", "link")}
        assert {row["name"] for row in ours["links"]} == set(theirs)
        for row in ours["links"]:
            their = theirs[row["name"]]
            assert (row["index"], row["mac"], row["mtu"]) == (
                their["ifindex"],
                their["address"],
                their["mtu"],
            )
            assert row["admin_up"] == ("UP" in their["flags"])
            assert row["carrier"] == ("LOWER_UP" in their["flags"])
            assert row["kind"] == their.get("linkinfo", {}).get("info_kind", "")
            master = theirs[their["master"]]["ifindex"] if "master" in their else 0
            assert row["master"] == master
            assert row["rx_packets"] <= their["stats64"]["rx"]["packets"]
            assert row["tx_bytes"] <= their["stats64"]["tx"]["bytes"]
        (shown,) = lab.json(node, "ip", "-j", "address", "show", "bat0")
        assert set(ours["addresses"]) == {f"{a['local']}/{a['prefixlen']}" for a in shown["addr_info"]}

    until(same)


def test_counters_are_those_of_ethtool(bare_line5: Lab) -> None:
    lab, node = bare_line5, bare_line5.nodes[1]
    ours = read(lab, node, READ)["mesh"]["counters"]
    text = lab.exec(node, "ethtool", "-S", "bat0").stdout
    theirs = {name: int(number) for name, number in re.findall(r"^\s+(\w+): (\d+)$", text, re.MULTILINE)}
    assert set(ours) == set(theirs)
    assert 0 < ours["mgmt_rx"] <= theirs["mgmt_rx"]


def test_stations_and_channels_are_those_of_iw(lab_radio4: Lab) -> None:
    lab, node = lab_radio4, lab_radio4.nodes[1]

    def same() -> None:
        ours = read(lab, node, READ_RADIOS)
        assert any("mesh" in kinds and "ibss" in kinds for kinds in ours["kinds"])
        text = lab.exec(node, "iw", "dev").stdout
        shown = {
            found["name"]: found
            for found in (
                match.groupdict()
                for match in re.finditer(
                    r"Interface (?P<name>\S+).*?ifindex (?P<index>\d+).*?addr (?P<mac>\S+).*?"
                    r"type (?P<kind>[^\n]+).*?channel \d+ \((?P<freq>\d+) MHz\)",
                    text,
                    re.DOTALL,
                )
            )
        }
        meshing = [radio for radio in ours["radios"] if radio["kind"] == "mesh"]
        assert {radio["name"] for radio in meshing} == set(shown)
        for radio in meshing:
            their = shown[radio["name"]]
            assert (radio["index"], radio["mac"]) == (int(their["index"]), their["mac"])
            assert (their["kind"], radio["freq_mhz"]) == ("mesh point", int(their["freq"]))
            dump = lab.exec(node, "iw", "dev", radio["name"], "station", "dump").stdout
            stations = dict(
                re.findall(r"^Station (\S+) (.*?)(?=^Station|\Z)", dump, re.MULTILINE | re.DOTALL)
            )
            assert {row["mac"] for row in radio["stations"]} == set(stations)
            assert stations
            for row in radio["stations"]:
                words = stations[row["mac"]]
                signal = re.search(r"signal:\s+(-?\d+)", words)
                plink = re.search(r"mesh plink:\s+(\S+)", words)
                assert signal is not None
                assert plink is not None
                assert (row["signal_dbm"], row["plink"]) == (int(signal[1]), plink[1].lower())

    until(same)
