# SPDX-License-Identifier: Apache-2.0
"""Links, events and echo on this host's kernel, in namespaces of our own, beside ip(8)."""

from __future__ import annotations

import json
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.kernel import clock, ethtool
from agent.kernel.batadv import BatAdv
from agent.kernel.echo import EchoReply, EchoSocket
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, KernelError, RefusedError
from agent.kernel.events import LinkEvents, UEvents
from agent.kernel.links import Links
from agent.readings import Link
from agent.sensors.base import SensorError
from agent.sensors.mesh import MeshSensor
from tests.integration import netns

pytestmark = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing())


@pytest.fixture
def ends() -> Iterator[tuple[str, str]]:
    with netns.pair("kern") as names:
        yield names


@pytest.fixture
def here(ends: tuple[str, str]) -> Iterator[str]:
    """This thread is in the first of the two namespaces."""
    with netns.inside(ends[0]):
        yield ends[0]


def ip_json(namespace: str, *args: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["ip", "-n", namespace, "-j", "-s", "-d", *args], check=True, capture_output=True, timeout=20
    )
    return list(json.loads(done.stdout))


def as_ip_says(row: dict[str, Any], names: dict[str, int]) -> Link:
    received, sent = row["stats64"]["rx"], row["stats64"]["tx"]
    return Link(
        name=row["ifname"],
        index=row["ifindex"],
        mac=row.get("address", ""),
        mtu=row["mtu"],
        admin_up="UP" in row["flags"],
        carrier="LOWER_UP" in row["flags"],
        kind=row.get("linkinfo", {}).get("info_kind", ""),
        master=names.get(row.get("master", ""), 0),
        peer_index=row.get("link_index", 0),
        rx_bytes=received["bytes"],
        tx_bytes=sent["bytes"],
        rx_packets=received["packets"],
        tx_packets=sent["packets"],
        rx_errors=received["errors"],
        tx_errors=sent["errors"],
        rx_dropped=received["dropped"],
        tx_dropped=sent["dropped"],
    )


