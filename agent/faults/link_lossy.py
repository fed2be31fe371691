# SPDX-License-Identifier: Apache-2.0
"""link-lossy: a link that carries most packets and loses some: too good to be dead, too bad to be used.

batman-adv on wires takes the link's speed for its worth and sees no loss, so routes stay on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import answers, reroute
from agent.faults import liveness as lv
from agent.faults import loss as ls
from agent.faults.base import Fault, State, View
from agent.readings import TUNIT, Loss, as_kept

LOSSY = 0.08  # share of echoes that is surely lost: 4 % in each direction halve what TCP carries, or worse
LEAST_ASKED = 20  # requests before anything is said: 5 of 20 are a share of surely more than 8 %
LEAST_SPELLS = 3  # losses with answers between them: fewer are a link that was cut, which is link-dead's
ANSWERS_S = 3.0  # s since the last answer: a link that answers no more is link-dead's, too
WELL_ASKED = 50  # the last requests of which
WELL_LOST = 1  # at most so many may be lost for the link to be well again: 2 %
AVOID_DEADLINE_S = 15.0  # the worth is a moving average over ELPs, then five OGMs and a dump
SLOWER = 100  # times: even the long way round a ring of 30 is better (each hop costs an eighth)
LEAST_KBIT = TUNIT  # the smallest worth batman-adv can be told; 0 would let it estimate
# Silent for so long, of two neighbours this is the one that went. A link that loses half misses twenty ELPs
# in a row, or ten seconds of hellos and of echoes four a second, once in a million times.
UNHEARD_MISSES = 20.0
UNHEARD_S = 10.0
HALF = 0.5  # share lost from which a link that could not be devalued is taken out


class LinkLossy:
    """A link that loses surely more than 8 % of our echo requests, while another way is there.

    Its worth for routing is lowered, so that it carries what has no other way and nothing else; nothing is
    cut. Each end does so for what it sends. Not on a radio with several neighbours: there batman-adv measures
    each by itself.
    """

    id: ClassVar[str] = "link-lossy"
    title: ClassVar[str] = "Link loses packets"
    by_hand: ClassVar[str] = (
        "Look at both ends: plug, cable, water in it, antenna and its direction, what else sends on that "
        "channel; the link is used again once it loses less than 2 %."
    )
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead", "one-way"})
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: the sensor asks faster by itself when a request is lost."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return tuple(self._symptoms(view))

    def _symptoms(self, view: View) -> Iterator[Symptom]:
        attached = lv.attached(view)
        for loss in view.snapshot.losses:
            if loss.hardif in attached and _lossy(loss) and lv.other_way(view, loss.hardif, loss.mac):
                evidence = {
                    "loss": f"{loss.lost} of the last {loss.asked} echoes were lost on the way there or back "
                    f"(surely more than {ls.least(loss):.0%})"
                }
                peer = lv.peer_of(view, loss.hardif, loss.mac)
                if peer is not None:
                    evidence["neighbour"] = f"{peer.node}, last hello {peer.hello_age:.1f} s ago"
                yield Symptom(self.id, Subject.hardif(loss.hardif, loss.mac), view.now, evidence)

    def sentence(self, symptom: Symptom) -> str:
        hardif, _ = reroute.split(symptom.subject)
        seen = symptom.evidence
        return f"The link {hardif} to {reroute.name(symptom.subject, seen)} loses packets: {seen['loss']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Lower its worth; where that moves nothing and it loses half, take it out."""
        hardif, mac = reroute.split(diagnosis.subject)
        args = {"mesh": view.mesh_name, "hardif": hardif, "neighbour": mac}
        worth = _worth(view, hardif, mac)
        rungs = []
        if worth is not None:
            to = {"from": str(worth), "to": str(max(LEAST_KBIT, as_kept(worth // SLOWER)))}
            rungs.append(Remedy("avoid-link", diagnosis.subject, args | to, deadline=AVOID_DEADLINE_S))
        loss = ls.loss_of(view, hardif, mac)
        if loss is not None and ls.least(loss) > HALF:
            detach = Remedy("detach-hardif", diagnosis.subject, args, deadline=reroute.DETACH_DEADLINE_S)
            rungs.append(detach)
        return rungs

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone: of the last 50 echoes 49 were answered, or the neighbour itself went (it was exchanged, say).

        Contained: no best way leads over it.
        """
        hardif, mac = reroute.split(diagnosis.subject)
        if view.snapshot.links is not None and lv.link_of(view, hardif) is None:
            return State.GONE  # the interface itself is gone
        loss, mesh = ls.loss_of(view, hardif, mac), view.snapshot.mesh
        if (loss is not None and _well(loss)) or _left(diagnosis, view):
            return State.GONE
        if (
            hardif in view.detached
            and loss is not None
            and loss.lost == 0
            and lv.no_other_way(view, hardif, mac)
        ):
            return State.NEEDED
        if mesh is None or mesh.originators_at <= diagnosis.at or not mesh.originators:
            return State.PRESENT
        return State.PRESENT if lv.best_via(view, hardif, mac) else State.CONTAINED


def _lossy(loss: Loss) -> bool:
    if loss.asked < LEAST_ASKED or loss.spells < LEAST_SPELLS:
        return False
    return loss.answer_age is not None and loss.answer_age <= ANSWERS_S and ls.least(loss) > LOSSY


def _well(loss: Loss) -> bool:
    return loss.asked >= WELL_ASKED and loss.lost <= WELL_LOST


def _left(diagnosis: Diagnosis, view: View) -> bool:
    """Did the neighbour itself go? The interface would count for next to nothing for ever.

    batman-adv knows it no more, or it is silent while another one there is well. Detached, where batman-adv
    knows nobody: nothing comes of it while another agent hears us.
    """
    hardif, mac = reroute.split(diagnosis.subject)
    if hardif in view.detached:
        wait = lv.reattach_wait(view, diagnosis.subject)
        return _unheard(view, hardif, mac) and answers.greeted(view, hardif, diagnosis.at, wait, but=mac)
    if lv.forgotten(view, hardif, mac, diagnosis.at):
        return True
    if (lv.silence(view, hardif, mac) or 0.0) <= UNHEARD_MISSES * lv.elp_s(view, hardif, mac):
        return False
    others = (loss.mac for loss in view.snapshot.losses if loss.hardif == hardif and _well(loss))
    return any(other != mac and lv.alive(view, hardif, other) for other in others)


def _unheard(view: View, hardif: str, mac: str) -> bool:
    """Has nothing come of it for long, neither hello nor answer?"""
    loss, peer = ls.loss_of(view, hardif, mac), lv.peer_of(view, hardif, mac)
    answered = loss.answer_age if loss is not None else None
    silent = answered is None or answered > UNHEARD_S
    return silent and (peer is None or peer.hello_age > UNHEARD_S)


def _worth(view: View, hardif: str, mac: str) -> int | None:
    """kbit/s the link counts for: as told, else as batman-adv estimates it; None where neither is read."""
    mesh = view.snapshot.mesh
    told = (
        next((h.throughput_override_kbit for h in mesh.hardifs if h.name == hardif), None) if mesh else None
    )
    if told:
        return told
    rows = mesh.neighbours if mesh else ()
    return next((row.throughput_kbit for row in rows if row.hardif == hardif and row.mac == mac), None)


FAULT: Fault = LinkLossy()
