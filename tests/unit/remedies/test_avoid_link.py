# SPDX-License-Identifier: Apache-2.0
"""avoid-link: a link counts for little while its record is open, and as before afterwards."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from agent.events import Remedy
from agent.faults.link_lossy import FAULT
from agent.mapek.recordkinds import FORGOTTEN
from agent.readings import as_kept
from agent.remedies.avoid_link import ACTION
from agent.remedies.base import UndoRecord
from tests.unit.faults.hand import DEAD, N1, NOW, about, link, mesh, neighbours, snapshot, view, without

REMEDY = Remedy(
    "avoid-link",
    DEAD,
    {"mesh": "bat0", "hardif": "e1", "neighbour": N1, "from": "1000000", "to": "10000"},
)


class Routing:
    """What batman-adv keeps of what it was told, by interface."""

    def __init__(self, **told: int) -> None:
        self.told = told

    def throughput_override(self, mesh: str, hardif: str) -> int | None:
        assert mesh == "bat0"
        return self.told.get(hardif)

    def set_throughput_override(self, mesh: str, hardif: str, kbit: int) -> None:
        assert mesh == "bat0"
        self.told[hardif] = as_kept(kbit)


class System:
    def __init__(self, **told: int) -> None:
        self.routing = Routing(**told)


def effector(**told: int) -> Any:
    return cast(Any, System(**told))


def test_it_is_done_where_another_way_is_there() -> None:
    assert ACTION.refusal(REMEDY, view()) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"primary": "e1"}, "primary"),
        ({"hardifs_wanted": ("e3",)}, "a person added it"),
        ({"snapshot": snapshot(mesh=without("e1"))}, "not in the mesh"),
        ({"avoided": frozenset({"e1"})}, "already"),
        ({"snapshot": snapshot(mesh=mesh(neighbours=neighbours(e1=0.05, e3=5.0)))}, "no other interface"),
        ({"snapshot": snapshot(links=(link("e1"), link("e3", carrier=False)))}, "no other interface"),
    ],
)
def test_it_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in ACTION.refusal(REMEDY, msgspec.structs.replace(view(), **changes))


def test_a_radio_with_another_neighbour_is_left_alone() -> None:
    base = mesh()
    row = msgspec.structs.replace(base.neighbours[0], mac="02:78:30:09:00:02")
    crowded = msgspec.structs.replace(base, neighbours=(*base.neighbours, row))
    assert "serves 1 other neighbour" in ACTION.refusal(REMEDY, view(snapshot(mesh=crowded)))


def test_what_it_was_told_before_is_the_record_and_comes_back() -> None:
    system = effector(e1=1_000_000)
    record = ACTION.undo_record(REMEDY, system)
    assert record is not None
    ACTION.act(REMEDY, system)
    ACTION.act(REMEDY, system)
    assert system.routing.told == {"e1": 10_000}
    ACTION.undo(record, system)
    ACTION.undo(record, system)
    assert system.routing.told == {"e1": 1_000_000}


def test_an_estimate_comes_back_as_an_estimate() -> None:
    system = effector(e1=0)
    record = ACTION.undo_record(REMEDY, system)
    ACTION.act(REMEDY, system)
    assert record is not None
    ACTION.undo(record, system)
    assert system.routing.told == {"e1": 0}


@pytest.mark.parametrize("worth", [54_300, 25_000, 99_999, 1_000_000, 100])
def test_the_worth_the_ladder_names_is_taken_back_whatever_the_link_was_worth(worth: int) -> None:
    rows = tuple(msgspec.structs.replace(row, throughput_kbit=worth) for row in mesh().neighbours)
    (lowered,) = FAULT.ladder(about("link-lossy", DEAD, NOW), view(snapshot(mesh=mesh(neighbours=rows))))
    system = effector(e1=0)
    record = ACTION.undo_record(lowered, system)
    ACTION.act(lowered, system)
    assert system.routing.told == {"e1": int(lowered.args["to"])}, "it is told what the kernel can keep"
    assert record is not None
    ACTION.undo(record, system)
    assert system.routing.told == {"e1": 0}


def test_a_record_with_a_figure_the_kernel_does_not_keep_is_taken_back_too() -> None:
    """Agents before this one wrote such."""
    system = effector(e1=500)
    ACTION.undo(UndoRecord("avoid-link", {"mesh": "bat0", "hardif": "e1", "kbit": "0", "set": "543"}), system)
    assert system.routing.told == {"e1": 0}


def test_what_somebody_else_told_it_meanwhile_stays() -> None:
    system = effector(e1=1_000_000)
    record = ACTION.undo_record(REMEDY, system)
    ACTION.act(REMEDY, system)
    system.routing.told["e1"] = 54_000
    assert record is not None
    ACTION.undo(record, system)
    assert system.routing.told == {"e1": 54_000}


def test_an_interface_out_of_the_mesh_has_nothing_to_undo() -> None:
    assert ACTION.undo_record(REMEDY, effector()) is None
    ACTION.undo(
        UndoRecord("avoid-link", {"mesh": "bat0", "hardif": "e1", "kbit": "5", "set": "1"}), effector()
    )


def test_a_reboot_forgets_it() -> None:
    assert ACTION.id in FORGOTTEN
