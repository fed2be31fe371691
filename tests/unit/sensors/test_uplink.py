# SPDX-License-Identifier: Apache-2.0
"""The uplink sensor: who is asked, how often, and what their silence means; rates from counters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from agent.config import Interface, Mesh
from agent.configfile import load_text
from agent.configgateway import Gateway
from agent.kernel.errors import RefusedError
from agent.kernel.routes import DefaultRoute, default_routes
from agent.readings import Link, Uplink
from agent.sensors import uplink as module
from agent.sensors.question import Question
from agent.sensors.uplink import CALM, DOUBT, LONG_EVERY, PENDING, UplinkSensor, make
from agent.sensors.wayout import Target, WayOut


class Asked:
    """A question that is decided when the world says so."""

    def __init__(self, now: float, answers: bool | None) -> None:
        self.asked_at, self.done, self.ok, self.detail = now, False, False, ""
        self._answers, self.closed = answers, False

    def advance(self, now: float) -> None:
        late = now - self.asked_at >= 2.0
        if self._answers or late:
            self.done, self.ok = True, bool(self._answers)
            self.detail = "answers" if self.ok else "no answer in time"

    def close(self) -> None:
        self.closed = True

    def fileno(self) -> int:
        return 0


class World:
    """Targets that answer or not, an interface that counts, a clock."""

    def __init__(self, tmp: Path, **gateway: Any) -> None:
        self.now = 1000.0
        self.silent: set[str] = set()
        self.asked: list[tuple[float, str, str]] = []
        self.routes: list[DefaultRoute] = [DefaultRoute("wan0", "192.0.2.1", 100)]
        self.resolv = tmp / "resolv.conf"
        self.resolv.write_text("# made by hand\nsearch lan\nnameserver 192.0.2.53\nnameserver nonsense\n")
        self.bytes = {"wan0": (0, 0)}
        self.refuse = False
        mesh = Mesh(interfaces=(Interface("e1"),), gateway=Gateway(mode="server", **gateway))
        self.way = WayOut(mesh, lambda: self.routes, self.resolv)
        self.sensor = UplinkSensor(
            self.way,
            "example.com",
            cast(Any, self),
            cast(Callable[..., Question], self.ask),
            lambda: self.now,
        )

    def ask(self, target: Target, device: str, name: str, now: float) -> Asked:
        self.asked.append((now, target.address, device))
        return Asked(now, target.address not in self.silent)

    def get(self, name: str) -> Link | None:
        if self.refuse:
            raise RefusedError("EPERM")
        if name not in self.bytes:
            return None
        rx, tx = self.bytes[name]
        return Link(name, 3, "02:00:00:00:00:01", 1500, True, True, rx_bytes=rx, tx_bytes=tx)

    def run(self, seconds: float) -> Uplink:
        """Read as the monitor reads, for so long."""
        end, reading = self.now + seconds, None
        while reading is None or self.now < end:
            reading = self.sensor.read(self.now)
            self.now += self.sensor.period(False)
        return reading


@pytest.fixture(autouse=True)
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to wait for: the questions are decided by the world's clock."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)


def test_the_default_route_s_router_and_the_resolvers_are_asked_every_ten_seconds(tmp_path: Path) -> None:
    world = World(tmp_path)
    reading = world.run(30.0)
    assert [(p.kind, p.target, p.configured, p.ever_answered) for p in reading.probes] == [
        ("icmp", "192.0.2.1", False, True),
        ("dns", "192.0.2.53", False, True),
    ]
    assert {device for _, _, device in world.asked} == {"wan0"}
    world.asked.clear()
    world.run(100.0)
    assert 20 <= len(world.asked) <= 22, "two targets"


def test_one_that_falls_silent_is_asked_every_second_and_later_every_five(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(60.0)
    world.silent = {"192.0.2.1"}
    reading = world.run(30.0)
    icmp, dns = reading.probes
    assert icmp.unanswered >= 5
    assert icmp.failing_age > 15.0
    assert icmp.passing_age == 0.0
    assert icmp.detail == "no answer in time"
    assert (dns.unanswered, dns.failing_age) == (0, 0.0)
    assert dns.passing_age > 60.0
    world.run(60.0)
    world.asked.clear()
    world.run(60.0)
    assert len([1 for _, target, _ in world.asked if target == "192.0.2.1"]) <= 60 / LONG_EVERY + 1


def test_one_answer_ends_the_silence_and_begins_the_passing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.silent = {"192.0.2.1"}
    assert world.run(30.0).probes[0].ever_answered is False
    world.silent = set()
    probe = world.run(20.0).probes[0]
    assert (probe.unanswered, probe.failing_age, probe.ever_answered) == (0, 0.0, True)
    assert 0.0 < probe.passing_age <= 20.0


def test_targets_of_the_configuration_replace_those_found(tmp_path: Path) -> None:
    world = World(tmp_path, uplink="wwan0", ping=("198.51.100.1",), resolvers=("198.51.100.53",))
    reading = world.run(1.0)
    assert reading.interface == "wwan0"
    assert [(p.target, p.configured) for p in reading.probes] == [
        ("198.51.100.1", True),
        ("198.51.100.53", True),
    ]


def test_a_route_that_vanished_keeps_its_router_to_be_silent(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(30.0)
    world.routes, world.silent = [], {"192.0.2.1"}
    assert world.run(30.0).probes[0].failing_age > 10.0


def test_a_default_route_into_the_mesh_is_no_way_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.routes = [DefaultRoute("bat0", "10.77.0.1", 0), DefaultRoute("e1", "10.77.0.1", 0)]
    world.resolv.unlink()
    reading = world.run(1.0)
    assert (reading.interface, reading.probes, reading.rx_kbit) == ("", (), None)


def test_a_new_router_is_asked_afresh(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.silent = {"192.0.2.1"}
    world.run(30.0)
    world.routes = [DefaultRoute("wan0", "192.0.2.2", 100)]
    probe = world.run(1.0).probes[0]
    assert (probe.target, probe.failing_age) == ("192.0.2.2", 0.0)


def test_the_rate_is_what_was_carried_since_the_last_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.run(1.0).rx_kbit is None
    world.now += 10.0
    world.bytes["wan0"] = (1_250_000, 125_000)
    before = world.now
    reading = world.sensor.read(world.now)
    seconds = before - 1000.0
    assert reading.rx_kbit == pytest.approx(10_000_000 / 1000 / seconds, rel=0.05)
    assert reading.tx_kbit == pytest.approx(1_000_000 / 1000 / seconds, rel=0.05)


def test_counters_that_begin_anew_or_cannot_be_read_give_no_rate(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bytes["wan0"] = (10**9, 10**9)
    world.run(20.0)
    world.bytes["wan0"] = (5, 5)
    assert world.run(10.0).rx_kbit is None
    world.refuse = True
    assert world.run(20.0).rx_kbit is None


def test_it_looks_again_soon_while_a_question_is_open(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.silent = {"192.0.2.1"}
    world.sensor.read(world.now)
    assert world.sensor.period(True) == world.sensor.period(False) == PENDING
    assert PENDING < DOUBT < CALM


def test_only_a_server_has_the_sensor() -> None:
    text = "node: {name: n1}\nmesh:\n  interfaces: [{name: e1}]\n  gateway: {mode: %s}\n"
    assert make(load_text(text % "server")) is not None
    assert make(load_text(text % "client")) is None
    assert make(load_text("node: {name: n1}\nmesh: {enabled: false, gateway: {mode: server}}\n")) is None


V4 = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "wan0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "ppp0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
    "e1\t000000C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    "down\t00000000\t010200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0\n"
    "torn\t0000\n"
)
Z = "0" * 32
V6 = (
    f"{Z} 00 {Z} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     wan0\n"
    f"{Z} 00 {Z} 00 {Z} ffffffff 00000001 00000000 00200200       lo\n"
    f"{Z} 00 {Z} 00 20010db8000000000000000000000001 00000200 00000001 00000000 00000003     wan1\n"
)


def test_default_routes_are_read_the_best_first(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(V4)
    (tmp_path / "ipv6_route").write_text(V6)
    assert default_routes(tmp_path) == (
        DefaultRoute("ppp0", "", 50),
        DefaultRoute("wan0", "192.0.2.1", 100),
        DefaultRoute("wan1", "2001:db8::1", 0x200),
        DefaultRoute("wan0", "fe80::1%wan0", 0x400),
    )


def test_without_tables_there_is_no_route(tmp_path: Path) -> None:
    assert default_routes(tmp_path) == ()
