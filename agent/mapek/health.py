# SPDX-License-Identifier: Apache-2.0
"""The first healthy state: before it nothing is treated (faults.md: what healers did wrong elsewhere)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.events import Symptom
from agent.faults.base import View

ALONE_AFTER = (
    30.0  # s after which a node without neighbours counts as healthy: it may be the first of its mesh
)


class Health:
    """Was this node healthy once in this boot? `on_first` is told when it becomes so."""

    def __init__(
        self, setup_done: Callable[[], bool], on_first: Callable[[], None], *, was_healthy: bool = False
    ) -> None:
        self.was_healthy = was_healthy
        self.healthy = False
        self.reason = "nothing was read yet"
        self.setup_done = setup_done
        self._on_first = on_first
        self._since: float | None = None

    def look(self, view: View, symptoms: Sequence[Symptom]) -> None:
        """Judges this view."""
        if self._since is None:
            self._since = view.now
        self.reason = self._unhealthy(view, symptoms, view.now - self._since)
        self.healthy = not self.reason
        if self.healthy and not self.was_healthy:
            self.was_healthy = True
            self._on_first()

    def _unhealthy(self, view: View, symptoms: Sequence[Symptom], age: float) -> str:
        """Why it is not healthy, "" where it is."""
        if not self.setup_done():
            return "setting the mesh up is not finished"
        if symptoms:
            return f"{symptoms[0].fault} on {symptoms[0].subject}"
        return _interfaces(view, age) or _services(view)


def _interfaces(view: View, age: float) -> str:
    if not view.hardifs_wanted:
        return ""
    snapshot = view.snapshot
    if snapshot.links is None or snapshot.mesh is None:
        return "the mesh cannot be read yet"
    devices = {link.name for link in snapshot.links}
    active = {hardif.name for hardif in snapshot.mesh.hardifs if hardif.active}
    for name in view.hardifs_wanted:
        if name in devices and name not in active and name not in view.detached:
            return f"interface {name} is not active in {view.mesh_name}"
    if not snapshot.mesh.neighbours and age < ALONE_AFTER:
        return f"no neighbour heard within {age:.0f} s (alone counts as healthy after {ALONE_AFTER:.0f} s)"
    return ""


def _services(view: View) -> str:
    if not view.services_wanted:
        return ""
    states = {service.name: service.state for service in view.snapshot.services or ()}
    for name in view.services_wanted:
        if states.get(name) != "running":
            return f"service {name} is {states.get(name, 'not read yet')}"
    return ""
