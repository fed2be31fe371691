# SPDX-License-Identifier: Apache-2.0
"""thermal: the node is too hot, or its power supply is too weak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.faults.hostlook import held_for
from agent.hostreadings import Host

HELD_S = 10.0  # two readings: a moment's peak is the kernel's to deal with
UNREAD_S = 30.0  # as far back as the history goes: a sensor without a value for so long has gone
COOLER = 5.0  # C below the limit at which it is over
DEADLINE_S = 12.0  # the act, and the next reading: to rest is all the agent can do, however hot it stays
HEAT, POWER = Subject.host("heat"), Subject.host("power")


class Thermal:
    """A thermal zone stood above 80 C, or within 5 C of its own hot or critical point; or a Raspberry Pi's
    firmware reports under-voltage.

    The agent looks half as often until it is 5 C cooler, however long that takes. That is all of the load
    that is its own: the kernel slows the processor down by itself. A weak supply is only reported.
    """

    id: ClassVar[str] = "thermal"
    title: ClassVar[str] = "Too hot or too little power"
    by_hand: ClassVar[str] = (
        "Too hot: give the box shade and air, look for a fan that stands still. "
        "Too little power: a shorter or thicker cable, a stronger supply."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return ()  # looking more closely would heat it further

    def symptoms(self, view: View) -> Sequence[Symptom]:
        host = view.snapshot.host
        if host is None:
            return ()
        found = []
        hot, weak = held_for(view, _hot), held_for(view, _weak)
        if hot >= HELD_S and host.heat is not None:
            heat = host.heat
            evidence = {"heat": f"{heat.zone} is at {heat.celsius:.0f} °C, {heat.limit:.0f} °C is its limit"}
            found.append(Symptom(self.id, HEAT, view.now - hot, evidence))
        if weak >= HELD_S:
            evidence = {"power": "the supply's voltage is too low"}
            found.append(Symptom(self.id, POWER, view.now - weak, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        if symptom.subject == POWER:
            return f"The node gets too little power: {symptom.evidence['power']}."
        return f"The node is too hot: {symptom.evidence['heat']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Against heat only."""
        if diagnosis.subject == POWER:
            return ()
        return (Remedy("rest", diagnosis.subject, {}, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Heat is contained while the agent rests. What nobody measures any more, nothing is known of."""
        host = view.snapshot.host
        if diagnosis.subject == POWER:
            if _unread(view, _tells_power):
                return State.GONE
            return State.GONE if host is not None and host.under_voltage is False else State.PRESENT
        if _unread(view, _tells_heat):
            return State.GONE
        if host is None or host.heat is None:
            return State.CONTAINED if view.resting else State.PRESENT
        if host.heat.celsius <= host.heat.limit - COOLER:
            return State.GONE
        hot = host.heat.celsius > host.heat.limit
        return State.PRESENT if hot and not view.resting else State.CONTAINED


def _hot(host: Host) -> bool:
    return host.heat is not None and host.heat.celsius > host.heat.limit


def _weak(host: Host) -> bool:
    return bool(host.under_voltage)


def _tells_heat(host: Host) -> bool:
    return host.heat is not None


def _tells_power(host: Host) -> bool:
    return host.under_voltage is not None


def _unread(view: View, tells: Callable[[Host], bool]) -> bool:
    """Was it not measured once in all that is remembered?"""
    if not view.history or view.now - view.history[0].at < UNREAD_S:
        return False
    seen = (snapshot.host for snapshot in (view.snapshot, *view.history))
    return not any(host is not None and tells(host) for host in seen)


FAULT: Fault = Thermal()
