# SPDX-License-Identifier: Apache-2.0
"""memory-pressure: hardly any memory is left, the kernel is about to kill something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.faults.hostlook import SUSPECT_S, held_for, size
from agent.hostreadings import Host, Process

HELD_S = 6.0  # a program that starts may need much for a moment
LOW = 0.05  # share of the memory available below which it is short whatever else shows,
LEAST = 8_000_000  # bytes, where that is more,
SMALL_SHARE = 0.125  # but of a small machine's memory no more than this
STALLED = 0.12  # share available below which stalls (PSI) count,
PSI = 0.20  # where some task waited for memory for so large a share of the last 10 s
ENOUGH = 1.5  # times that must be available for the fault to be gone
EATER = 0.25  # share of the memory a service must hold to be called the eater
RETURN_DEADLINE_S = 3.0  # the kernel may kill something at any moment: the agent's own share is soon seen
RESTART_DEADLINE_S = 20.0  # as for a service that is dead, and the next reading


class MemoryPressure:
    """For some seconds less than a twentieth of the memory was available, or less than an eighth while
    programs waited for memory for a fifth of the time.

    The agent gives back what it can spare. Where the biggest program is one of the configured services and
    holds a quarter of the memory, that service is restarted. No other program is ever ended: it is named.
    """

    id: ClassVar[str] = "memory-pressure"
    title: ClassVar[str] = "Out of memory"
    by_hand: ClassVar[str] = (
        "`ps aux --sort -rss | head` shows who takes the memory; stop or restart that program, or reboot."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        if 0 <= held_for(view, _short) < SUSPECT_S:
            return (Suspicion(self.id, Subject.host("memory"), "hardly any memory is left"),)
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        held, host = held_for(view, _short), view.snapshot.host
        if held < HELD_S or host is None:
            return ()
        evidence = {"memory": f"{size(host.mem_available or 0)} of {size(host.mem_total or 0)} left"}
        if host.psi_memory is not None:
            evidence["waiting"] = f"programs waited for memory {host.psi_memory:.0%} of the last 10 s"
        if host.biggest:
            evidence["biggest"] = ", ".join(f"{each.name} {size(each.rss)}" for each in host.biggest)
        return (Symptom(self.id, Subject.host("memory"), view.now - held, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        biggest = symptom.evidence.get("biggest", "")
        said = f"; the biggest programs are {biggest}" if biggest else ""
        return f"Hardly any memory is left: {symptom.evidence['memory']}{said}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Our own share, then the configured service that eats it."""
        own = Remedy("return-memory", diagnosis.subject, {}, deadline=RETURN_DEADLINE_S)
        eater = _eater(view)
        if not eater:
            return (own,)
        restart = Remedy(
            "restart-service", Subject.service(eater), {"service": eater}, deadline=RESTART_DEADLINE_S
        )
        return (own, restart)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        host = view.snapshot.host
        if host is None or host.mem_available is None:
            return State.PRESENT
        return State.PRESENT if _short(host, ENOUGH) else State.GONE


def _short(host: Host, times: float = 1.0) -> bool:
    total, available = host.mem_total, host.mem_available
    if not total or available is None:
        return False
    if available < times * max(total * LOW, min(LEAST, total * SMALL_SHARE)):
        return True
    return available < total * STALLED and host.psi_memory is not None and host.psi_memory >= PSI


def _eater(view: View) -> str:
    """The configured service that is the biggest program and holds much of the memory, "" where none."""
    host = view.snapshot.host
    if host is None or not host.biggest or not host.mem_total:
        return ""
    biggest: Process = host.biggest[0]
    if biggest.rss < host.mem_total * EATER:
        return ""
    services = (s.name for s in view.snapshot.services or () if s.pid == biggest.pid)
    return next((name for name in services if name in view.services_wanted), "")


FAULT: Fault = MemoryPressure()
