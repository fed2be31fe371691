# SPDX-License-Identifier: Apache-2.0
"""Faults with the rungs that treat them, for tests of one tick."""

from collections.abc import Sequence

from agent.events import Symptom
from agent.faults.base import View
from tests.unit.mapek.world import ScriptedFault, World


class StillShowing(ScriptedFault):
    """Its sign shows, too, while batman-adv leads traffic around it."""

    def symptoms(self, view: View) -> Sequence[Symptom]:
        states = self.world.states.items()
        return [Symptom(fault, on, view.now - 0.5, {}) for (fault, on), _ in states if fault == self.id]


def services(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "service-dead", [("restart-service", {})])]


def two_rungs(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "link-dead", [("detach-hardif", {}), ("hasten-ogms", {})])]
