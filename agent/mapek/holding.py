# SPDX-License-Identifier: Apache-2.0
"""Is what an episode holds out of the mesh still out of it?

Not where the mesh interface was made anew or the network card came back: the set-up attaches it like any
other (agent/mesh/setup.py). The same where a person attaches it. A hold that no longer holds would call a
link contained that is in use, and refuse to take it out again.
"""

from __future__ import annotations

from agent.faults.base import View
from agent.mapek.episodes import Episode
from agent.mapek.recordkinds import DETACHING

BACK_S = 2.0  # s between the two dumps that must show it attached: one beside our own act may show either


def void(episode: Episode, view: View) -> str:
    """The interface it holds out that is in the mesh again, "" where there is none; notes since when."""
    mesh = view.snapshot.mesh
    if mesh is None or not DETACHING.intersection(episode.held.values()):
        return ""
    held = {subject.split("/")[1] for subject in episode.subjects if subject.startswith("hardif/")}
    back = held & view.detached & in_mesh(view)
    if not back:
        episode.back_at = None
        return ""
    if episode.back_at is None:
        episode.back_at = mesh.hardifs_at
    return min(back) if mesh.hardifs_at - episode.back_at >= BACK_S else ""


def in_mesh(view: View) -> frozenset[str]:
    """Interfaces in the mesh by batman-adv's own list and by rtnetlink, which are read apart."""
    mesh = view.snapshot.mesh
    if mesh is None:
        return frozenset()
    mastered = {link.name for link in view.snapshot.links or () if link.master == mesh.index}
    return frozenset(hardif.name for hardif in mesh.hardifs if hardif.name in mastered)
