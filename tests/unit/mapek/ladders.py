# SPDX-License-Identifier: Apache-2.0
"""Faults with the rungs that treat them, for tests of one tick."""

from tests.unit.mapek.world import ScriptedFault, World


def services(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "service-dead", [("restart-service", {})])]


def two_rungs(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "link-dead", [("detach-hardif", {}), ("hasten-ogms", {})])]
