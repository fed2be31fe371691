# SPDX-License-Identifier: Apache-2.0
"""link-lossy: a link that loses packets is named when that is sure, and left while another way is there."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from agent.faults import deadlink
from agent.faults import loss as ls
from agent.faults.base import State, View
from agent.faults.link_lossy import FAULT
from agent.readings import Hardif, Loss, Neighbour, Originator, Peer
from agent.sensors.lossmeter import LossMeter
from tests.unit.faults.hand import (
    DEAD,
    N1,
    N3,
    NOW,
    O1,
    O3,
    OURS,
    about,
    diagnosis,
    echo,
    link,
    mesh,
    neighbours,
    peer,
    snapshot,
    view,
)
from tests.unit.faults.hand import without as leaving

AWAY = (
    Originator(O1, N1, "e1", 0.1, 100),
    Originator(O1, N3, "e3", 0.1, 9000, best=True),
    Originator(O3, N3, "e3", 0.1, 10000, best=True),
)


def loss(**changes: Any) -> Loss:
    """A link that loses 15 of the last 50 echoes, singly."""
    return msgspec.structs.replace(Loss("e1", N1, 50, 15, 11, 0.2), **changes)


def lossy(*losses: Loss, **changes: Any) -> View:
    return view(snapshot(losses=losses or (loss(),), **changes))


def test_a_link_that_surely_loses_more_than_eight_percent_is_named_with_its_figures() -> None:
    found = FAULT.symptoms(lossy())
    assert [symptom.subject for symptom in found] == [DEAD]
    said = FAULT.sentence(found[0])
    assert "15 of the last 50 echoes were lost on the way there or back" in said
    assert "surely more than 19%" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"lost": 7, "spells": 7},
        {"asked": 19, "lost": 15},
        {"lost": 40, "spells": 1},
        {"answer_age": 5.0},
        {"answer_age": None},
        {"lost": 0, "spells": 0},
        {"asked": 0, "lost": 0, "spells": 0, "answer_age": None},
    ],
    ids=["not sure", "too few asked", "cut once", "answers no more", "never answered", "well", "not asked"],
)
def test_less_is_no_symptom(changes: dict[str, Any]) -> None:
    assert not FAULT.symptoms(lossy(loss(**changes)))


def test_a_healthy_view_and_one_that_was_not_read_have_no_symptom() -> None:
    assert not FAULT.symptoms(view())
    assert not FAULT.symptoms(lossy(mesh=None))
    assert not FAULT.symptoms(lossy(links=None))


def test_a_link_without_another_way_is_left_unsaid() -> None:
    alone = mesh(originators=(Originator(O1, N1, "e1", 0.1, 10000, best=True),))
    assert not FAULT.symptoms(lossy(mesh=alone))


def test_an_interface_that_is_out_of_the_mesh_is_no_symptom() -> None:
    assert not FAULT.symptoms(lossy(mesh=leaving("e1")))


def test_it_explains_the_silences_it_makes() -> None:
    assert FAULT.explains == {"link-dead", "one-way"}


def overridden(kbit: int) -> View:
    rows = (
        Hardif("e1", 11, OURS["e1"], True, 150, kbit),
        Hardif("e3", 13, OURS["e3"], True, 150, 1_000_000),
    )
    return lossy(mesh=mesh(hardifs=rows))


@pytest.mark.parametrize(
    ("told", "to"), [(1_000_000, "10000"), (54_300, "500"), (5_000, "100"), (100, "100")]
)
def test_its_worth_is_lowered_a_hundredfold_to_what_the_kernel_can_keep(told: int, to: str) -> None:
    seen = overridden(told)
    (rung,) = FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)
    assert rung.action == "avoid-link"
    assert rung.args == {"mesh": "bat0", "hardif": "e1", "neighbour": N1, "from": str(told), "to": to}


def test_where_batman_adv_estimates_the_worth_that_is_lowered() -> None:
    base = mesh()
    rows = tuple(msgspec.structs.replace(row, throughput_kbit=80_000) for row in base.neighbours)
    seen = lossy(mesh=msgspec.structs.replace(base, neighbours=rows))
    assert FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)[0].args["to"] == "800"


def test_where_the_worth_is_not_known_there_is_no_rung() -> None:
    assert FAULT.ladder(diagnosis(FAULT.symptoms(lossy())[0]), lossy()) == []


def test_one_that_loses_more_than_half_may_be_taken_out_as_the_second_rung() -> None:
    seen = overridden(1_000_000)
    worst = msgspec.structs.replace(
        seen, snapshot=msgspec.structs.replace(seen.snapshot, losses=(loss(lost=35),))
    )
    rungs = FAULT.ladder(diagnosis(FAULT.symptoms(worst)[0]), worst)
    assert [rung.action for rung in rungs] == ["avoid-link", "detach-hardif"]


TOLD = about("link-lossy", DEAD, NOW - 5)


def test_it_is_present_while_a_best_way_uses_it_and_contained_when_none_does() -> None:
    assert FAULT.state(TOLD, lossy()) is State.PRESENT
    assert FAULT.state(TOLD, lossy(mesh=mesh(originators=AWAY))) is State.CONTAINED
    assert FAULT.state(about("link-lossy", DEAD, NOW), lossy(mesh=mesh(originators=AWAY))) is State.PRESENT
    assert FAULT.state(TOLD, lossy(mesh=None)) is State.PRESENT


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"lost": 1, "spells": 1}, State.GONE),
        ({"lost": 0, "spells": 0}, State.GONE),
        ({"lost": 2, "spells": 2}, State.CONTAINED),
        ({"asked": 49, "lost": 0, "spells": 0}, State.CONTAINED),
    ],
)
def test_it_is_gone_when_fifty_echoes_lost_at_most_one(changes: dict[str, Any], state: State) -> None:
    assert FAULT.state(TOLD, lossy(loss(**changes), mesh=mesh(originators=AWAY))) is state


def test_it_is_gone_with_its_interface() -> None:
    assert FAULT.state(TOLD, lossy(links=(link("e3"),))) is State.GONE


NEW = "02:78:30:01:00:77"  # the box that hangs at e1 now
WELL = loss(mac=NEW, lost=0, spells=0)
SILENT_NOW = loss(answer_age=60.0)
GREETS = peer(mac=NEW, hello_streak=50)
QUIET = peer(hello_age=60.0)


def exchanged(old_elp: float | None, *losses: Loss) -> View:
    """n1's box was exchanged; the old one's ELP is so old, None: batman-adv has forgotten it."""
    rows = (*(neighbours(e1=old_elp) if old_elp is not None else ()), Neighbour("e1", NEW, 0.05))
    meshed = mesh(neighbours=(*rows, *neighbours(e3=0.07)), originators=AWAY)
    return lossy(*losses, mesh=meshed, peers=(QUIET, GREETS))


def test_it_is_gone_when_batman_adv_has_forgotten_the_neighbour() -> None:
    """Exchanged or taken away: the interface would count for next to nothing for good."""
    assert FAULT.state(TOLD, exchanged(None, SILENT_NOW)) is State.GONE
    old = msgspec.structs.replace(TOLD, at=NOW + 1)
    assert FAULT.state(old, exchanged(None, SILENT_NOW)) is not State.GONE, "that dump is older"


def test_it_is_gone_when_another_neighbour_is_well_there_and_this_one_long_silent() -> None:
    assert FAULT.state(TOLD, exchanged(30.0, SILENT_NOW, WELL)) is State.GONE


@pytest.mark.parametrize(
    "seen",
    [
        exchanged(1.0, loss(), WELL),
        exchanged(30.0, SILENT_NOW),
        exchanged(30.0, SILENT_NOW, loss(mac=NEW, asked=49, lost=0, spells=0)),
        exchanged(30.0, SILENT_NOW, loss(mac=NEW)),
        exchanged(30.0, SILENT_NOW, msgspec.structs.replace(WELL, mac="02:78:30:01:00:88")),
    ],
    ids=["still heard", "not measured", "not long enough", "lossy too", "heard no more"],
)
def test_it_is_not_gone_while_it_is_heard_or_nobody_else_is_well_there(seen: View) -> None:
    assert FAULT.state(TOLD, seen) is State.CONTAINED


def held(*peers: Peer, losses: tuple[Loss, ...] = (SILENT_NOW,)) -> View:
    seen = snapshot(losses=losses, mesh=leaving("e1"), peers=peers)
    return view(seen, detached=frozenset({"e1"}))


def test_taken_out_it_is_gone_when_nothing_comes_of_it_and_another_agent_there_hears_us() -> None:
    assert FAULT.state(TOLD, held(GREETS)) is State.GONE
    assert FAULT.state(TOLD, held(QUIET, GREETS)) is State.GONE
    assert FAULT.state(TOLD, held(GREETS, losses=(loss(),))) is State.CONTAINED, "it answers"
    assert FAULT.state(TOLD, held(peer(), GREETS)) is State.CONTAINED, "its hellos come"
    assert FAULT.state(TOLD, held(QUIET)) is State.CONTAINED, "nobody else is there"
    deaf = msgspec.structs.replace(GREETS, hears_us=False)
    assert FAULT.state(TOLD, held(deaf)) is State.CONTAINED, "nor does it hear us"


def test_bounds_are_those_of_wilson() -> None:
    assert ls.least(loss(lost=15)) == pytest.approx(0.191, abs=0.002)
    assert ls.most(loss(lost=0)) == pytest.approx(0.071, abs=0.002)
    assert (ls.least(loss(asked=0, lost=0)), ls.most(loss(asked=0, lost=0))) == (0.0, 1.0)
    assert ls.most(loss(asked=50, lost=50)) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_link_that_loses_one_percent_more_every_ten_seconds_is_named_before_a_fifth_is_lost(
    seed: int,
) -> None:
    """With the real pace of requests over a pretended wire; an echo crosses it twice."""
    chance, meter, now, sequence = random.Random(seed), LossMeter("e1", N1, 0.0), 0.0, 0
    while not FAULT.symptoms(lossy(meter.reading(now))):
        now += 0.05
        meter.judge(now)
        if meter.due <= now:
            sequence += 1
            meter.asked(sequence, now)
            arrives = 1 - 0.01 * (1 + now // 10)
            if chance.random() < arrives * arrives:
                meter.answer(sequence, now)
    assert 10 < now < 190


def test_a_link_known_to_lose_some_is_called_dead_after_twice_the_silence() -> None:
    quiet = {"mesh": mesh(neighbours=neighbours(e1=0.6, e3=0.05)), "echoes": (echo(ever_answered=True),)}
    assert deadlink.dead_attached(view(snapshot(**quiet)), "e1", N1)
    assert not deadlink.dead_attached(view(snapshot(losses=(loss(),), **quiet)), "e1", N1)
    longer = quiet | {"mesh": mesh(neighbours=neighbours(e1=1.0, e3=0.05))}
    assert deadlink.dead_attached(view(snapshot(losses=(loss(),), **longer)), "e1", N1)
