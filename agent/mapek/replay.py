# SPDX-License-Identifier: Apache-2.0
"""Puts back what the undo journal holds. Synchronous: also used without the loop, by `python -m
agent.undo`.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.mapek.journal import Journal
from agent.remedies.base import Action, Effector


def undo_records(
    journal: Journal, actions: Mapping[str, Action], effector: Effector, seqs: set[int] | None = None
) -> tuple[list[int], list[str]]:
    """Undoes the open records (of `seqs`, else all), newest first. (those put back, what failed and why)."""
    put_back: list[int] = []
    errors: list[str] = []
    known = {entry.seq for entry in journal.open_records()}
    for entry in reversed(journal.open_records()):
        if seqs is not None and entry.seq not in seqs:
            continue
        action = actions.get(entry.record.action)
        what = f"{entry.record.action} {entry.record.args}"
        if action is None:
            errors.append(f"undo {what}: this agent has no such action; put it back by hand")
            continue
        try:
            action.undo(entry.record, effector)
        except Exception as error:  # noqa: BLE001 - the others must be put back whatever this one met
            errors.append(f"undo {what}: {error}" if str(error) else f"undo {what}: {error!r}")
            continue
        journal.done(entry.seq)
        put_back.append(entry.seq)
    put_back += sorted((seqs or set()) - known)  # unknown to the journal: nothing is left to put back
    return put_back, errors
