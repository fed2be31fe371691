# SPDX-License-Identifier: Apache-2.0
"""withdraw-gateway and leave-gateway: what they refuse, do, and take back."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.effects.gateways import KernelGateways
from agent.events import Remedy
from agent.faults.base import View
from agent.kernel.errors import RefusedError
from agent.remedies.base import Action, ActionError, Effector, UndoRecord
from agent.remedies.effects_gateways import GatewayState
from agent.remedies.leave_gateway import ACTION as LEAVE
from agent.remedies.withdraw_gateway import ACTION as WITHDRAW
from tests.unit.faults.hand import O1, O3, mesh, snapshot, view
from tests.unit.faults.test_gw_stale import client
from tests.unit.mesh.kernel import Kernel

OUT = Remedy("withdraw-gateway", "gateway/self", {"mesh": "bat0"})
AWAY = Remedy("leave-gateway", f"gateway/{O1}", {"mesh": "bat0", "gateway": O1})


class System:
    """An effector with a gateway mode in memory."""

    def __init__(self, mode: str, *, there: bool = True) -> None:
        self.kernel = Kernel()
        self.kernel.create_batadv("bat0")
        self.index = self.kernel.index("bat0")
        self.kernel.set_mesh(self.index, gw_mode=mode, gw_down_kbit=10_000, gw_up_kbit=2_000)
        if not there:
            self.kernel.unplug("bat0")
        self.kernel.writes.clear()
        fake = cast(Any, self.kernel)
        self.gateways = KernelGateways(fake, fake)

    @property
    def mode(self) -> str:
        return self.kernel.meshes[self.index].gw_mode


def effector(system: System) -> Effector:
    return cast(Effector, system)


def server(**changes: Any) -> View:
    return view(snapshot(mesh=mesh(**{"gw_mode": "server", **changes})))


def test_an_announced_gateway_withdraws_and_is_announced_again_as_it_was() -> None:
    system = System("server")
    assert WITHDRAW.refusal(OUT, server()) == ""
    record = WITHDRAW.undo_record(OUT, effector(system))
    assert record == UndoRecord("withdraw-gateway", {"mesh": "bat0", "down": "10000", "up": "2000"})
    WITHDRAW.act(OUT, effector(system))
    assert system.mode == "off"
    WITHDRAW.act(OUT, effector(system))
    WITHDRAW.undo(record, effector(system))
    WITHDRAW.undo(record, effector(system))
    assert system.kernel.writes == [
        "set gw_mode off", "set gw_mode server", "set gw_down_kbit 10000", "set gw_up_kbit 2000",
    ]  # fmt: skip


def test_a_client_leaves_its_dead_gateway_and_becomes_one_again() -> None:
    system = System("client")
    assert LEAVE.refusal(AWAY, view(snapshot(mesh=client()))) == ""
    record = LEAVE.undo_record(AWAY, effector(system))
    assert record is not None
    LEAVE.act(AWAY, effector(system))
    assert system.mode == "off"
    LEAVE.undo(record, effector(system))
    assert system.mode == "client"


@pytest.mark.parametrize("action", [WITHDRAW, LEAVE])
@pytest.mark.parametrize("system", [System("off"), System("server", there=False)], ids=["off", "no mesh"])
def test_what_is_not_so_is_neither_noted_nor_changed(action: Action, system: System) -> None:
    remedy = OUT if action is WITHDRAW else AWAY
    assert action.undo_record(remedy, effector(system)) is None
    action.act(remedy, effector(system))
    assert system.kernel.writes == []


@pytest.mark.parametrize(
    ("action", "by_hand"), [(WITHDRAW, "client"), (WITHDRAW, "server"), (LEAVE, "server"), (LEAVE, "client")]
)
def test_what_a_person_chose_meanwhile_stays(action: Action, by_hand: str) -> None:
    system = System(by_hand)
    action.undo(UndoRecord(action.id, {"mesh": "bat0", "down": "10000", "up": "2000"}), effector(system))
    assert system.kernel.writes == []


@pytest.mark.parametrize(
    ("action", "remedy", "seen", "why"),
    [
        (WITHDRAW, OUT, view(snapshot(mesh=None)), "read"),
        (WITHDRAW, OUT, server(gw_mode="off"), "not offered"),
        (LEAVE, AWAY, view(snapshot(mesh=None)), "read"),
        (LEAVE, AWAY, server(), "no gateway's client"),
        (LEAVE, AWAY, view(snapshot(mesh=client(best=O3))), "not its gateway"),
        (LEAVE, AWAY, view(snapshot(mesh=client(other=9.0))), "no other gateway"),
    ],
)
def test_refusals_say_why(action: Action, remedy: Remedy, seen: View, why: str) -> None:
    assert why in action.refusal(remedy, seen)


def test_a_kernel_that_refuses_is_told_with_what_was_tried() -> None:
    system = System("server")
    system.kernel.refuse["set gw_mode off"] = RefusedError("EPERM")
    with pytest.raises(ActionError, match="setting the gateway mode of bat0 to off: EPERM"):
        WITHDRAW.act(OUT, effector(system))
    assert system.gateways.state("bat0") == GatewayState("server", 10_000, 2_000)
