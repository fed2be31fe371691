# SPDX-License-Identifier: Apache-2.0
"""Ladder and verification of the faults whose cure is another way: link-dead, node-dead, one-way."""

from __future__ import annotations

from collections.abc import Sequence

from agent.events import Diagnosis, Remedy, Subject, Suspicion
from agent.faults import answers
from agent.faults import liveness as lv
from agent.faults.base import State, View
from agent.faults.deadlink import dead_attached, own_trouble

DETACH_DEADLINE_S = 5.0  # routes leave at once, the next originator dump shows it; slow machines take seconds
HASTEN_DEADLINE_S = 6.0  # five OGM intervals of the default second, and a dump


def split(subject: str) -> tuple[str, str]:
    """(hardif, MAC) of `hardif/NAME/MAC`."""
    _, hardif, mac = subject.split("/", 2)
    return hardif, mac


def name(subject: str, evidence: dict[str, str]) -> str:
    """How a sentence calls the neighbour: its node's name where known, else its MAC."""
    return evidence["neighbour"].split(",")[0] if "neighbour" in evidence else split(subject)[1]


def suspicion(fault: str, hardif: str, mac: str, why: str) -> Suspicion:
    """A doubt about one neighbour, to be settled by asking its kernel."""
    return Suspicion(fault, Subject.hardif(hardif, mac), why, (hardif, mac))


def ladder(diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
    """Take the link out of the mesh where it may be (routes leave at once); else make OGMs come faster.

    Nothing where all neighbours are silent at once: no way is better, and detaching would hide the cause.
    Not taken out where the neighbour never answered an echo: outside the mesh its return would go unnoticed.
    """
    if own_trouble(view):
        return ()
    hardif, mac = split(diagnosis.subject)
    args = {"mesh": view.mesh_name, "hardif": hardif, "neighbour": mac}
    detach = Remedy("detach-hardif", diagnosis.subject, args, deadline=DETACH_DEADLINE_S)
    hasten = Remedy("hasten-ogms", diagnosis.subject, {"mesh": view.mesh_name}, deadline=HASTEN_DEADLINE_S)
    return (detach, hasten) if answers.ever_answered(view, hardif, mac) else (hasten,)


def state(diagnosis: Diagnosis, view: View) -> State:
    """Gone: it answers in both directions again (long enough, where detached). Contained: no way uses it.

    Needed: detached it answers, if not for long, and nothing else leads there: better a bad way than none.
    """
    hardif, mac = split(diagnosis.subject)
    if view.snapshot.links is not None and lv.link_of(view, hardif) is None:
        return State.GONE  # the interface itself is gone: nothing left to hold or to put back
    if hardif in view.detached:
        if answers.answers_now(view, hardif, mac) and lv.no_other_way(view, hardif, mac):
            return State.NEEDED
        wait = lv.reattach_wait(view, diagnosis.subject)
        if answers.answers_again(view, hardif, mac, diagnosis.at, wait):
            return State.GONE
        return State.CONTAINED if lv.best_elsewhere(view, hardif) else State.PRESENT
    mesh = view.snapshot.mesh
    if mesh is None or hardif not in lv.attached(view):
        return State.PRESENT
    if lv.forgotten(view, hardif, mac, diagnosis.at):
        return State.GONE  # no way depends on it any more
    if lv.alive(view, hardif, mac) and not dead_attached(view, hardif, mac) and answered(view, hardif, mac):
        return State.GONE
    if mesh.originators_at > diagnosis.at and mesh.originators and not lv.best_via(view, hardif, mac):
        return State.CONTAINED
    return State.PRESENT


def answered(view: View, hardif: str, mac: str) -> bool:
    """Does nothing say that our own frames do not arrive there?"""
    return not answers.echo_silent(view, hardif, mac) and not lv.says_deaf(view, hardif, mac)
