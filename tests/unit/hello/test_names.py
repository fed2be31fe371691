# SPDX-License-Identifier: Apache-2.0
"""Names go from neighbour to neighbour: slowly, bounded, and the nearer word holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent import readings
from agent.config import Config, Mesh, Node
from agent.events import Snapshot
from agent.hello.errors import MessageError
from agent.hello.message import (
    MAX_HOPS,
    HelloMessage,
    Told,
    decode_hello,
    encode,
    mac_bytes,
    mac_text,
)
from agent.hello.names import BYTES_PER_S, MAX_NAMES, SAVED_BYTES, STALE_S, Names, Telling
from agent.hello.service import Hello
from agent.nodehello import NodeHello
from agent.readings import Known
from agent.sensors.names import NamesSensor
from tests.unit.hello.test_interface import Wired

HELLO_S = 1.0


def mac(number: int) -> str:
    return f"02:78:30:00:{number >> 8:02x}:{number & 255:02x}"


class Line:
    """Nodes 0, 1, 2 ... on a line of wires; a second of hellos is one `beat`."""

    def __init__(self, count: int, is_node: Callable[[str], bool] = lambda _: True) -> None:
        self.called = [f"node-{n}" for n in range(count)]
        self.names = [Names(is_node) for _ in range(count)]
        self.telling = {(n, to): Telling() for n in range(count) for to in self._beside(n)}
        self.now = 0.0

    def _beside(self, number: int) -> list[int]:
        return [n for n in (number - 1, number + 1) if 0 <= n < len(self.called)]

    def beat(self, seconds: float) -> None:
        for _ in range(round(seconds / HELLO_S)):
            self.now += HELLO_S
            for (sender, to), telling in self.telling.items():
                told = telling.next(self.names[sender], [mac(to)], self.now)
                self.names[to].take(mac(sender), self.called[sender], 1, mac(sender), self.now)
                if told is not None and mac_text(told.originator) != mac(to):
                    originator = mac_text(told.originator)
                    self.names[to].take(originator, told.node, told.hops + 1, mac(sender), self.now)

    def known_to(self, number: int) -> dict[str, str]:
        return dict(self.names[number].snapshot())


def test_every_node_of_a_line_learns_what_every_other_is_called() -> None:
    line = Line(6)
    line.beat(30)
    assert line.known_to(0)[mac(2)] == "node-2"
    line.beat(90)
    for number in range(6):
        assert line.known_to(number) == {mac(n): f"node-{n}" for n in range(6) if n != number}


def test_new_name_of_a_renamed_node_replaces_the_old_one_everywhere() -> None:
    line = Line(5)
    line.beat(120)
    line.called[4] = "bakery"
    line.beat(120)
    assert [line.known_to(n)[mac(4)] for n in range(4)] == ["bakery"] * 4


def test_nearer_word_holds_against_a_farther_one() -> None:
    names = Names(lambda _: True)
    names.take(mac(9), "mill", 2, mac(1), 0.0)
    names.take(mac(9), "evil", 3, mac(2), 1.0)
    names.take(mac(9), "evil", 2, mac(2), 1.0)
    assert names.snapshot() == {mac(9): "mill"}
    names.take(mac(9), "mill-2", 1, mac(9), 2.0)
    assert names.snapshot() == {mac(9): "mill-2"}


def test_word_that_was_not_renewed_for_hours_gives_way() -> None:
    names = Names(lambda _: True)
    names.take(mac(9), "mill", 2, mac(1), 0.0)
    names.take(mac(9), "church", 5, mac(2), STALE_S)
    assert names.snapshot() == {mac(9): "church"}


def test_what_names_cost_on_a_link_is_bounded_however_many_there_are() -> None:
    names, telling = Names(lambda _: True), Telling()
    for n in range(300):
        names.take(mac(n), "n" * (1 + n % 63), 1, mac(n), 0.0)
    plain = HelloMessage(
        version=1,
        node="n1",
        originator=mac_bytes(mac(0)),
        mac=mac_bytes(mac(0)),
        sequence=1,
        interval_ms=1000,
    )
    spent, seconds = 0, 2000
    for second in range(seconds):
        for _ in range(3):  # announcements bring further hellos, not further names
            told = telling.next(names, ["a", "b"], float(second))
            spent += len(encode(msgspec.structs.replace(plain, told=told))) - len(encode(plain))
    assert 0.9 * BYTES_PER_S * seconds < spent <= BYTES_PER_S * seconds + SAVED_BYTES


def test_silence_saves_up_no_burst() -> None:
    names, telling = Names(lambda _: True), Telling()
    for n in range(100):
        names.take(mac(n), "node", 1, mac(n), 0.0)
    telling.next(names, ["a", "b"], 0.0)
    told = [telling.next(names, ["a", "b"], 86_400.0) for _ in range(100)]
    assert sum(each is not None for each in told) <= SAVED_BYTES / 15


def test_all_are_told_in_turns_the_nearest_first() -> None:
    names, telling = Names(lambda _: True), Telling()
    for n, hops in ((1, 3), (2, 1), (3, 2)):
        names.take(mac(n), f"n{n}", hops, mac(7), 0.0)
    seen = [telling.next(names, ["a", "b"], n * 10.0) for n in range(7)]
    assert [each.node for each in seen if each] == ["n2", "n3", "n1"] * 2
    telling.newcomer()
    again = telling.next(names, ["a", "b", "c"], 100.0)
    assert again is not None
    assert again.node == "n2"


def test_who_told_it_is_not_told_it_again_where_nobody_else_listens() -> None:
    names, telling = Names(lambda _: True), Telling()
    names.take(mac(9), "mill", 2, mac(1), 0.0)
    telling.next(names, [mac(1)], 0.0)
    assert telling.next(names, [mac(1)], 100.0) is None
    assert telling.next(names, [], 200.0) is None
    assert telling.next(names, [mac(1), mac(2)], 300.0) is not None


def test_invented_nodes_are_neither_kept_nor_passed_on() -> None:
    real = {mac(n) for n in range(3)}
    names = Names(real.__contains__)
    for n in range(MAX_NAMES * 2):
        names.take(mac(n), "evil", 2, mac(1), 0.0)
    assert set(names.snapshot()) == real
    real.discard(mac(2))
    assert {originator for originator, _ in names.known()} == real


def test_table_is_bounded_and_makes_room_by_what_is_gone() -> None:
    gone: set[str] = set()
    names = Names(lambda each: each not in gone)
    for n in range(MAX_NAMES + 50):
        names.take(mac(n), "n", 1, mac(n), 0.0)
    assert len(names.snapshot()) == MAX_NAMES
    gone.update(mac(n) for n in range(100))
    names.take(mac(5000), "new", 1, mac(5000), 1.0)
    assert len(names.snapshot()) == MAX_NAMES - 100 + 1


def test_snapshot_is_the_same_object_while_nothing_changes() -> None:
    names = Names(lambda _: True)
    names.take(mac(1), "n1", 1, mac(1), 0.0)
    before = names.snapshot()
    names.take(mac(1), "n1", 1, mac(1), 1.0)
    assert names.snapshot() is before


def test_name_that_came_too_far_ends_there() -> None:
    names = Names(lambda _: True)
    names.take(mac(1), "n1", MAX_HOPS + 1, mac(2), 0.0)
    names.take(mac(3), "n3", MAX_HOPS, mac(2), 0.0)
    assert names.snapshot() == {mac(3): "n3"}
    assert list(names.known()) == []


HELLO = HelloMessage(
    version=1,
    node="n2",
    originator=mac_bytes(mac(2)),
    mac=mac_bytes("02:78:30:02:00:02"),
    sequence=1,
    interval_ms=60_000,
    told=Told(mac_bytes(mac(3)), "barn", 1),
)


def test_hello_of_an_agent_that_tells_no_names_is_taken() -> None:
    fields = msgspec.msgpack.decode(encode(HELLO))
    older = decode_hello(msgspec.msgpack.encode(fields[:-1]))
    assert older == msgspec.structs.replace(HELLO, told=None)


@pytest.mark.parametrize(
    "told",
    [
        (mac_bytes(mac(3)), "a b", 1),
        (mac_bytes(mac(3)), "<b>", 1),
        (mac_bytes(mac(3)), "x" * 64, 1),
        (mac_bytes(mac(3)), "barn", 0),
        (mac_bytes(mac(3)), "barn", MAX_HOPS + 1),
        (b"\x01" * 6, "barn", 1),
        (b"\x02" * 5, "barn", 1),
    ],
)
def test_name_out_of_bounds_is_refused(told: tuple[Any, ...]) -> None:
    fields = msgspec.msgpack.decode(encode(HELLO))
    with pytest.raises(MessageError):
        decode_hello(msgspec.msgpack.encode([*fields[:-1], told]))


async def test_service_learns_names_from_hellos_and_tells_them_on() -> None:
    wires: dict[str, Wired] = {}
    now = 100.0

    def open_channel(name: str, *_: object) -> Any:
        wires[name] = Wired(name)
        return wires[name]

    came = asyncio.Event()
    hello = Hello(
        node="n1", interfaces=["e1", "e2"], mesh="bat0", port=7077, interval=60.0,
        originator=lambda: mac(1), is_node=lambda each: each != mac(66), on_change=lambda _: came.set(),
        clock=lambda: now, rng=random.Random(1), open_channel=open_channel,
    )  # fmt: skip
    hello.start()

    async def heard(wire: str, message: HelloMessage) -> None:
        came.clear()
        wires[wire].deliver(encode(message))
        async with asyncio.timeout(5):
            await came.wait()

    try:
        await heard("e1", HELLO)
        assert hello.names() == {mac(2): "n2", mac(3): "barn"}
        ours = Told(mac_bytes(mac(1)), "not-me", 1)
        far = msgspec.structs.replace(
            HELLO, node="n4", originator=mac_bytes(mac(4)), mac=mac_bytes("02:78:30:02:00:04"), told=ours
        )
        await heard("e2", far)
        invented = msgspec.structs.replace(
            HELLO, sequence=2, intents=("x",), told=Told(mac_bytes(mac(66)), "evil", 1)
        )
        await heard("e1", invented)
        late = msgspec.structs.replace(HELLO, told=Told(mac_bytes(mac(77)), "late", 1))  # sequence 1 again
        wires["e1"].deliver(encode(late))
        await heard("e1", msgspec.structs.replace(invented, sequence=3, intents=("y",)))
        assert hello.names() == {mac(2): "n2", mac(3): "barn", mac(4): "n4"}
        wires["e2"].sent.clear()
        now += 20.0
        wires["e2"].said.clear()
        hello.interfaces["e2"].announce()
        async with asyncio.timeout(5):
            await wires["e2"].said.wait()
        assert wires["e2"].sent[0].told in (
            Told(mac_bytes(mac(2)), "n2", 1),
            Told(mac_bytes(mac(3)), "barn", 2),
        )
    finally:
        hello.stop()
        for wire in wires.values():
            wire.close()


def test_nodes_that_batman_adv_knows_are_named_and_no_others() -> None:
    seen: list[Snapshot | None] = [None]
    node = NodeHello(Config(Node("n1"), mesh=Mesh()), lambda: seen[0], lambda _: None)
    take = node.current._names.take
    take(mac(2), "early", 1, mac(2), 0.0)
    for at, known in ((5.0, (mac(2),)), (6.0, (mac(3),))):
        rows = tuple(Known(each, 1.0, 60.0) for each in known)
        bat0 = readings.Mesh(
            "bat0", 3, mac(1), "BATMAN_V", 300, 30, "off", False, False, originators_at=at, known=rows
        )
        seen[0] = Snapshot(at=at, wall=at, mesh=bat0)
        for n in (2, 3, 4):
            take(mac(n), f"n{n}", 1, mac(n), at)
    assert NamesSensor(node).read(0.0) == {mac(2): "n2", mac(3): "n3"}
    assert NamesSensor.name in Snapshot.__struct_fields__
