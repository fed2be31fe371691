# SPDX-License-Identifier: Apache-2.0
"""What the node does about one fault, in the viewer's words, from the fault's row of the status document."""

from __future__ import annotations

from typing import Any

from agent.web.words import Words

CLOSED = frozenset({"observe", "paused", "unhealthy", "setup"})  # agent/mapek/plan.py: Gate.closed_as
NO_RUNG = "no-rung"  # nothing the agent can do, at least now: agent/mapek/plan.py
LEFT_ALONE = "left-alone"  # a person undid what the node had put right: agent/mapek/personal.py
WAITING = frozenset({"cooling", "blocked", "moves", "budget", "stopped", "refused", "explained"})


def needs_person(row: dict[str, Any]) -> bool:
    """Is nothing left, or nothing allowed, that the node could do about it?"""
    return bool(row.get("needs_person"))


def eased(row: dict[str, Any]) -> bool:
    """Is it less bad now, on the machine itself? No traffic goes around that."""
    return row["state"] == "contained" and str(row["subject"]).startswith("host/")


def left_alone(row: dict[str, Any]) -> bool:
    """Is it open because a person wants it so?"""
    decision = row["decision"]
    return bool(row["open"]) and decision is not None and decision.get("reason") == LEFT_ALONE


def hand(row: dict[str, Any], w: Words) -> str:
    """What a person can do; "" where the fault says nothing."""
    return w("you.left-alone") if left_alone(row) else w.fault(row, "hand")


def doing(row: dict[str, Any], w: Words) -> str:
    """One or two sentences; times are told by `next_step`."""
    decision, outcome = row["decision"], row["outcome"]
    phase = "contained" if row["state"] == "contained" else row.get("phase", "")
    did = _did(row, phase)
    if phase in ("verifying", "contained") and did:
        return w(f"doing.{phase}", done=w.done(did))
    if phase in ("acting", "undoing") and did:
        return w(f"doing.{phase}", action=w.action(did))
    if phase == "contained":
        return w("doing.eased" if eased(row) else "doing.bypassed")
    if decision is None:
        return w("doing.deciding")
    verdict, reason = decision["verdict"], decision.get("reason", "")
    action = w.action(decision["action"]) if decision["action"] else ""
    before = w("doing.failed", action=w.action(outcome["action"])) + " " if _failed(outcome) else ""
    if verdict == "act":
        return before + w("doing.acting", action=action)
    if verdict == "observe":
        why = w(f"why.{reason if reason in CLOSED else 'observe'}")
        return before + (w("doing.would", why=why, action=action) if action else w("doing.none", why=why))
    if verdict == "wait":
        due = reason == "refused" and row.get("next_try_in") is not None  # only its time has not come
        why = w("why.due" if due else f"why.{reason if reason in WAITING else 'refused'}")
        return before + (w("doing.later", why=why, action=action) if action else w("doing.wait", why=why))
    if reason == LEFT_ALONE:
        return w("doing.left-alone")
    if reason == "refused":
        return before + w("doing.no-way")
    tried = outcome is not None and reason != NO_RUNG
    return before + w("doing.exhausted" if tried else "doing.nothing")


def next_step(row: dict[str, Any], w: Words) -> str:
    """When it tries or checks next; "" where no time can be told."""
    if row.get("check_in") is not None:
        return w("next.check" if row.get("held") else "next.look", time=w.duration(row["check_in"]))
    if row.get("next_try_in") is not None:
        return w("next.try", time=w.duration(row["next_try_in"]))
    return w("next.answer") if row["state"] == "contained" and row.get("held") else ""


def _did(row: dict[str, Any], phase: str) -> str:
    """The action its phase is about, "" where the node did nothing.

    A decision names what the node would do, too: its action is one in hand only by the verdict `act`. What
    became well by itself, or by batman-adv, was decided about and never acted on.
    """
    held, decision, outcome = row.get("held"), row["decision"], row["outcome"]
    if phase in ("contained", "undoing") and held:
        return str(held[-1])
    if phase == "contained":  # what served only to get there is put back already
        return str(outcome["action"]) if outcome is not None and outcome["result"] == "contained" else ""
    return str(decision["action"]) if decision is not None and decision["verdict"] == "act" else ""


def _failed(outcome: dict[str, Any] | None) -> bool:
    return outcome is not None and outcome["result"] in ("failed", "error") and bool(outcome["action"])
