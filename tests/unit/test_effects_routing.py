# SPDX-License-Identifier: Apache-2.0
"""`effector.routing` over a kernel in memory: what it asks for, and refusals in words."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.effects.routing import KernelRouting
from agent.events import Remedy
from agent.kernel.errors import RefusedError
from agent.kernel.wifirows import Wiphy
from agent.readings import Radio
from agent.remedies.base import ActionError
from agent.remedies.set_mac import ACTION as SET_MAC
from tests.unit.mesh.kernel import Kernel

NEW = "02:00:00:00:00:55"


class Air:
    """Radios by number, interfaces on some of them."""

    def __init__(self, phys: tuple[int, ...], taken: tuple[int, ...]) -> None:
        self.phys, self.taken = phys, taken
        self.made: list[tuple[int, str]] = []

    def interfaces(self) -> tuple[Radio, ...]:
        return tuple(Radio(f"w{phy}", 50 + phy, NEW, "mesh", phy=phy) for phy in self.taken)

    def wiphys(self) -> tuple[Wiphy, ...]:
        return tuple(Wiphy(phy, f"phy{phy}") for phy in self.phys)

    def add_interface(self, wiphy: int, name: str) -> None:
        self.made.append((wiphy, name))


def routing(kernel: Kernel, air: Air | None = None) -> KernelRouting:
    fake = cast(Any, kernel)
    return KernelRouting(fake, fake, lambda: kernel.writes.append("look"), cast(Any, air or Air((), ())))


def kernel() -> Kernel:
    made = Kernel("e1", mtu=1400)
    made.create_batadv("bat0")
    made.set_master("e1", "bat0")
    made.set_up("e1")
    made.writes.clear()
    return made


def test_figures_are_read_and_set() -> None:
    made = kernel()
    acting = routing(made)
    assert (acting.mtu("e1"), acting.mtu("e9"), acting.mac("e9")) == (1400, None, None)
    assert acting.throughput_override("bat0", "e1") == 0
    assert acting.throughput_override("bat0", "e9") is None
    assert acting.throughput_override("bat9", "e1") is None
    acting.set_mtu("e1", 1532)
    acting.set_mac("e1", NEW)
    acting.set_throughput_override("bat0", "e1", 5000)
    acting.set_up_mesh()
    assert made.writes == ["mtu e1 1532", f"mac e1 {NEW}", "set e1 throughput_override_kbit 5000", "look"]


def test_a_driver_that_wants_to_be_down_for_a_new_address_is_up_again_afterwards() -> None:
    made = kernel()
    busy = [RefusedError("setting the address of e1: busy", "", errno.EBUSY)]
    give = made.set_mac

    def once(name: str, mac: str) -> None:
        if busy:
            raise busy.pop()
        give(name, mac)

    cast(Any, made).set_mac = once
    routing(made).set_mac("e1", NEW)
    assert made.writes == ["down e1", f"mac e1 {NEW}", "up e1"]


def test_an_interface_a_killed_agent_left_down_for_its_address_is_up_after_the_replay() -> None:
    """As `python -m agent.undo` does it: the record alone, the kernel as it was found."""
    made, killed = kernel(), KeyboardInterrupt()
    system = cast(Any, SimpleNamespace(routing=routing(made)))
    give = Remedy("set-mac", "hardif/e1", {"hardif": "e1", "mac": NEW})
    record = SET_MAC.undo_record(give, system)
    assert record is not None
    made.refuse[f"mac e1 {NEW}"] = RefusedError("setting the address of e1: busy", "", errno.EBUSY)
    made.refuse["up e1"] = cast(Any, killed)
    with pytest.raises(KeyboardInterrupt):
        SET_MAC.act(give, system)
    assert system.routing.is_up("e1") is False
    made.refuse.clear()
    SET_MAC.undo(record, system)
    assert system.routing.is_up("e1")
    assert system.routing.is_up("e9") is None


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("mtu e1 9000", lambda acting: acting.set_mtu("e1", 9000)),
        (f"mac e1 {NEW}", lambda acting: acting.set_mac("e1", NEW)),
        ("up e1", lambda acting: acting.switch_on("e1")),
    ],
)
def test_what_the_system_refuses_is_an_action_error_with_its_words(words: str, ask: Any) -> None:
    made = kernel()
    made.refuse[words] = RefusedError("the driver said no", "", errno.EINVAL)
    with pytest.raises(ActionError, match="the driver said no"):
        ask(routing(made))


def test_an_interface_that_vanished_is_said_with_what_was_tried() -> None:
    with pytest.raises(ActionError, match="setting the throughput of e9 in bat0 to 5 kbit/s"):
        routing(kernel()).set_throughput_override("bat0", "e9", 5)


def test_a_radio_gets_its_interface_on_the_one_that_has_none() -> None:
    air = Air((0, 1), (0,))
    routing(kernel(), air).make_radio("wlan0")
    assert air.made == [(1, "wlan0")]


def test_an_interface_that_exists_is_not_made_twice() -> None:
    air = Air((0,), ())
    routing(kernel(), air).make_radio("e1")
    assert air.made == []


@pytest.mark.parametrize(("phys", "said"), [((), "no radio"), ((0, 1), "phy0 and phy1")])
def test_without_a_radio_or_with_a_choice_none_is_made(phys: tuple[int, ...], said: str) -> None:
    air = Air(phys, ())
    with pytest.raises(ActionError, match=said):
        routing(kernel(), air).make_radio("wlan0")
    assert air.made == []
