# SPDX-License-Identifier: Apache-2.0
"""Builds the View the faults look at: the newest Snapshot with what this run has seen before."""

from __future__ import annotations

from collections.abc import Sequence

from agent.events import Snapshot
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.mapek.policy import Policy

MAX_NEIGHBOURS = 256  # remembered "hardif/MAC" > originator; a stranger may invent MACs
RELEASE_S = 0.1  # hardifs read so long after one was given back show it: the undo ends beside our tick
GIVEN_BACK_S = 10.0  # how long that is remembered: reports of neighbours are news for 5 s


class Viewer:
    """Remembers each neighbour's originator and which hardifs were set up once."""

    def __init__(self) -> None:
        self._neighbours: dict[str, str] = {}
        self._set_up: frozenset[str] = frozenset()
        self._index = 0  # of the mesh interface they were active in
        self._seen: Snapshot | None = None
        self._held: frozenset[str] = frozenset()  # hardifs detached at the last view
        self._given_back: dict[str, float] = {}  # hardif > when it was first seen no longer held
        self._unread: dict[str, float] = {}  # as above, while the hardifs were not read since

    def view(
        self,
        snapshot: Snapshot,
        history: Sequence[Snapshot],
        policy: Policy,
        *,
        detached: frozenset[str],
        avoided: frozenset[str] = frozenset(),
        muted: frozenset[str] = frozenset(),
        resting: bool = False,
        episodes: dict[str, str],
        relapses: dict[str, int],
    ) -> View:
        """The View of this tick."""
        self._learn(snapshot, policy)
        self._follow(detached | avoided, snapshot)
        return View(
            now=snapshot.at,
            snapshot=snapshot,
            history=tuple(history),
            thresholds=policy.thresholds,
            hardifs_wanted=policy.hardifs_wanted,
            primary=policy.primary,
            mesh_name=policy.mesh_name,
            services_wanted=policy.services_wanted,
            detached=detached,
            avoided=avoided,
            muted=muted,
            resting=resting,
            released=frozenset(self._unread),
            given_back=self._given_back,
            last_neighbours=self._neighbours,
            set_up=self._set_up,
            episodes=episodes,
            relapses=relapses,
            longest_wait=policy.cooldown_max,
        )

    def _follow(self, detached: frozenset[str], snapshot: Snapshot) -> None:
        """What was given back, and whether the hardifs were read since; the same for their worth."""
        now = snapshot.at
        if self._given_back or detached != self._held:
            fresh = dict.fromkeys(self._held - detached, now)
            known = {**self._given_back, **fresh}  # a new dict: views are frozen
            self._given_back = {
                name: at for name, at in known.items() if name not in detached and now - at < GIVEN_BACK_S
            }
            unread = {**self._unread, **fresh}
            self._unread = {name: at for name, at in unread.items() if name not in detached}
        if self._unread and snapshot.mesh is not None:
            read = snapshot.mesh.hardifs_at - RELEASE_S
            self._unread = {name: at for name, at in self._unread.items() if at >= read}
        self._held = detached

    def _learn(self, snapshot: Snapshot, policy: Policy) -> None:
        """Who is behind each neighbour that is well: its hello says so, or the address is an originator."""
        mesh = snapshot.mesh
        if mesh is None or (
            self._seen is not None and self._seen.mesh is mesh and self._seen.peers is snapshot.peers
        ):
            return
        self._seen = snapshot
        if mesh.index != self._index:  # made anew: nothing was set up in this one yet
            self._index, self._set_up = mesh.index, frozenset()
        active = frozenset(hardif.name for hardif in mesh.hardifs if hardif.active)
        fresh = active.intersection(policy.hardifs_wanted) - self._set_up
        if fresh:
            self._set_up |= fresh
        said = {(peer.hardif, peer.mac): peer.originator for peer in snapshot.peers}
        known = {originator.mac for originator in mesh.originators}
        learnt: dict[str, str] = {}
        for neighbour in mesh.neighbours:
            elp = lv.elp_interval_s(
                snapshot, policy.thresholds.hello_interval_s, neighbour.hardif, neighbour.mac
            )
            if neighbour.last_seen_age > lv.SUSPECT_MISSES * elp:
                continue
            originator = said.get((neighbour.hardif, neighbour.mac), "")
            if not originator and neighbour.mac in known:
                originator = neighbour.mac
            key = f"{neighbour.hardif}/{neighbour.mac}"
            if originator and self._neighbours.get(key) != originator:
                learnt[key] = originator
        if learnt:
            merged = {**self._neighbours, **learnt}  # a new dict: views are frozen
            while len(merged) > MAX_NEIGHBOURS:
                del merged[next(iter(merged))]
            self._neighbours = merged
