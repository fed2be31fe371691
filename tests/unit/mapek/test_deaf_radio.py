# SPDX-License-Identifier: Apache-2.0
"""The course of a deaf radio through the real catalogue, alone and beside a cable to the same nodes."""

from __future__ import annotations

import msgspec

from agent import faults, remedies
from agent.events import Snapshot
from agent.faults.base import View
from agent.mapek.episodes import Phase
from agent.mapek.recordkinds import DETACHING
from agent.mapek.tick import Act
from agent.readings import Echo, Hardif, Link, Neighbour, Originator
from tests.unit.faults.hand import N1, N3, NOW, O1, O3, mesh, peer
from tests.unit.faults.radiohand import OURS, radio, seen, station, wlan
from tests.unit.mapek.world import Rig

N9 = "02:78:30:09:00:02"
HOLDING = DETACHING | {"hasten-ogms", "rejoin-mesh", "restart-radio"}  # those with an undo record
BAT = Link("bat0", 5, "02:00:00:00:00:02", 1500, True, True, "batadv")
WIRE = Link("e9", 19, "02:78:30:02:00:09", 1532, True, True, "veth", master=5)


class Scene(Rig):
    """Deaf from NOW until `cured`; the wire is well throughout unless there is none."""

    def __init__(self, *, wire: bool) -> None:
        super().__init__(lambda _: faults.discover(), lambda _: remedies.discover())
        self.wire = wire
        self.cured: float | None = None
        self.whens: list[float] = []  # when each act was begun
        self.world.now = NOW
        self.world.view = self.view  # type: ignore[method-assign]

    def view(self, snapshot: Snapshot | None = None, detached: frozenset[str] = frozenset()) -> View:
        now = self.world.now
        silent = now - NOW if self.cured is None else 0.0
        held = {
            episode.diagnosis.id
            for episode in self.healing.book.open.values()
            if DETACHING.intersection(episode.held.values())
        }
        out = frozenset({"wlan0"} if held else ())
        found = radio(
            stations=(station(N1, silent + 0.05), station(N3, silent + 0.05)),
            heard_age=silent + 0.05,
            peered_age=silent + 0.05,
        )
        wlan_there = () if out else (Hardif("wlan0", 12, OURS, True, 500),)
        wire_there = (Hardif("e9", 19, WIRE.mac, True, 150),) if self.wire else ()
        near = () if out else (Neighbour("wlan0", N1, silent + 0.1), Neighbour("wlan0", N3, silent + 0.1))
        meshed = mesh(
            hardifs=(*wlan_there, *wire_there),
            neighbours=(*near, *((Neighbour("e9", N9, 0.05),) if self.wire else ())),
            neighbours_at=now,
            originators=tuple(
                row
                for who, mac in ((O1, N1), (O3, N3))
                for row in (
                    *(() if out else (Originator(who, mac, "wlan0", silent + 0.1, 9000, best=True),)),
                    *((Originator(who, N9, "e9", 0.1, 5000, best=bool(out)),) if self.wire else ()),
                )
            ),
            originators_at=now,
        )
        asked = Echo(
            "wlan0", N1, sent=20, answered=14, unanswered_for=silent, unanswered=9, ever_answered=True
        )
        if self.cured is not None:
            asked = msgspec.structs.replace(
                asked, unanswered=0, answer_age=0.1, streak=30, streak_age=now - self.cured
            )
        echoes = (asked, msgspec.structs.replace(asked, mac=N3))
        sent = round(now - NOW) + 900
        before = Snapshot(at=now - 2.0, wall=0.0, links=(wlan(500, sent - 2), WIRE, BAT))
        base = seen(
            found,
            at=now,
            links=(wlan(500, sent, master=0 if out else 5), *((WIRE,) if self.wire else ()), BAT),
            mesh=meshed,
            echoes=echoes,
            peers=(peer("e9", N9, node="n9", originator="02:00:00:00:00:09"),) if self.wire else (),
        )
        return msgspec.structs.replace(
            base,
            now=now,
            history=(before,),
            hardifs_wanted=("wlan0", *(("e9",) if self.wire else ())),
            detached=out,
            episodes=self.healing.treated(),
            relapses=self.healing.relapses(now),
        )

    def acted(self, act: Act, error: str = "") -> None:
        seq = None
        out = DETACHING.intersection(self.open_seqs.values())
        if act.remedy.action in HOLDING and not (out and act.remedy.action in DETACHING):
            self._seq += 1
            seq = self._seq
            self.open_seqs[seq] = act.remedy.action
        self.healing.acted(act.diagnosis.id, seq, error, self.world.now)

    def did(self) -> list[tuple[str, int]]:
        """Each act on the radio and when, in seconds since the onset; haste is not counted."""
        return [
            (act.remedy.action, round(when - NOW))
            for act, when in zip(self.acts, self.whens, strict=True)
            if act.remedy.action != "hasten-ogms"
        ]

    def until(self, seconds: float) -> None:
        """Ticks until so long after the onset."""
        while self.world.now < NOW + seconds:
            before = len(self.acts)
            self.tick()
            self.whens += [self.world.now] * (len(self.acts) - before)


def test_beside_a_cable_the_radio_stays_out_of_the_mesh_while_it_is_treated() -> None:
    scene = Scene(wire=True)
    scene.until(400)
    steps = [action for action, _ in scene.did() if action not in DETACHING]
    assert steps == ["scan-radio", "rejoin-mesh", "restart-radio"]
    assert "detach-hardif" in scene.open_seqs.values(), (
        "a deaf radio in the mesh draws traffic it never hears"
    )
    deaf = next(e for e in scene.healing.book.open.values() if e.diagnosis.fault == "wifi-deaf")
    assert deaf.phase is Phase.CONTAINED
    scene.cured = scene.world.now
    scene.until(420)
    assert not scene.open_seqs
    assert not scene.healing.book.open
    assert scene.outcomes[-1].result.value == "healed"


def test_alone_the_steps_come_minutes_apart_then_a_person_is_asked_and_the_next_round_is_slower() -> None:
    scene = Scene(wire=False)
    scene.until(208)
    told = scene.did()
    assert [action for action, _ in told] == ["scan-radio", "rejoin-mesh", "restart-radio"]
    seconds = [second for _, second in told]
    assert seconds[0] < 15
    assert 59 <= seconds[1] <= 70
    assert 179 <= seconds[2] <= 190
    assert not [action for action in scene.open_seqs.values() if action != "hasten-ogms"]
    assert "a person should look" in scene.outcomes[-1].sentence
    scene.until(580)
    again = scene.did()[3:]
    assert [action for action, _ in again] == ["scan-radio", "rejoin-mesh", "restart-radio"]
    waits = [second - 205 for _, second in again]
    assert waits[0] < 15
    assert waits[1] >= 115
    assert waits[2] >= 355


def test_cured_by_the_scan_nothing_more_is_done() -> None:
    scene = Scene(wire=False)
    scene.until(15)
    assert [action for action, _ in scene.did()] == ["scan-radio"]
    scene.cured = scene.world.now
    scene.until(300)
    assert [action for action, _ in scene.did()] == ["scan-radio"]
    assert not scene.healing.book.open
    assert not scene.open_seqs
