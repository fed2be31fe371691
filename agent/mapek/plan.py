# SPDX-License-Identifier: Apache-2.0
"""Decides about one episode: the cheapest rung whose preconditions hold, or why none. Pure; one sentence
each.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import msgspec

from agent.events import Decision, Remedy, Verdict
from agent.faults.base import View
from agent.mapek.episodes import RELAPSE_QUIET, Episode, Relapse, Rung, cooldown
from agent.mapek.limits import MOVE_WINDOW, REBOOTS, Limits, apart, reserve
from agent.mapek.permit import Permit
from agent.mapek.policy import Policy
from agent.remedies.base import Action

MAX_RUNGS = 16  # rungs of a ladder that are looked at
REFUSED_FOR = (
    10.0  # s every rung must be refused before a person is asked: a table may be unread for a moment
)


class Gate(msgspec.Struct, frozen=True):
    """What forbids acting on this tick, whatever the fault; "" where nothing does."""

    closed_as: str = ""  # "observe", "paused", "unhealthy", "setup": does not change while only numbers do
    closed: str = ""  # the same in words
    cooling_until: float = 0.0  # the episode's own cool-down after a relapse
    explained_by: str = ""  # the sentence of a root cause that makes this episode superfluous
    blocked_by: str = ""  # another episode at work on an overlapping subject
    left_alone: str = ""  # why nothing is done until a person wants it
    stopped: str = ""  # why nothing can be carried out now (workers, journal)


class _Refused(msgspec.Struct, frozen=True):
    """Why no rung may be taken now."""

    why: list[str]  # one sentence a rung
    hopeless: bool  # waiting cannot help
    bounded: bool  # only the bounds on moves or reboots forbid one of them


class Plan(msgspec.Struct, frozen=True):
    """A decision and what makes it differ from the last one."""

    decision: Decision
    kind: tuple[str, ...]


class Planner:
    """Ladder and standing policy into a decision."""

    def __init__(self, actions: Sequence[Action], permit: Permit | None = None) -> None:
        """`permit`: the authorisation's say; without one the built-in table's."""
        self.actions = {action.id: action for action in actions}
        self._permit = permit or Permit(actions)

    def temporary(self, action: str) -> bool:
        """Does what it changed serve only until the fault is contained (an action's own `temporary`)?"""
        return bool(getattr(self.actions.get(action), "temporary", False))

    def cures(self, action: str) -> bool:
        """Is what it did right, and its record only for who is killed meanwhile (an action's own `cures`)?"""
        return bool(getattr(self.actions.get(action), "cures", False))

    def helps(self, remedy: Remedy, view: View) -> bool:
        """May this be done now by its own check, and is it more than a makeshift?"""
        action = self.actions.get(remedy.action)
        if action is None or self._permit.refusal(remedy):
            return False
        passing = self.temporary(action.id) and not self.cures(action.id)
        return not passing and not _refusal(action, remedy, view)

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
            if ladder:
                why, kind = "every rung was tried once", "exhausted"
            else:  # it may have one again: no neighbour is blamed while all are silent
                why, kind = "nothing the agent can do mends it", "no-rung"
            return _plan(episode, view, Verdict.NOTHING, None, f"{why}; a person must look", kind)
        remedy = self._cheapest(unused, view, policy, limits)
        if isinstance(remedy, _Refused):
            return _refused(episode, view, remedy, _next_rung_at(unused, view.now), gate)
        what = self.actions[remedy.action].title
        if gate.closed:
            return _plan(
                episode, view, Verdict.OBSERVE, remedy, f"would {what}, but {gate.closed}", gate.closed_as
            )
        wait, kind = _wait(remedy, view.now, policy, limits, gate)
        if wait:
            plan = _plan(episode, view, Verdict.WAIT, remedy, f"will {what} later: {wait}", kind)
            return _due(plan, gate.cooling_until if kind == "cooling" else None)
        return _plan(episode, view, Verdict.ACT, remedy, what, "act", remedy.action, remedy.subject)

    def _cheapest(
        self, unused: Sequence[Remedy], view: View, policy: Policy, limits: Limits
    ) -> Remedy | _Refused:
        """The first rung that fits; else every rung's refusal."""
        refusals: list[str] = []
        hopeless, bounded = True, False
        for remedy in unused:
            action = self.actions.get(remedy.action)
            if action is None:
                refusals.append(f"action {remedy.action} is not installed on this node")
                continue
            if denied := self._permit.refusal(remedy):
                refusals.append(f"{action.title}: {denied}")
                continue
            refusal = _refusal(action, remedy, view)
            if not refusal and remedy.action in REBOOTS:
                left = limits.reboot_wait(policy.reboot_min_interval, view.now)
                refusal = f"the last reboot is too recent, {left:.0f} s to go" if left else ""
                bounded |= bool(refusal)
            if not refusal and not limits.may_act(
                remedy.action, remedy.subject, view.now, policy.moves_per_two_minutes
            ):
                moves = limits.moves(remedy.subject, view.now, remedy.action)
                refusal = f"{moves} moves there within {MOVE_WINDOW:.0f} s are enough"
                bounded = True
            if not refusal:
                return remedy
            hopeless = False
            refusals.append(f"{action.title}: not now, {refusal}")
        return _Refused(refusals, hopeless, bounded)


def _refused(episode: Episode, view: View, refused: _Refused, due: float | None, gate: Gate) -> Plan:
    """It waits where that may help. What is refused for REFUSED_FOR needs a person; it is asked on and on."""
    passing = due is not None or refused.bounded or bool(gate.blocked_by)
    lasting = episode.refused_at is not None and view.now - episode.refused_at >= REFUSED_FOR
    why, kind = "; ".join(refused.why), ("moves" if refused.bounded else "refused", *map(_bare, refused.why))
    if refused.hopeless or (lasting and not passing):
        return _plan(episode, view, Verdict.NOTHING, None, f"{why}; a person must look", *kind)
    return _due(_plan(episode, view, Verdict.WAIT, None, why, *kind), due)


def _wait(remedy: Remedy, now: float, policy: Policy, limits: Limits, gate: Gate) -> tuple[str, str]:
    if gate.cooling_until > now:
        return f"it came back, cooling down for {gate.cooling_until - now:.0f} s", "cooling"
    if gate.blocked_by:
        return f"another action is under way there ({gate.blocked_by})", "blocked"
    most = policy.budget_per_hour
    if limits.budget_left(most, now) <= 0:
        return f"the budget of {most} actions an hour is spent", "budget"
    if limits.budget_left(most, now, remedy.subject) <= 0:
        return f"{reserve(most)} of the {most} actions an hour are kept for the links", "budget"
    if gate.stopped:
        return gate.stopped, "stopped"
    return "", ""


def relapse_cooldown(relapses: int, last: Relapse, subject: str, policy: Policy) -> float:
    """Monotonic seconds before which a relapse is not treated. A containment is never delayed."""
    if last.contained:
        return 0.0
    if last.failed:
        return last.ended + failed_cooldown(relapses, subject, policy)
    return last.ended + cooldown(relapses, policy.cooldown_first, policy.cooldown_max)


def failed_cooldown(relapses: int, subject: str, policy: Policy) -> float:
    """Seconds until a fault none of its rungs mended is tried again from the first.

    A link soon, as another way may have come. A machine or a service is seldom another one minutes later: it
    waits for the longest cool-down, doubled each time, up to an hour (longer, it would count as new).
    """
    if apart(subject):
        return cooldown(relapses, policy.cooldown_max, max(policy.cooldown_max, RELAPSE_QUIET))
    return cooldown(relapses, policy.cooldown_first, policy.cooldown_max)


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
