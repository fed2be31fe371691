# SPDX-License-Identifier: Apache-2.0
"""A hardif given back is not judged before its readings are fresh."""

from __future__ import annotations

from agent.events import Snapshot
from agent.mapek.policy import Policy
from agent.mapek.view import RELEASE_S, Viewer


def released(viewer: Viewer, at: float, *detached: str) -> frozenset[str]:
    held = frozenset(detached)
    view = viewer.view(Snapshot(at=at, wall=at), (), Policy(), detached=held, episodes={}, relapses={})
    return view.released


def test_a_hardif_counts_as_released_for_a_moment_after_it_was_held() -> None:
    viewer = Viewer()
    assert released(viewer, 1.0, "e1") == frozenset()
    assert released(viewer, 2.0) == {"e1"}
    assert released(viewer, 2.5, "e1") == frozenset()
    assert released(viewer, 2.5 + RELEASE_S - 0.01) == {"e1"}
    assert released(viewer, 2.5 + RELEASE_S) == frozenset()