def until(condition: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        select.select([], [], [], 0.01)


def test_links_are_what_ip_shows(here: str) -> None:
    links = Links()

    def same() -> bool:  # a packet may be counted between the two readings: once they must agree
        rows = ip_json(here, "link")
        names = {row["ifname"]: row["ifindex"] for row in rows}
        return links.dump() == tuple(as_ip_says(row, names) for row in rows)

    until(same, "the same links as ip -j")
    one = links.get("e1")
    assert one is not None
    assert (one.mac, one.kind) == ("02:00:00:00:00:01", "veth")
    assert links.get("x0nobody") is None


def test_what_is_set_is_what_ip_shows(here: str) -> None:
    links = Links()
    links.set_down("e1")
    links.set_mtu("e1", 1400)
    links.set_mac("e1", "02:78:30:00:00:42")
    links.rename("e1", "e9")
    (row,) = [row for row in ip_json(here, "link") if row["ifname"] == "e9"]
    assert (row["mtu"], row["address"], "UP" in row["flags"]) == (1400, "02:78:30:00:00:42", False)
    links.set_up("e9")
    links.add_address("e9", "10.77.0.1/24")
    links.add_address("e9", "10.77.0.1/24")
    assert "10.77.0.1/24" in links.addresses("e9")
    shown = {f"{a['local']}/{a['prefixlen']}" for a in ip_json(here, "address", "show", "e9")[0]["addr_info"]}
    assert set(links.addresses("e9")) == shown
    links.delete_address("e9", "10.77.0.1/24")
    links.delete_address("e9", "10.77.0.1/24")
    assert "10.77.0.1/24" not in links.addresses("e9")
    links.delete("e9")
    assert links.get("e9") is None
    with pytest.raises(InterfaceGoneError, match="e9 does not exist"):
        links.set_up("e9")


def test_the_kernels_refusal_says_why(here: str) -> None:
    with pytest.raises(RefusedError, match=r"setting the MTU of e1 to 1000000: .*EINVAL.*kernel says"):
        Links().set_mtu("e1", 1_000_000)


def test_a_dummy_has_the_address_it_was_given(here: str) -> None:
    try:
        Links().create_dummy("x0prim", "02:78:30:00:00:01")
    except RefusedError as error:
        pytest.skip(f"this kernel has no dummy interfaces: {error}")
    (row,) = [row for row in ip_json(here, "link") if row["ifname"] == "x0prim"]
    assert (row["address"], row["linkinfo"]["info_kind"]) == ("02:78:30:00:00:01", "dummy")


def test_changes_are_told_by_events(here: str) -> None:
    events, uevents, links = LinkEvents(), UEvents(), Links()
    try:
        index = links.index("e1")
        links.set_mtu("e1", 1300)
        assert select.select([events], [], [], 5)[0]
        assert (events.drain()[-1].name, links.get("e1").mtu) == ("e1", 1300)  # type: ignore[union-attr]
        links.delete("e1")
        seen: list[Link] = []

        def gone() -> bool:
            seen.extend(events.drain())
            return any(link.name == "e1" and link.index == 0 for link in seen)

        until(gone, "the deletion's event")
        removed = [event for event in uevents.drain() if event.get("ACTION") == "remove"]
        assert {"SUBSYSTEM": "net", "INTERFACE": "e1", "IFINDEX": str(index)}.items() <= removed[-1].items()
        assert events.drain() == ()
    finally:
        events.close()
        uevents.close()


def test_lost_events_are_counted_and_listening_goes_on(here: str) -> None:
    events, links = LinkEvents(), Links()
    try:
        for _ in range(300):  # each toggle is two notifications of over 1.5 KiB: more than the queue holds
            links.set_down("e1")
            links.set_up("e1")
        while events.drain():
            pass
        assert events.overruns >= 1
        links.set_mtu("e1", 1400)
        until(lambda: any(link.mtu == 1400 for link in events.drain()), "an event after the overrun")
    finally:
        events.close()


def test_a_neighbours_kernel_answers_an_echo_and_silence_is_no_answer(
    ends: tuple[str, str], here: str
) -> None:
    echo, links = EchoSocket(), Links()
    try:
        index = links.index("e1")
        heard: list[EchoReply] = []

        def answered(sequence: int) -> Callable[[], bool]:
            def asked() -> bool:
                echo.send(index, "fe80::ff:fe00:2", 42, sequence)
                select.select([echo], [], [], 0.2)
                heard.extend(echo.receive())
                return any(reply.sequence == sequence for reply in heard)

            return asked

        until(answered(7), "an answer")
        assert (heard[-1].ifindex, heard[-1].address) == (index, "fe80::ff:fe00:2")
        assert heard[-1].received_at <= time.monotonic()
        netns.ip("-n", ends[1], "link", "set", "e1", "down")
        assert echo.receive() == []
        with pytest.raises(RefusedError, match="echo to fe80::1 on interface 999"):
            echo.send(999, "fe80::1", 42, 8)
    finally:
        echo.close()


def test_replies_to_others_are_not_ours(here: str) -> None:
    ours, other = EchoSocket(), EchoSocket()
    try:
        index = Links().index("e1")
        until(lambda: _asked(other, index), "an answer to the other")
        assert ours.receive() == []
    finally:
        ours.close()
        other.close()


def _asked(echo: EchoSocket, index: int) -> bool:
    echo.send(index, "fe80::ff:fe00:2", 42, 1)
    select.select([echo], [], [], 0.2)
    return bool(echo.receive())


def test_an_interface_may_vanish_while_it_is_read(here: str) -> None:
    links, stop, failures = Links(), threading.Event(), []

    def churn() -> None:
        with netns.inside(here):
            mine = Links()
            while not stop.is_set():
                try:
                    subprocess.run(
                        ["ip", "link", "add", "v1", "type", "veth", "peer", "v2"], check=True, timeout=20
                    )
                    mine.delete("v1")
                except (KernelError, subprocess.SubprocessError) as error:
                    failures.append(error)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(300):
            try:
                assert any(link.name == "lo" for link in links.dump())
                links.get("v1")
                links.addresses("v1")
            except InterfaceGoneError:
                pass
    finally:
        stop.set()
        thread.join(20)
    assert failures == []


def test_without_the_module_the_sensor_says_how_to_mend(here: str) -> None:
    if Path("/sys/module/batman_adv").exists():
        pytest.skip("batman-adv is loaded here")
    with pytest.raises(FamilyMissingError, match="modprobe batman-adv"):
        BatAdv().mesh("lo")
    with pytest.raises(SensorError, match="mesh bat0: "):
        MeshSensor("bat0").read(0.0)


def test_statistics_are_what_ethtool_would_ask_for(here: str) -> None:
    found = ethtool.stats("e1")
    assert found.get("peer_ifindex") == Links().get("e1").peer_index  # type: ignore[union-attr]
    assert ethtool.stats("lo") == {}
    with pytest.raises(KernelError, match="statistics of x0nobody"):
        ethtool.stats("x0nobody")


def test_the_clocks_state_is_the_kernels() -> None:
    state = clock.state()
    assert state.max_error_s > 0
    assert abs(state.offset_s) < 1
    assert clock.uptime() >= time.monotonic() - 1
