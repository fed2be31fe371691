# SPDX-License-Identifier: Apache-2.0
"""What the node does about one fault, in the viewer's words, from the fault's row of the status document."""

from __future__ import annotations

from typing import Any

from agent.web.words import Words

CLOSED = frozenset({"observe", "paused", "unhealthy", "setup"})  # agent/mapek/plan.py: Gate.closed_as
LEFT_ALONE = "left-alone"  # a person undid what the node had put right: agent/mapek/personal.py
WAITING = frozenset({"cooling", "blocked", "moves", "budget", "stopped", "refused", "explained"})


def needs_person(row: dict[str, Any]) -> bool:
    """Is nothing left, or nothing allowed, that the node could do about it?"""
    return bool(row.get("needs_person"))


def eased(row: dict[str, Any]) -> bool:
    """Did the node do its part about its own machine? No traffic goes around that."""
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
    name = _action(row)
    action = w.action(name) if name else ""
    phase = "contained" if row["state"] == "contained" else row.get("phase", "")
    if phase in ("verifying", "contained") and name:
        return w(f"doing.{phase}", done=w.done(name))
    if phase in ("acting", "undoing") and name:
        return w(f"doing.{phase}", action=action)
    if phase == "contained":
        return w("doing.bypassed")
    if decision is None:
        return w("doing.deciding")
    verdict, reason = decision["verdict"], decision.get("reason", "")
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
    return before + w("doing.exhausted" if outcome is not None else "doing.nothing")


def next_step(row: dict[str, Any], w: Words) -> str:
    """When it tries or checks next; "" where no time can be told."""
    if row.get("check_in") is not None:
        return w("next.check" if row.get("held") else "next.look", time=w.duration(row["check_in"]))
    if row.get("next_try_in") is not None:
        return w("next.try", time=w.duration(row["next_try_in"]))
    return w("next.answer") if row["state"] == "contained" and row.get("held") else ""


def _action(row: dict[str, Any]) -> str:
    """The action in hand or last carried out, "" where there is none."""
    outcome, decision = row["outcome"], row["decision"]
    if row["state"] == "contained" and row.get("held"):
        return str(row["held"][-1])
    return str((decision["action"] if decision else "") or (outcome["action"] if outcome else ""))


def _failed(outcome: dict[str, Any] | None) -> bool:
    return outcome is not None and outcome["result"] in ("failed", "error") and bool(outcome["action"])
