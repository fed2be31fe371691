# SPDX-License-Identifier: Apache-2.0
"""service-dead: a service of the node (broker, DHCP, supplicant) is gone, or there but not answering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.readings import Service

RESTART_DEADLINE_S = 15.0  # stop (with KILL if need be), start, and the first good probe, on a slow router
SECOND_TRY_S = 30.0  # after the diagnosis: what a service waits for (disk, network) may come back by then
SUSPECT_S = 10.0  # later the symptom stands, or it is slow for good: sampling in bursts tells nothing new
GONE_FOR_S = 0.3  # seen gone in two readings: one may fall into a restart by a person


HAND = "hand"  # key of the evidence that somebody stopped it


class ServiceDead:
    """A configured service whose process is gone, or that is running but does not answer its probe.

    Restarted once, and once more half a minute later; then a person is asked.
    """

    id: ClassVar[str] = "service-dead"
    title: ClassVar[str] = "Service not working"
    by_hand: ClassVar[str] = (
        "Read its log (`journalctl -u NAME`), look for a full disk or a bad configuration, start it."
    )
    explains: ClassVar[frozenset[str]] = frozenset()

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return tuple(
            Suspicion(self.id, Subject.service(s.name), _words(s))
            for s in _wanted(view)
            if (s.state in ("gone", "hung") and s.state_age < SUSPECT_S) or 0 < s.slow_age < SUSPECT_S
        )

    def symptoms(self, view: View) -> Sequence[Symptom]:
        """Gone in two readings, or called hung by its probe (which tries more than once by itself)."""
        return tuple(
            Symptom(self.id, Subject.service(s.name), view.now - max(s.state_age, s.slow_age), _evidence(s))
            for s in _wanted(view)
            if s.state == "hung" or (s.state == "gone" and s.state_age >= GONE_FOR_S)
        )

    def sentence(self, symptom: Symptom) -> str:
        name = symptom.subject.split("/", 1)[1]
        detail = symptom.evidence.get("probe", "")
        return f"The service {name} {symptom.evidence['state']}{': ' + detail if detail else ''}."

    def by_person(self, diagnosis: Diagnosis) -> bool:
        """Was its unit told to stop? Started once, then left alone (agent/mapek/personal.py)."""
        return HAND in diagnosis.evidence

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Restart; once more later."""
        first = {"service": diagnosis.subject.split("/", 1)[1]}
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        return (
            Remedy("restart-service", diagnosis.subject, first, deadline=RESTART_DEADLINE_S),
            Remedy("restart-service", diagnosis.subject, first | later, deadline=RESTART_DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        name = diagnosis.subject.split("/", 1)[1]
        if name not in view.services_wanted:
            return State.GONE  # no longer configured
        service = next((s for s in view.snapshot.services or () if s.name == name), None)
        running = service is not None and service.state == "running" and service.slow_age == 0
        return State.GONE if running else State.PRESENT


def _wanted(view: View) -> tuple[Service, ...]:
    return tuple(s for s in view.snapshot.services or () if s.name in view.services_wanted)


def _words(service: Service) -> str:
    if service.state == "gone":
        return f"is gone since {service.state_age:.1f} s"
    quiet = max(service.slow_age, service.state_age)
    return f"runs (pid {service.pid or 'unknown'}) but has not answered for {quiet:.1f} s"


def _evidence(service: Service) -> dict[str, str]:
    found = {"state": _words(service)} | ({"probe": service.detail} if service.detail else {})
    return found | ({HAND: "somebody stopped its unit"} if service.by_hand else {})


FAULT: Fault = ServiceDead()
