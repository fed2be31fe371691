# SPDX-License-Identifier: Apache-2.0
"""gw-no-internet: this node is announced as a gateway, and nothing beyond it answers (gluon#861)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.readings import UplinkProbe

SILENT_S: Final = 15.0  # every target of a kind; a modem that dials in again or a route that moves takes less
REQUESTS: Final = 5  # and of at least so many requests
NEVER_S: Final = 60.0  # for what a person configured and never answered since we run: routers take a while
BACK_S: Final = 30.0  # every kind must answer so long before it is announced again; doubles with each relapse
BACK_MAX_S: Final = 600.0
BACK_DOUBLINGS: Final = 5  # 2^5 * 30 s exceeds the longest wait
QUIET_BACK_S: Final = 5.0  # the same where nothing was withdrawn: nothing is at stake
DEADLINE_S: Final = 6.0  # the mode is read once a second
WORDS: Final = {"icmp": "internet", "dns": "names"}


class GatewayNoInternet:
    """Nobody beyond the uplink answers ping, or names are not resolved, or both; the evidence says which.

    A target that was found on the node (default route, resolv.conf) is judged only once it answered.
    """

    id: ClassVar[str] = "gw-no-internet"
    title: ClassVar[str] = "Gateway without Internet"
    by_hand: ClassVar[str] = (
        "Look at the modem and its cable; `ping` its address and look up a name here; call the provider."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: the sensor asks more often by itself, and mesh tables tell nothing of it."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        dead = {kind: probes for kind in WORDS if _dead(probes := _judged(view, kind))}
        if not dead:
            return ()
        evidence = {WORDS[kind]: _words(kind, probes) for kind, probes in dead.items()}
        answering = [p.target for kind in WORDS if kind not in dead for p in _judged(view, kind)]
        if answering:
            evidence["still answers"] = ", ".join(answering)
        if view.snapshot.uplink is not None and view.snapshot.uplink.interface:
            evidence["uplink"] = view.snapshot.uplink.interface
        onset = view.now - max(probe.failing_age for probes in dead.values() for probe in probes)
        return (Symptom(self.id, Subject.gateway(), onset, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        seen = symptom.evidence
        said = "; ".join(seen[word] for word in WORDS.values() if word in seen)
        by = f" through {seen['uplink']}" if "uplink" in seen else ""
        what = "does not reach the Internet" if "internet" in seen else "does not get names resolved"
        return f"This gateway {what}{by}: {said}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Withdraw; announced again by undoing it once everything answers."""
        args = {"mesh": view.mesh_name}
        return (Remedy("withdraw-gateway", diagnosis.subject, args, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        uplink, mesh = view.snapshot.uplink, view.snapshot.mesh
        announced = mesh is None or mesh.gw_mode == "server"
        if uplink is None:
            return State.PRESENT if announced else State.CONTAINED  # not read: what was known holds
        wait = QUIET_BACK_S if announced else _back_after(view, diagnosis.subject)
        if all(_passes(_judged(view, kind), wait) for kind in WORDS):
            return State.GONE
        return State.PRESENT if announced else State.CONTAINED


def _back_after(view: View, subject: str) -> float:
    """Seconds of answers before it is announced again."""
    relapses = min(view.relapses.get(subject, 0), BACK_DOUBLINGS)
    return float(min(max(BACK_S, min(view.longest_wait, BACK_MAX_S)), BACK_S * 2.0**relapses))


def _judged(view: View, kind: str) -> tuple[UplinkProbe, ...]:
    probes: Iterable[UplinkProbe] = view.snapshot.uplink.probes if view.snapshot.uplink is not None else ()
    return tuple(p for p in probes if p.kind == kind and (p.ever_answered or p.configured))


def _dead(probes: Sequence[UplinkProbe]) -> bool:
    """Do all stay without an answer for too long?"""
    return bool(probes) and all(
        probe.unanswered >= REQUESTS and probe.failing_age >= (SILENT_S if probe.ever_answered else NEVER_S)
        for probe in probes
    )


def _passes(probes: Sequence[UplinkProbe], wait: float) -> bool:
    """Does one answer for so long? A kind without targets is no obstacle."""
    return not probes or any(probe.passing_age >= wait for probe in probes)


def _words(kind: str, probes: Sequence[UplinkProbe]) -> str:
    targets = ", ".join(probe.target for probe in probes)
    quiet = min(probe.failing_age for probe in probes)
    last = next((f" ({probe.detail})" for probe in probes if probe.detail), "")
    if kind == "icmp":
        return f"no answer to ping from {targets} for {quiet:.0f} s{last}"
    return f"no name server answers: {targets} for {quiet:.0f} s{last}"


FAULT: Fault = GatewayNoInternet()
