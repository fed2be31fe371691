# SPDX-License-Identifier: Apache-2.0
"""`healing` of the configuration (agent/config.py): when a sign counts, how much and how often is done."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from agent.configtypes import about


class HealingThresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """When a sign counts. Fields and defaults of `agent.faults.base.Thresholds` (a test compares)."""

    elp_misses: Annotated[
        float, about("ELP intervals of silence after which a link is doubted.", ge=1.0, le=100.0)
    ] = 3.0
    echo_silence_s: Annotated[float, about("Time without any answer to an echo.", "s", ge=0.02, le=10.0)] = (
        0.12
    )
    echo_requests: Annotated[int, about("Unanswered echoes needed at least.", ge=1, le=100)] = 3
    reattach_after_s: Annotated[
        float, about("A dead link must answer so long before it is used again.", "s", ge=0.1, le=600.0)
    ] = 2.0
    originator_silence_s: Annotated[
        float, about("A node unheard on every way for so long is dead.", "s", ge=0.2, le=600.0)
    ] = 1.5


class Healing(Struct, frozen=True, forbid_unknown_fields=True):
    """How much and how often the agent may act."""

    thresholds: Annotated[HealingThresholds, about("When a sign counts as a symptom.")] = HealingThresholds()
    budget_per_hour: Annotated[int, about("Actions an hour; 0: none.", ge=0, le=1_000)] = 30
    cooldown_first: Annotated[
        float,
        about(
            "Pause before the same fault on a subject is treated again; doubles every time.",
            "s",
            ge=0.0,
            le=3_600.0,
        ),
    ] = 5.0
    cooldown_max: Annotated[float, about("Longest such pause.", "s", ge=0.0, le=86_400.0)] = 600.0
    moves_per_two_minutes: Annotated[
        int,
        about("How often a link may be left or used again: more is coming and going.", ge=2, le=100),
    ] = 2
    undone_within: Annotated[
        float,
        about(
            "What somebody takes down again so soon after it was restored is left alone; 0: never.",
            "s",
            ge=0.0,
            le=3600.0,
        ),
    ] = 3600.0
    reboot_min_interval: Annotated[
        float,
        about(
            "Least time between reboots by the agent, counted across reboots.",
            "s",
            ge=3_600.0,
            le=2_592_000.0,
        ),
    ] = 21_600.0
