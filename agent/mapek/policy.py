# SPDX-License-Identifier: Apache-2.0
"""What the loop needs of the configuration: the standing policy of this node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.faults.base import Thresholds
from agent.mapek.episodes import RELAPSE_QUIET
from agent.mapek.limits import MAX_MOVES

if TYPE_CHECKING:
    from agent.config import Config

OBSERVE = "observe"
HEAL = "heal"


class Policy(msgspec.Struct, frozen=True):
    """Mode, what is wanted, and the limits of healing. Seconds throughout."""

    mode: str = OBSERVE
    mesh_name: str = "bat0"
    primary: str = "x0prim"
    hardifs_wanted: tuple[str, ...] = ()
    services_wanted: tuple[str, ...] = ()
    thresholds: Thresholds = Thresholds()
    budget_per_hour: int = 30
    cooldown_first: float = 5.0
    cooldown_max: float = 600.0
    reboot_min_interval: float = 21600.0
    moves_per_two_minutes: int = MAX_MOVES
    undone_within: float = RELAPSE_QUIET


def policy_of(config: Config) -> Policy:
    """The loop's part of a checked configuration. With the mesh disabled no interface is wanted."""
    healing = config.healing
    wanted = tuple(interface.name for interface in config.mesh.interfaces) if config.mesh.enabled else ()
    thresholds = {
        field: getattr(healing.thresholds, field)
        for field in Thresholds.__struct_fields__
        if hasattr(healing.thresholds, field)
    }
    thresholds["hello_interval_s"] = config.hello.interval
    return Policy(
        mode=str(config.mode),
        mesh_name=config.mesh.name,
        primary=config.mesh.primary,
        hardifs_wanted=wanted,
        services_wanted=tuple(service.name for service in config.services),
        thresholds=Thresholds(**thresholds),
        budget_per_hour=healing.budget_per_hour,
        cooldown_first=healing.cooldown_first,
        cooldown_max=healing.cooldown_max,
        reboot_min_interval=healing.reboot_min_interval,
        moves_per_two_minutes=healing.moves_per_two_minutes,
        undone_within=healing.undone_within,
    )
