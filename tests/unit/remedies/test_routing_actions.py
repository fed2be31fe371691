# SPDX-License-Identifier: Apache-2.0
"""Actions on the mesh's interfaces: what they refuse, do, and take back."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from agent.events import Remedy
from agent.mapek.recordkinds import FORGOTTEN
from agent.readings import as_kept
from agent.remedies.base import ActionError, Effector
from agent.remedies.clamp_mtu import ACTION as CLAMP
from agent.remedies.make_radio import ACTION as RADIO
from agent.remedies.raise_mtu import ACTION as RAISE
from agent.remedies.set_mac import ACTION as MAC
from agent.remedies.set_throughput import ACTION as THROUGHPUT
from agent.remedies.set_up_mesh import ACTION as SET_UP
from tests.unit.faults.hand import NOW, snapshot, view, without
from tests.unit.faults.wires import BAT, wires

NEW = "02:00:00:00:00:55"


class Interfaces:
    """`effector.routing` over dictionaries."""

    def __init__(self) -> None:
        self.mtus = {"e1": 1400, "bat0": 1500}
        self.macs = {"e1": "02:00:00:00:00:11"}
        self.kbits: dict[str, int] = {"e1": 1000}
        self.ups = {"e1": True}
        self.did: list[str] = []

    @property
    def routing(self) -> Interfaces:
        return self

    def mtu(self, name: str) -> int | None:
        return self.mtus.get(name)

    def set_mtu(self, name: str, mtu: int) -> None:
        self.did.append(f"mtu {name} {mtu}")
        self.mtus[name] = mtu

    def mac(self, name: str) -> str | None:
        return self.macs.get(name)

    def set_mac(self, name: str, mac: str) -> None:
        self.did.append(f"mac {name} {mac}")
        self.macs[name] = mac

    def throughput_override(self, mesh: str, hardif: str) -> int | None:
        return self.kbits.get(hardif)

    def set_throughput_override(self, mesh: str, hardif: str, kbit: int) -> None:
        self.did.append(f"kbit {hardif} {kbit}")
        self.kbits[hardif] = as_kept(kbit)

    def is_up(self, name: str) -> bool | None:
        return self.ups.get(name)

    def switch_on(self, name: str) -> None:
        self.did.append(f"up {name}")
        self.ups[name] = True

    def set_up_mesh(self) -> None:
        self.did.append("set up")

    def make_radio(self, name: str) -> None:
        self.did.append(f"radio {name}")


def remedy(action: Any, **args: str) -> Remedy:
    return Remedy(action.id, "hardif/e1", args)


def acted(action: Any, **args: str) -> Interfaces:
    """The act, twice: the second changes nothing."""
    made = Interfaces()
    for _ in range(2):
        action.act(remedy(action, **args), cast(Effector, made))
    return made


def test_an_mtu_is_raised_once_and_never_lowered() -> None:
    assert acted(RAISE, hardif="e1", mtu="1532").did == ["mtu e1 1532"]
    assert acted(RAISE, hardif="bat0", mtu="1400").did == []
    assert RAISE.refusal(remedy(RAISE, hardif="e1", mtu="1532"), view()) == ""
    assert "does not exist" in RAISE.refusal(remedy(RAISE, hardif="e9", mtu="1532"), view())


def test_the_mesh_is_clamped_and_gets_its_mtu_back() -> None:
    made, clamp = Interfaces(), remedy(CLAMP, hardif="bat0", mtu="1368")
    record = CLAMP.undo_record(clamp, cast(Effector, made))
    CLAMP.act(clamp, cast(Effector, made))
    assert made.mtus["bat0"] == 1368
    assert record is not None
    for _ in range(2):
        CLAMP.undo(record, cast(Effector, made))
    assert made.did == ["mtu bat0 1368", "mtu bat0 1500"]


def test_what_a_person_set_after_the_clamp_stays() -> None:
    made, clamp = Interfaces(), remedy(CLAMP, hardif="bat0", mtu="1368")
    record = CLAMP.undo_record(clamp, cast(Effector, made))
    assert record is not None
    CLAMP.act(clamp, cast(Effector, made))
    made.mtus["bat0"] = 1300
    CLAMP.undo(record, cast(Effector, made))
    assert made.mtus["bat0"] == 1300


@pytest.mark.parametrize(
    ("seen", "mtu", "why"),
    [
        (wires(), "1368", ""),
        (wires(), "1200", "IPv6 needs 1280"),
        (wires(msgspec.structs.replace(BAT, mtu=1300)), "1368", "no larger packets already"),
        (snapshot(), "1368", "does not exist"),
    ],
)
def test_clamping_is_refused_where_it_helps_nobody(seen: Any, mtu: str, why: str) -> None:
    said = CLAMP.refusal(remedy(CLAMP, hardif="bat0", mtu=mtu), view(seen))
    assert why in said
    assert bool(said) is bool(why)


def test_a_throughput_is_told_once_to_what_is_in_the_mesh() -> None:
    assert acted(THROUGHPUT, mesh="bat0", hardif="e1", kbit="50000").did == ["kbit e1 50000"]
    it = remedy(THROUGHPUT, mesh="bat0", hardif="e1", kbit="50000")
    assert THROUGHPUT.refusal(it, view()) == ""
    assert "not in the mesh" in THROUGHPUT.refusal(it, view(snapshot(mesh=without("e1"))))


def test_an_address_is_given_once_and_never_to_the_primary() -> None:
    assert acted(MAC, hardif="e1", mac=NEW).did == [f"mac e1 {NEW}"]
    assert MAC.refusal(remedy(MAC, hardif="e1", mac=NEW), view()) == ""
    assert "primary" in MAC.refusal(remedy(MAC, hardif="x0prim", mac=NEW), view(wires()))
    assert "does not exist" in MAC.refusal(remedy(MAC, hardif="e9", mac=NEW), view())


def test_an_interface_left_down_for_its_new_address_is_switched_on_and_keeps_that_address() -> None:
    """Some drivers must be down for it: whoever is killed meanwhile left a record."""
    made, give = Interfaces(), remedy(MAC, hardif="e1", mac=NEW)
    record = MAC.undo_record(give, cast(Effector, made))
    assert record is not None
    assert MAC.id in FORGOTTEN, "a reboot switches it on"
    MAC.act(give, cast(Effector, made))
    made.ups["e1"] = False
    for _ in range(2):
        MAC.undo(record, cast(Effector, made))
    assert made.did == [f"mac e1 {NEW}", "up e1"]
    del made.ups["e1"]
    MAC.undo(record, cast(Effector, made))
    assert made.did == [f"mac e1 {NEW}", "up e1"], "one that is gone counts as put back"


@pytest.mark.parametrize("ups", [{}, {"e1": False}], ids=["gone", "down"])
def test_an_interface_that_was_not_up_is_not_switched_on_for_its_address(ups: dict[str, bool]) -> None:
    made = Interfaces()
    made.ups = ups
    assert MAC.undo_record(remedy(MAC, hardif="e1", mac=NEW), cast(Effector, made)) is None


@pytest.mark.parametrize(
    ("action", "args", "said"),
    [
        (RAISE, {"hardif": "e9", "mtu": "1532"}, "no such interface"),
        (CLAMP, {"hardif": "bat9", "mtu": "1400"}, "no such interface"),
        (MAC, {"hardif": "e9", "mac": NEW}, "no such interface"),
        (THROUGHPUT, {"mesh": "bat0", "hardif": "e9", "kbit": "0"}, "not in bat0"),
    ],
)
def test_what_vanished_meanwhile_fails_in_words(action: Any, args: dict[str, str], said: str) -> None:
    with pytest.raises(ActionError, match=said):
        action.act(remedy(action, **args), cast(Effector, Interfaces()))


def test_the_set_up_is_asked_at_once_or_when_due() -> None:
    assert acted(SET_UP, mesh="bat0").did == ["set up", "set up"], "each asks for a look, that is all"
    later = remedy(SET_UP, mesh="bat0", not_before=str(NOW + 7))
    assert "due in 7 s" in SET_UP.refusal(later, view())
    assert SET_UP.refusal(later, view(now=NOW + 8)) == ""


def test_a_radio_is_made_where_its_interface_is_gone() -> None:
    assert acted(RADIO, hardif="wlan0").did[:2] == ["radio wlan0", "set up"]
    assert RADIO.refusal(remedy(RADIO, hardif="wlan0"), view()) == ""
    assert "exists" in RADIO.refusal(remedy(RADIO, hardif="e1"), view())


@pytest.mark.parametrize("action", [RAISE, THROUGHPUT, SET_UP, RADIO], ids=lambda action: action.id)
def test_what_restores_the_configured_state_has_nothing_to_undo(action: Any) -> None:
    made = Interfaces()
    assert action.undo_record(remedy(action, hardif="e1"), cast(Effector, made)) is None
    assert made.did == []
