# SPDX-License-Identifier: Apache-2.0
"""clock-wrong: the wall clock was put wrong, or nothing corrects it any more though something could."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import gatewayview
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.faults.hostlook import held_for
from agent.hostreadings import Clock, Host

STEP_S = 900.0  # s: certificates and logs bear a quarter of an hour (faults.md: off by more than 15 min)
STEP_HELD_S = 10.0  # a time service that stepped it calls it synchronised soon after
LOST_S = 7200.0  # s without being set: more than three of a time service's longest pauses (34 min)
EARLIEST = 1_735_689_600.0  # 2025-01-01 UTC: no release of this agent is older
EARLIEST_WORDS = "2025"
SECOND_TRY_S = 300.0  # after the diagnosis: a time service asks its servers for some minutes
SET_DEADLINE_S = 12.0  # the act and the next reading
RESTART_DEADLINE_S = 60.0  # a time service's first answers
CLOCK, SERVICE = Subject.host("clock"), Subject.host("time-service")


class ClockWrong:
    """The clock jumped by more than 15 minutes after the kernel had called it synchronised, and nothing has
    synchronised it since; or it shows a time before 2025; or certificates speak against it though it is
    believed: this node's own begins only later, or has been over for longer than a certificate lives while
    those of all neighbours are out of their time, too; or a time service runs and has not set it for two
    hours, though it did before and a gateway is heard (without a way out it has nobody to ask).

    After a jump it is put back to the last good time plus what the monotonic clock counted since; else the
    time service is restarted, once where it only stopped setting the clock. Neighbours' word for the time is
    not taken. A clock that never was synchronised in this run is never set.
    """

    id: ClassVar[str] = "clock-wrong"
    title: ClassVar[str] = "Clock wrong or no longer set"
    by_hand: ClassVar[str] = (
        "`date -u` shows the node's time, `timedatectl` who sets it and whether it has an answer; "
        "set it by hand with `date -u -s 'YYYY-MM-DD HH:MM'`."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        if 0 <= held_for(view, _stepped) < STEP_HELD_S + 5:
            return (Suspicion(self.id, CLOCK, "the clock jumped"),)
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        evidence, onset = _signs(view)
        found = (Symptom(self.id, CLOCK, onset, evidence),) if evidence else ()
        clock = _clock(view.snapshot)
        if clock is not None and clock.unsynchronised_age is not None and _lost(view):
            age = clock.unsynchronised_age
            lost = {
                "lost": f"not synchronised for {_long(age)}, though {clock.service} runs",
                "service": clock.service,
            }
            return (*found, Symptom(self.id, SERVICE, view.now - age, lost))
        return found

    def sentence(self, symptom: Symptom) -> str:
        if symptom.subject == SERVICE:
            return f"The clock is no longer set, it may be wrong by seconds: {symptom.evidence['lost']}."
        return "The clock is wrong: " + "; ".join(symptom.evidence.values()) + "."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Put a jump back; else have the time service ask again, and once more later."""
        clock = _clock(view.snapshot)
        if diagnosis.subject == SERVICE:
            # as found then: it may be between its stop and its start
            unit = diagnosis.evidence.get("service") or (clock.service if clock is not None else "")
            restart = Remedy("restart-time-service", SERVICE, {"unit": unit}, deadline=RESTART_DEADLINE_S)
            return (restart,) if unit else ()
        first: tuple[Remedy, ...] = ()
        if clock is not None and clock.trusted_offset is not None and _is_step(clock):
            back = {"offset": f"{clock.trusted_offset:.3f}"}
            first = (Remedy("set-clock-back", diagnosis.subject, back, deadline=SET_DEADLINE_S),)
        if clock is None or not clock.service:
            return first
        again = {"unit": clock.service}
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        return (
            *first,
            Remedy("restart-time-service", diagnosis.subject, again, deadline=RESTART_DEADLINE_S),
            Remedy("restart-time-service", diagnosis.subject, again | later, deadline=RESTART_DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """A service that no longer sets it is mended when it was set again: not where nobody is left to ask,
        which tells nothing and may change every minute, nor while the service is restarted.
        """
        clock = _clock(view.snapshot)
        if diagnosis.subject == SERVICE:
            return State.PRESENT if clock is None or _long_ago(clock) else State.GONE
        if clock is None or _early(view.snapshot) or _is_step(clock) or sec.clock_doubtful(view):
            return State.PRESENT
        return State.GONE


def _signs(view: View) -> tuple[dict[str, str], float]:
    """What shows, in words, and since when."""
    clock = _clock(view.snapshot)
    if clock is None:
        return {}, view.now
    evidence: dict[str, str] = {}
    onset = view.now
    held = held_for(view, _stepped)
    if held >= STEP_HELD_S and clock.step_s is not None:
        way = "ahead" if clock.step_s > 0 else "back"
        evidence["jump"] = f"it jumped {_long(abs(clock.step_s))} {way} and was not synchronised since"
        onset = view.now - held
    if _early(view.snapshot):
        evidence["early"] = f"it shows a time before {EARLIEST_WORDS}"
    if told := sec.clock_doubtful(view):
        evidence["certificates"] = told
    return evidence, onset


def _clock(snapshot: Snapshot) -> Clock | None:
    return snapshot.host.clock if snapshot.host is not None else None


def _early(snapshot: Snapshot) -> bool:
    return snapshot.wall < EARLIEST


def _is_step(clock: Clock) -> bool:
    return clock.step_s is not None and abs(clock.step_s) > STEP_S


def _stepped(host: Host) -> bool:
    return host.clock is not None and _is_step(host.clock)


def _lost(view: View) -> bool:
    """Does a time service run that has set the clock before, and does so no more though it could?"""
    clock = _clock(view.snapshot)
    return clock is not None and bool(clock.service) and _long_ago(clock) and _way_out(view)


def _long_ago(clock: Clock) -> bool:
    return clock.unsynchronised_age is not None and clock.unsynchronised_age > LOST_S


def _way_out(view: View) -> bool:
    """Is anybody there to ask: a gateway in the mesh, or our own uplink? Taken for granted without a mesh."""
    mesh, uplink = view.snapshot.mesh, view.snapshot.uplink
    if uplink is not None and any(probe.passing_age > 0 for probe in uplink.probes):
        return True
    return bool(gatewayview.living(mesh)) if mesh is not None else not view.hardifs_wanted


def _long(seconds: float) -> str:
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} seconds"


FAULT: Fault = ClockWrong()
