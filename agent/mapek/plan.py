# SPDX-License-Identifier: Apache-2.0
"""Decides about one episode: the cheapest rung whose preconditions hold, or why none. Pure; one sentence
each.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import msgspec

from agent.events import Decision, Remedy, Scope, Verdict
from agent.faults.base import View
from agent.mapek.episodes import Episode, Rung, cooldown
from agent.mapek.limits import MOVE_WINDOW, REBOOTS, Limits
from agent.mapek.policy import Policy
from agent.remedies.base import Action

MAX_RUNGS = 16  # rungs of a ladder that are looked at


class Gate(msgspec.Struct, frozen=True):
    """What forbids acting on this tick, whatever the fault; "" where nothing does."""

    closed_as: str = ""  # "observe", "paused", "unhealthy", "setup": does not change while only numbers do
    closed: str = ""  # the same in words
    cooling_until: float = 0.0  # the episode's own cool-down after a relapse
    explained_by: str = ""  # the sentence of a root cause that makes this episode superfluous
    blocked_by: str = ""  # another episode at work on an overlapping subject
    left_alone: str = ""  # why nothing is done until a person wants it
    stopped: str = ""  # why nothing can be carried out now (workers, journal)


class Plan(msgspec.Struct, frozen=True):
    """A decision and what makes it differ from the last one."""

    decision: Decision
    kind: tuple[str, ...]


class Planner:
    """Ladder and standing policy into a decision."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self.actions = {action.id: action for action in actions}

    def temporary(self, action: str) -> bool:
        """Does what it changed serve only until the fault is contained (an action's own `temporary`)?"""
        return bool(getattr(self.actions.get(action), "temporary", False))

    def decide(
        self,
        episode: Episode,
        ladder: Sequence[Remedy],
        view: View,
        policy: Policy,
        limits: Limits,
        gate: Gate,
    ) -> Plan:
        """About one episode, now (`view.now`). Only a verdict ACT may be carried out."""
        if gate.explained_by:
            return _plan(episode, view, Verdict.WAIT, None, f"explained by {gate.explained_by}", "explained")
        if gate.left_alone:
            return _plan(episode, view, Verdict.NOTHING, None, gate.left_alone, "left-alone")
        unused = [remedy for remedy in ladder[:MAX_RUNGS] if Rung.of(remedy) not in episode.used]
        if not unused:
            why = "every rung was tried once" if ladder else "nothing the agent can do mends it"
            return _plan(episode, view, Verdict.NOTHING, None, f"{why}; a person must look", "exhausted")
        remedy, refusals, hopeless = self._cheapest(unused, view, policy, limits)
        if remedy is None:
            verdict = Verdict.NOTHING if hopeless else Verdict.WAIT
            plan = _plan(episode, view, verdict, None, "; ".join(refusals), "refused", *map(_bare, refusals))
            return _due(plan, _next_rung_at(unused, view.now)) if verdict is Verdict.WAIT else plan
        what = self.actions[remedy.action].title
        if gate.closed:
            return _plan(
                episode, view, Verdict.OBSERVE, remedy, f"would {what}, but {gate.closed}", gate.closed_as
            )
        wait, kind = self._wait(remedy, view.now, policy, limits, gate)
        if wait:
            plan = _plan(episode, view, Verdict.WAIT, remedy, f"will {what} later: {wait}", kind)
            return _due(plan, gate.cooling_until if kind == "cooling" else None)
        return _plan(episode, view, Verdict.ACT, remedy, what, "act", remedy.action, remedy.subject)

    def _cheapest(
        self, unused: Sequence[Remedy], view: View, policy: Policy, limits: Limits
    ) -> tuple[Remedy | None, list[str], bool]:
        """The first rung that fits; else every rung's refusal, and whether waiting cannot help."""
        refusals: list[str] = []
        hopeless = True
        for remedy in unused:
            action = self.actions.get(remedy.action)
            if action is None:
                refusals.append(f"action {remedy.action} is not installed on this node")
                continue
            if remedy.scope is not Scope.NODE:
                refusals.append(
                    f"{action.title}: standing policy leaves to a vote what concerns {remedy.scope.value}"
                )
                continue
            refusal = _refusal(action, remedy, view)
            if not refusal and remedy.action in REBOOTS:
                left = limits.reboot_wait(policy.reboot_min_interval, view.now)
                refusal = f"the last reboot is too recent, {left:.0f} s to go" if left else ""
            if not refusal and not limits.may_act(
                remedy.action, remedy.subject, view.now, policy.moves_per_two_minutes
            ):
                moves = limits.moves(remedy.subject, view.now, remedy.action)
                refusal = f"{moves} moves there within {MOVE_WINDOW:.0f} s are enough"
            if not refusal:
                return remedy, [], False
            hopeless = False
            refusals.append(f"{action.title}: not now, {refusal}")
        return None, refusals, hopeless

    def _wait(
        self, remedy: Remedy, now: float, policy: Policy, limits: Limits, gate: Gate
    ) -> tuple[str, str]:
        if gate.cooling_until > now:
            return f"it came back, cooling down for {gate.cooling_until - now:.0f} s", "cooling"
        if gate.blocked_by:
            return f"another action is under way there ({gate.blocked_by})", "blocked"
        if limits.budget_left(policy.budget_per_hour, now) <= 0:
            return f"the budget of {policy.budget_per_hour} actions an hour is spent", "budget"
        if gate.stopped:
            return gate.stopped, "stopped"
        return "", ""


def relapse_cooldown(relapses: int, contained: bool, ended: float, policy: Policy) -> float:
    """Monotonic seconds before which a relapse is not treated. A containment is never delayed."""
    if contained:
        return 0.0
    return ended + cooldown(relapses, policy.cooldown_first, policy.cooldown_max)


def _refusal(action: Action, remedy: Remedy, view: View) -> str:
    try:
        return action.refusal(remedy, view)
    except Exception as error:  # noqa: BLE001 - a check that fails forbids its action, not the loop
        return f"its own check failed with {type(error).__name__}: {error}"


def _plan(
    episode: Episode, view: View, verdict: Verdict, remedy: Remedy | None, what: str, *kind: str
) -> Plan:
    said = episode.diagnosis.sentence or episode.diagnosis.fault
    # most faults' sentences hold their figures already
    seen = ", ".join(
        f"{key} {value}" for key, value in episode.diagnosis.evidence.items() if value not in said
    )
    sentence = f"{said} ({seen})" if seen else said
    return Plan(
        Decision(
            diagnosis=episode.id,
            verdict=verdict,
            remedy=remedy,
            sentence=f"{sentence.rstrip('.')}: {what}.",
            at=view.now,
            reason="" if verdict is Verdict.ACT else kind[0],
        ),
        (verdict.value, *kind),
    )


def _due(plan: Plan, at: float | None) -> Plan:
    """The same, to be tried again then (monotonic s; None: nobody can tell)."""
    return Plan(msgspec.structs.replace(plan.decision, not_before=at), plan.kind)


def _next_rung_at(unused: Sequence[Remedy], now: float) -> float | None:
    """When the first rung that only waits for its time may be tried."""
    times: list[float] = []
    for remedy in unused:
        with contextlib.suppress(ValueError):  # an action's own check has said so already
            times.append(float(remedy.args.get("not_before", "nan")))
    return min((time for time in times if time > now), default=None)


def _bare(text: str) -> str:
    """A refusal without its numbers, so that a countdown is not a new decision each time."""
    return re.sub(r"[\d.]+", "#", text)
