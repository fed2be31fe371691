# SPDX-License-Identifier: Apache-2.0
"""root-readonly: the card or disk gave errors, and the kernel lets it be read only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.faults.hostlook import held_for
from agent.hostreadings import Host


class RootReadonly:
    """The file system of the root, or of the agent's state, can only be read, though it was meant to be
    written to (a squashfs, and what fstab calls ro, are not).

    Nothing is tried: writing to a card that fails makes it worse. The node goes on from memory, and a person
    saves and replaces the card.
    """

    id: ClassVar[str] = "root-readonly"
    title: ClassVar[str] = "Memory card can only be read"
    by_hand: ClassVar[str] = (
        "Do not switch the node off: it runs from memory and may not start again. Bring a fresh card, "
        "copy what must be kept, then replace the card; `dmesg | grep -i error` shows what failed."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return ()  # the mounts are exact: there is nothing to look at more closely

    def symptoms(self, view: View) -> Sequence[Symptom]:
        host, held = view.snapshot.host, held_for(view, _gone)
        if host is None or held < 0:
            return ()
        evidence = {"read-only": ", ".join(host.read_only)}
        return (Symptom(self.id, Subject.host("root"), view.now - held, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        return (
            f"The memory card has failed: {symptom.evidence['read-only']} can only be read. The node goes on "
            "from memory; settings and records made from now on are lost when it is switched off."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """None: never write to it again."""
        return ()

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        host = view.snapshot.host
        if host is None or host.root_read_only is None:
            return State.PRESENT
        return State.PRESENT if _gone(host) else State.GONE


def _gone(host: Host) -> bool:
    return bool(host.read_only)


FAULT: Fault = RootReadonly()
