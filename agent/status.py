# SPDX-License-Identifier: Apache-2.0
"""What the loop knows as one document: for the page, the API, `x0 status` and the metrics. Pure.

The document is made of dicts, lists, strings and numbers only, so that it can be sent as JSON as it is.
Durations are seconds, ages seconds before the document was made, `since` and `paused_until` Unix time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Snapshot, Verdict
from agent.statuslinks import links_of
from agent.statusmesh import ROWS_MAX, mesh_of, named_in, neighbours_of, place_of, shown, stations_of

FAULTS_MAX = 20  # shown: those under treatment, then the newest ended ones (facts/ui.md: last 20)

HOST = "host/"  # subjects of the machine, on which no traffic depends directly
# Phases (agent/mapek/episodes.py) that say by themselves how a fault stands.
PHASES = {"acting": "healing", "verifying": "healing", "undoing": "healing", "contained": "contained"}

STARTING = frozenset({"unhealthy", "setup"})  # agent/mapek/plan.py: Gate.closed_as
READINGS = "the first readings"  # what is awaited before anything is known

State = Literal["starting", "healthy", "healing", "broken", "paused"]


class Episode(msgspec.Struct, frozen=True):
    """A fault from its diagnosis to its end."""

    diagnosis: Diagnosis
    title: str = ""  # the fault's title in a technician's words
    by_hand: str = ""  # what a person can do
    decision: Decision | None = None
    outcome: Outcome | None = None
    open: bool = True
    phase: str = ""  # agent/mapek/episodes.py: "deciding", "acting", "verifying", "contained", "undoing"
    next_try: float | None = None  # monotonic s of the next try, None where no time can be told
    check_by: float | None = None  # monotonic s by which the act must have helped; else it is put back
    held: tuple[str, ...] = ()  # actions whose changes stand and will be put back
    needs_person: bool = False  # nothing is left, or nothing allowed, that the node could do about it


class Loop(msgspec.Struct, frozen=True):
    """What the status needs from the loop."""

    now: float  # monotonic s
    wall: float  # Unix time of `now`
    node: str
    mode: str
    started: float  # monotonic s
    healthy_once: bool  # has a snapshot without faults been seen since the start
    paused_until: float | None = None  # Unix time
    episodes: tuple[Episode, ...] = ()  # newest last
    state_since: float | None = None  # monotonic s of the last change of the state
    errors: dict[str, str] = {}  # of tasks and reloads, beside those of the sensors
    mesh_wanted: bool = True  # does the configuration ask for a mesh
    awaited: dict[str, str] = {}  # what keeps it from being healthy: fields of agent/mapek/awaited.py
    location: str = ""  # where it hangs, from the configuration


def build(loop: Loop, snapshot: Snapshot | None) -> dict[str, Any]:
    """The status document (module docstring)."""
    active = [episode for episode in loop.episodes if episode.open]
    state = state_of(loop, snapshot)
    errors = {**(snapshot.errors if snapshot else {}), **loop.errors}
    if not loop.mesh_wanted:  # a laptop without a mesh lacks nothing
        errors.pop("mesh", None)
    errors = dict(list(errors.items())[:ROWS_MAX])
    return {
        "node": shown(loop.node),
        "location": shown(loop.location),
        "mode": loop.mode,
        "state": state,
        "verdict": verdict(loop, snapshot, state, active, errors),
        "since": None if loop.state_since is None else round(loop.wall - (loop.now - loop.state_since), 3),
        "awaited": _awaited(loop, snapshot),
        "paused_until": loop.paused_until,
        "paused_for": None
        if loop.paused_until is None
        else round(max(0.0, loop.paused_until - loop.wall), 1),
        "uptime": round(loop.now - loop.started, 1),
        "data_age": None if snapshot is None else round(max(0.0, loop.now - snapshot.at), 2),
        "mesh": mesh_of(snapshot),
        "neighbours": neighbours_of(loop.now, snapshot),
        "links": links_of(snapshot),
        "radios": None if snapshot is None or snapshot.radios is None else stations_of(snapshot),
        "faults": _faults(loop, snapshot),
        "host": _host(snapshot),
        "services": _services(snapshot),
        "errors": {shown(key): shown(value) for key, value in errors.items()},
    }


def state_of(loop: Loop, snapshot: Snapshot | None) -> State:
    """One word for the whole node."""
    paused = loop.paused_until is not None and loop.paused_until > loop.wall
    if snapshot is None:
        return "starting"
    active = [episode for episode in loop.episodes if episode.open]
    if paused:
        return "paused"
    if any(episode.needs_person for episode in active):
        return "broken"
    if not loop.healthy_once and all(_awaits_start(episode) for episode in active):
        return "starting"
    return "healing" if active else "healthy"


def _awaits_start(episode: Episode) -> bool:
    """Is it only what keeps the node from being healthy for the first time, and is left until then?"""
    return episode.decision is not None and episode.decision.reason in STARTING


def verdict(
    loop: Loop,
    snapshot: Snapshot | None,
    state: State,
    active: Sequence[Episode],
    errors: dict[str, str],
) -> dict[str, str]:
    """What is wrong, what the node does about it, what you should do: plain words for a technician."""
    if state == "starting":
        awaited = _awaited(loop, snapshot)
        what = f"{awaited['title']} ({awaited['place']})" if awaited.get("title") else awaited.get("sentence")
        return {
            "sentence": "The node is starting.",
            "doing": f"It repairs nothing until it was healthy once. Not well yet: {what or READINGS}.",
            "you": "Wait half a minute. If this stays, look at the errors below.",
        }
    sentence = _sentence(active, snapshot)
    if state == "paused":
        minutes = max(1, round(((loop.paused_until or loop.wall) - loop.wall) / 60))
        return {
            "sentence": sentence if active else "Repairs are paused. No fault is seen.",
            "doing": f"Nothing: repairs are paused for another {minutes} min. It goes on watching.",
            "you": "Run `x0 resume` when you have finished.",
        }
    if not active:
        calm = "Everything this node can see works."
        if errors:
            calm = f"No fault is seen, but {_count(len(errors), 'source')} cannot be read."
        return {
            "sentence": calm,
            "doing": "It watches the mesh."
            if loop.mode == "heal"
            else "It watches and never acts (observe).",
            "you": "Look at the errors below." if errors else "Nothing.",
        }
    worst = _worst(active)
    return {
        "sentence": sentence,
        "doing": _doing(loop, worst),
        "you": _you(loop, worst),
        "fault": worst.diagnosis.id,
    }


def _awaited(loop: Loop, snapshot: Snapshot | None) -> dict[str, str]:
    found = {key: shown(text) for key, text in loop.awaited.items()}
    return found | {"place": shown(place_of(loop.awaited.get("subject", ""), snapshot))} if found else {}


def _sentence(active: Sequence[Episode], snapshot: Snapshot | None) -> str:
    if not active:
        return ""
    worst = _worst(active)
    first = shown(
        worst.diagnosis.sentence or f"{worst.title or worst.diagnosis.fault} on {worst.diagnosis.subject}."
    )
    for mac, name in named_in(first, snapshot).items():
        first = first.replace(mac, name)
    others = len(active) - 1
    return first if not others else f"{first} {_count(others, 'further fault')} below."


def _doing(loop: Loop, episode: Episode) -> str:
    if episode.next_try is not None and episode.next_try > loop.now:
        later = f" The next try is in {episode.next_try - loop.now:.0f} s."
    else:
        later = ""
    if _fault_state(episode) == "contained" and episode.outcome is not None:
        return shown(episode.outcome.sentence) + later
    if episode.decision is not None:
        return shown(episode.decision.sentence) + later
    return "It is deciding what to do."


def _you(loop: Loop, episode: Episode) -> str:
    by_hand = shown(episode.by_hand)
    if episode.needs_person or loop.mode == "observe":
        return by_hand or "Look at the evidence below and mend the cause by hand."
    if _fault_state(episode) == "contained":
        host = episode.diagnosis.subject.startswith(HOST)
        how = "The node has done its part" if host else "Traffic goes another way"
        return f"{how}; the cause is still there. {by_hand}".rstrip()
    return f"Nothing yet. If it stays: {by_hand}" if by_hand else "Nothing yet: the node is at work."


def _worst(active: Sequence[Episode]) -> Episode:
    """The one the verdict speaks of: the oldest that needs a person, else the newest."""
    return next((episode for episode in active if episode.needs_person), active[-1])


def _faults(loop: Loop, snapshot: Snapshot | None) -> list[dict[str, Any]]:
    newest = sorted(loop.episodes, key=lambda episode: (not episode.open, -episode.diagnosis.at))
    return [_fault(loop, episode, snapshot) for episode in newest[:FAULTS_MAX]]


def _fault(loop: Loop, episode: Episode, snapshot: Snapshot | None) -> dict[str, Any]:
    diagnosis, decision, outcome = episode.diagnosis, episode.decision, episode.outcome
    found = {
        "id": diagnosis.id,
        "fault": diagnosis.fault,
        "title": shown(episode.title or diagnosis.fault),
        "subject": shown(diagnosis.subject),
        "state": _fault_state(episode),
        "open": episode.open,
        "needs_person": episode.open and episode.needs_person,
        "sentence": shown(diagnosis.sentence),
        "names": named_in(
            " ".join((diagnosis.subject, diagnosis.sentence, *diagnosis.evidence.values())), snapshot
        ),
        "by_hand": shown(episode.by_hand),
        "evidence": {shown(k): shown(v) for k, v in list(diagnosis.evidence.items())[:ROWS_MAX]},
        "decision": None,
        "outcome": None,
        "phase": episode.phase,
        "next_try_in": _until(episode.next_try, loop.now),
        "check_in": _until(episode.check_by, loop.now),
        "held": list(episode.held),
        "onset_ago": round(max(0.0, loop.now - diagnosis.onset), 2),
        "found_after": round(max(0.0, diagnosis.at - diagnosis.onset), 3),
    }
    if decision is not None:
        found["decision"] = {
            "verdict": str(decision.verdict),
            "action": decision.remedy.action if decision.remedy else "",
            "sentence": shown(decision.sentence),
            "reason": decision.reason,
            "ago": round(max(0.0, loop.now - decision.at), 2),
        }
    if outcome is not None:
        found["outcome"] = {
            "result": str(outcome.result),
            "action": outcome.action,
            "sentence": shown(outcome.sentence),
            "after_onset": round(outcome.after_onset, 3),
        }
    return found


def _fault_state(episode: Episode) -> str:
    """What it came to where it has ended; else where it stands now: an outcome may be of a step long past."""
    if not episode.open:
        return "gone" if episode.outcome is None else str(episode.outcome.result)
    if episode.phase in PHASES:
        return PHASES[episode.phase]
    if episode.decision is None:
        return "found"
    if episode.needs_person and episode.decision.verdict is not Verdict.OBSERVE:
        return "unhealed"
    return {"act": "healing", "wait": "waiting", "observe": "observed"}.get(
        episode.decision.verdict, "unhealed"
    )


def _host(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None or snapshot.host is None:
        return None
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(snapshot.host))  # lists, not tuples
    return plain


def _services(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    rows = (snapshot.services if snapshot else None) or ()
    return [
        {"name": shown(row.name), "state": row.state, "detail": shown(row.detail)} for row in rows[:ROWS_MAX]
    ]


def _until(moment: float | None, now: float) -> float | None:
    return None if moment is None else round(max(0.0, moment - now), 1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
