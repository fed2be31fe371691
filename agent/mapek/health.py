# SPDX-License-Identifier: Apache-2.0
"""The first healthy state: before it nothing is treated (faults.md: what healers did wrong elsewhere)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.events import Symptom
from agent.faults.base import View
from agent.mapek.awaited import MESH, READINGS, SETUP, Awaited
from agent.mapek.limits import apart

ALONE_AFTER = (
    30.0  # s after which a node without neighbours counts as healthy: it may be the first of its mesh
)
SERVICE = "service/"  # subjects that begin so are a service's
# The same of faults a node may be born with and live with for years.
LASTING = frozenset({"link-lossy"})
RUNNING = "running"


class Health:
    """Was the mesh of this node healthy once in this boot, and which services ran once in this run?

    Apart, because a service that never starts must not keep the links from being healed. Until a service ran
    once the set-up starts it (agent/nodeservices.py). `on_first` is told when the mesh becomes healthy.
    """

    def __init__(
        self, setup_done: Callable[[], bool], on_first: Callable[[], None], *, was_healthy: bool = False
    ) -> None:
        self.was_healthy = was_healthy  # the mesh
        self.healthy = False  # mesh and services, now
        self.complete = False  # mesh and every service wanted were healthy once
        self.awaiting: Awaited | None = READINGS  # why not healthy
        self.setup_done = setup_done
        self._on_first = on_first
        self._since: float | None = None
        self._mesh_awaits: Awaited | None = READINGS
        self._states: dict[str, str] = {}  # of the services wanted
        self._ran: set[str] = set()  # those that ran once

    @property
    def reason(self) -> str:
        """Why not healthy, "" where it is."""
        return self.awaiting.sentence if self.awaiting else ""

    def look(self, view: View, symptoms: Sequence[Symptom]) -> None:
        """Judges this view."""
        if self._since is None:
            self._since = view.now
        self._mesh_awaits = self._mesh(view, symptoms, view.now - self._since)
        states = {service.name: service.state for service in view.snapshot.services or ()}
        self._states = {name: states.get(name, "not read yet") for name in view.services_wanted}
        self._ran = {name for name, state in self._states.items() if state == RUNNING or name in self._ran}
        self.awaiting = self._mesh_awaits or self._down() or _first(symptoms)
        self.healthy = self.awaiting is None
        if not self._mesh_awaits and not self.was_healthy:
            self.was_healthy = True
            self._on_first()
        self.complete = self.was_healthy and self._ran == self._states.keys()

    def awaited(self, subject: str) -> str:
        """Why nothing may be begun on this subject yet, "" where it may. No subject: the mesh as a whole."""
        name = subject.removeprefix(SERVICE)
        if subject.startswith(SERVICE) and name in self._states:
            if name in self._ran:
                return ""
            return f"the service {name} did not run yet since the agent started: it is {self._states[name]}"
        if self.was_healthy:
            return ""
        why = self._mesh_awaits.sentence if self._mesh_awaits else ""
        return f"the node was not healthy yet since it started: {why}"

    def _down(self) -> Awaited | None:
        for name, state in self._states.items():
            if state != RUNNING:
                return Awaited("service", f"service {name} is {state}", name, state)
        return None

    def _mesh(self, view: View, symptoms: Sequence[Symptom], age: float) -> Awaited | None:
        """Why the mesh is not healthy, None where it is."""
        if not self.setup_done():
            return SETUP
        others = [
            symptom for symptom in symptoms if not apart(symptom.subject) and symptom.fault not in LASTING
        ]
        return _first(others) or _interfaces(view, age)


def _interfaces(view: View, age: float) -> Awaited | None:
    if not view.hardifs_wanted:
        return None
    snapshot = view.snapshot
    if snapshot.links is None or snapshot.mesh is None:
        return MESH
    devices = {link.name for link in snapshot.links}
    active = {hardif.name for hardif in snapshot.mesh.hardifs if hardif.active}
    for name in view.hardifs_wanted:
        if name in devices and name not in active and name not in view.detached:
            return Awaited("interface", f"interface {name} is not active in {view.mesh_name}", name)
    if not snapshot.mesh.neighbours and age < ALONE_AFTER:
        alone = f"no neighbour heard yet (alone counts as healthy after {ALONE_AFTER:.0f} s)"
        return Awaited("neighbour", alone)
    return None


def _first(symptoms: Sequence[Symptom]) -> Awaited | None:
    if not symptoms:
        return None
    fault, subject = symptoms[0].fault, symptoms[0].subject
    return Awaited("fault", f"{fault} on {subject}", fault=fault, subject=subject)
