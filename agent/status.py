# SPDX-License-Identifier: Apache-2.0
"""What the loop knows as one document: for the page, the API, `x0 status` and the metrics. Pure.

The document is made of dicts, lists, strings and numbers only, so that it can be sent as JSON as it is.
Durations are seconds, ages seconds before the document was made, `since` and `paused_until` Unix time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Result, Snapshot, Verdict

FAULTS_MAX = 20  # shown: those under treatment, then the newest ended ones (facts/ui.md: last 20)
ROWS_MAX = 256  # neighbours, hardifs: a radio hears fewer; a stranger's flood must not blow the document up
TEXT_MAX = 400  # characters of one value: names come from strangers' hellos

State = Literal["starting", "healthy", "healing", "broken", "paused"]


class Episode(msgspec.Struct, frozen=True):
    """A fault from its diagnosis to its end."""

    diagnosis: Diagnosis
    title: str = ""  # the fault's title in a technician's words
    by_hand: str = ""  # what a person can do
    decision: Decision | None = None
    outcome: Outcome | None = None
    open: bool = True


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
    starting: str = ""  # what is still awaited


def build(loop: Loop, snapshot: Snapshot | None) -> dict[str, Any]:
    """The status document (module docstring)."""
    active = [episode for episode in loop.episodes if episode.open]
    state = state_of(loop, snapshot)
    errors = {**(snapshot.errors if snapshot else {}), **loop.errors}
    if not loop.mesh_wanted:  # a laptop without a mesh lacks nothing
        errors.pop("mesh", None)
    errors = dict(list(errors.items())[:ROWS_MAX])
    return {
        "node": _text(loop.node),
        "mode": loop.mode,
        "state": state,
        "verdict": verdict(loop, state, active, errors),
        "since": None if loop.state_since is None else round(loop.wall - (loop.now - loop.state_since), 3),
        "paused_until": loop.paused_until,
        "uptime": round(loop.now - loop.started, 1),
        "data_age": None if snapshot is None else round(max(0.0, loop.now - snapshot.at), 2),
        "mesh": _mesh(snapshot),
        "neighbours": _neighbours(loop.now, snapshot),
        "faults": _faults(loop),
        "host": _host(snapshot),
        "services": _services(snapshot),
        "errors": {_text(key): _text(value) for key, value in errors.items()},
    }


def state_of(loop: Loop, snapshot: Snapshot | None) -> State:
    """One word for the whole node."""
    paused = loop.paused_until is not None and loop.paused_until > loop.wall
    if snapshot is None:
        return "starting"
    active = [episode for episode in loop.episodes if episode.open]
    if paused:
        return "paused"
    if any(_needs_person(episode) for episode in active):
        return "broken"
    if active:
        return "healing"
    return "healthy" if loop.healthy_once else "starting"


def verdict(loop: Loop, state: State, active: Sequence[Episode], errors: dict[str, str]) -> dict[str, str]:
    """What is wrong, what the node does about it, what you should do: plain words for a technician."""
    if state == "starting":
        waiting = loop.starting or "the first readings"
        return {
            "sentence": "The node is starting.",
            "doing": f"It repairs nothing until it was healthy once. Not well yet: {_text(waiting)}.",
            "you": "Wait half a minute. If this stays, look at the errors below.",
        }
    sentence = _sentence(active)
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
    worst = next((episode for episode in active if _needs_person(episode)), active[-1])
    return {"sentence": sentence, "doing": _doing(worst), "you": _you(loop, worst)}


def _sentence(active: Sequence[Episode]) -> str:
    if not active:
        return ""
    worst = next((episode for episode in active if _needs_person(episode)), active[-1])
    first = _text(
        worst.diagnosis.sentence or f"{worst.title or worst.diagnosis.fault} on {worst.diagnosis.subject}."
    )
    others = len(active) - 1
    return first if not others else f"{first} {_count(others, 'further fault')} below."


def _doing(episode: Episode) -> str:
    if episode.outcome is not None:
        return _text(episode.outcome.sentence)
    if episode.decision is not None:
        return _text(episode.decision.sentence)
    return "It is deciding what to do."


def _you(loop: Loop, episode: Episode) -> str:
    by_hand = _text(episode.by_hand)
    if _needs_person(episode) or loop.mode == "observe":
        return by_hand or "Look at the evidence below and mend the cause by hand."
    if episode.outcome is not None and episode.outcome.result is Result.CONTAINED:
        return f"Traffic goes another way; the cause is still there. {by_hand}".rstrip()
    return f"Nothing yet. If it stays: {by_hand}" if by_hand else "Nothing yet: the node is at work."


def _needs_person(episode: Episode) -> bool:
    """No rung is left, or it is only observed."""
    if episode.decision is None:
        return False
    return episode.decision.verdict in (Verdict.NOTHING, Verdict.OBSERVE)


def _faults(loop: Loop) -> list[dict[str, Any]]:
    newest = sorted(loop.episodes, key=lambda episode: (not episode.open, -episode.diagnosis.at))
    return [_fault(loop, episode) for episode in newest[:FAULTS_MAX]]


def _fault(loop: Loop, episode: Episode) -> dict[str, Any]:
    diagnosis, decision, outcome = episode.diagnosis, episode.decision, episode.outcome
    found = {
        "id": diagnosis.id,
        "fault": diagnosis.fault,
        "title": _text(episode.title or diagnosis.fault),
        "subject": _text(diagnosis.subject),
        "state": _fault_state(episode),
        "open": episode.open,
        "sentence": _text(diagnosis.sentence),
        "by_hand": _text(episode.by_hand),
        "evidence": {_text(k): _text(v) for k, v in list(diagnosis.evidence.items())[:ROWS_MAX]},
        "decision": None,
        "outcome": None,
        "onset_ago": round(max(0.0, loop.now - diagnosis.onset), 2),
        "found_after": round(max(0.0, diagnosis.at - diagnosis.onset), 3),
    }
    if decision is not None:
        found["decision"] = {
            "verdict": str(decision.verdict),
            "action": decision.remedy.action if decision.remedy else "",
            "sentence": _text(decision.sentence),
            "ago": round(max(0.0, loop.now - decision.at), 2),
        }
    if outcome is not None:
        found["outcome"] = {
            "result": str(outcome.result),
            "action": outcome.action,
            "sentence": _text(outcome.sentence),
            "after_onset": round(outcome.after_onset, 3),
        }
    return found


def _fault_state(episode: Episode) -> str:
    if episode.outcome is not None:
        return str(episode.outcome.result)
    if not episode.open:
        return "gone"
    if episode.decision is None:
        return "found"
    return {"act": "healing", "wait": "waiting", "observe": "observed"}.get(
        episode.decision.verdict, "unhealed"
    )


def _mesh(snapshot: Snapshot | None) -> dict[str, Any] | None:
    mesh = snapshot.mesh if snapshot else None
    if mesh is None:
        return None
    best = next((gateway for gateway in mesh.gateways if gateway.best), None)
    return {
        "name": mesh.name,
        "mac": mesh.mac,
        "algo": mesh.algo,
        "ogm_interval_ms": mesh.ogm_interval_ms,
        "hop_penalty": mesh.hop_penalty,
        "gateway_mode": mesh.gw_mode,
        "gateway": best.mac if best else None,
        "nodes": len({row.mac for row in mesh.originators}),
        "clients": mesh.tt_global,
        "hardifs": [
            {"name": _text(hardif.name), "mac": hardif.mac, "active": hardif.active}
            for hardif in mesh.hardifs[:ROWS_MAX]
        ],
    }


def _neighbours(now: float, snapshot: Snapshot | None) -> list[dict[str, Any]]:
    if snapshot is None or snapshot.mesh is None:
        return []
    names = {(peer.hardif, peer.mac): peer for peer in snapshot.peers}
    signals = {
        (radio.name, station.mac): station.signal_dbm
        for radio in snapshot.radios or ()
        for station in radio.stations
    }
    since_dump = max(0.0, now - snapshot.mesh.neighbours_at) if snapshot.mesh.neighbours_at else 0.0
    rows = []
    for row in snapshot.mesh.neighbours[:ROWS_MAX]:
        key = (row.hardif, row.mac)
        peer = names.get(key)
        rows.append(
            {
                "node": _text(peer.node) if peer else "",
                "mac": row.mac,
                "hardif": _text(row.hardif),
                "last_seen_ms": round((row.last_seen_age + since_dump) * 1000),
                "throughput_kbit": row.throughput_kbit,
                "signal_dbm": signals.get(key),
                "hears_us": peer.hears_us if peer else None,
            }
        )
    return rows


def _host(snapshot: Snapshot | None) -> dict[str, Any] | None:
    return None if snapshot is None or snapshot.host is None else msgspec.to_builtins(snapshot.host)


def _services(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    rows = (snapshot.services if snapshot else None) or ()
    return [
        {"name": _text(row.name), "state": row.state, "detail": _text(row.detail)} for row in rows[:ROWS_MAX]
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text(text: str) -> str:
    clean = "".join(character if character.isprintable() else " " for character in text[: TEXT_MAX + 1])
    return clean if len(clean) <= TEXT_MAX else clean[: TEXT_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}"
