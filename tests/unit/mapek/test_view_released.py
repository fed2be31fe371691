# SPDX-License-Identifier: Apache-2.0
"""A hardif given back is not judged before the hardifs were read again, nor by talk of before."""

from __future__ import annotations

from agent.events import Snapshot
from agent.faults.base import View
from agent.mapek.policy import Policy
from agent.mapek.view import GIVEN_BACK_S, RELEASE_S, Viewer
from agent.readings import Mesh


def mesh(read_at: float) -> Mesh:
    return Mesh("bat0", 9, "02:00:00:00:00:01", "BATMAN_V", 300, 30, "off", False, False, hardifs_at=read_at)


def look(viewer: Viewer, at: float, read_at: float | None, *detached: str) -> View:
    snapshot = Snapshot(at=at, wall=at, mesh=None if read_at is None else mesh(read_at))
    return viewer.view(snapshot, (), Policy(), detached=frozenset(detached), episodes={}, relapses={})


def test_a_hardif_counts_as_released_until_the_hardifs_were_read_again() -> None:
    viewer = Viewer()
    assert look(viewer, 1.0, 1.0, "e1").released == frozenset()
    assert look(viewer, 2.0, 1.0).released == {"e1"}
    assert look(viewer, 6.0, 2.0 + RELEASE_S).released == {"e1"}, "read beside the undo: it may show either"
    assert look(viewer, 6.5, None).released == {"e1"}
    assert look(viewer, 7.0, 6.8).released == frozenset()
    assert look(viewer, 7.5, 6.8).released == frozenset()


def test_a_hardif_taken_again_is_no_longer_released() -> None:
    viewer = Viewer()
    look(viewer, 1.0, 1.0, "e1")
    assert look(viewer, 2.0, 1.0).released == {"e1"}
    taken = look(viewer, 2.5, 1.0, "e1")
    assert taken.released == frozenset()
    assert taken.given_back == {}
    assert look(viewer, 3.0, 1.0).given_back == {"e1": 3.0}


def test_when_it_was_given_back_is_forgotten_after_a_while() -> None:
    viewer = Viewer()
    look(viewer, 1.0, 1.0, "e1")
    assert look(viewer, 2.0, 1.0).given_back == {"e1": 2.0}
    assert look(viewer, 2.0 + GIVEN_BACK_S - 0.1, 1.0).given_back == {"e1": 2.0}
    late = look(viewer, 2.0 + GIVEN_BACK_S, 1.0)
    assert late.given_back == {}
    assert late.released == {"e1"}, "unread hardifs are no evidence, however late"
    assert look(viewer, 20.0, 19.0).released == frozenset()
