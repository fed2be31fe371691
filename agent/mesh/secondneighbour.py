# SPDX-License-Identifier: Apache-2.0
"""Helps batman-adv past a flaw of BATMAN_V: OGMs that are never passed on again after a neighbour was lost.

When neighbours are purged (their interface left the mesh, or 200 s of silence), batman-adv
(`batadv_purge_orig_node`) chooses a router anew for every outgoing interface. On a hardif E with one
neighbour that neighbour becomes the router *for what goes out on E*, although its OGMs are never considered
for E ("single neighbour is source") and it has no metric there. `batadv_v_ogm_route_update` then finds
"something is wrong" and keeps it: what comes back on another interface is not passed on through E. The mesh
has lost a way for good, and shows it only at the next fault. Seen without any agent on six nodes in a ring.

An interface with two neighbours is considered like any other. So when a neighbour is doubted, or lost without
a doubt before, each other wire with a single one is given one ELP frame of a second neighbour, made here and
received by this kernel only: we send nothing, and batman-adv asks nothing of a neighbour on a wire. For the
200 s until batman-adv forgets it every way gets its metric, and the purge chooses rightly. At the loss is
late: it helps where OGMs come the other way round afterwards, but where several nodes lose the same neighbour
none passes them on to the next. At the return is too late: OGMs that took the long way are older than the
direct ones and ignored (`batadv_v_ogm_metric_update`). It costs that neighbour's OGMs said back on E for as
long.

Radios are left out and keep the flaw: there batman-adv (`batadv_v_elp_wifi_neigh_probe`) sends each neighbour
two unicasts of 200 bytes every ELP interval to measure it, for 200 s to an address nobody has.
docs/decisions/0004.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Set
from typing import Final

from agent.kernel import elp, inject
from agent.kernel.errors import KernelError
from agent.readings import Mesh

AGAIN_S: Final = 60.0  # for one interface: a second neighbour is known for 200 s, an outage needs some
TRY_AGAIN_S: Final = 600.0  # after the kernel refused: it will hardly change its mind
ELP_MS: Final = 500  # what the frame says; nothing depends on it

log = logging.getLogger("x0.mesh")


class SecondNeighbour:
    """`look` at each snapshot's mesh. Event loop only.

    `may_act()`: why nothing may be done now, "" where it may.
    """

    def __init__(
        self,
        *,
        may_act: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        receive: Callable[[str, bytes], None] = inject.receive,
    ) -> None:
        self._may_act, self._clock, self._receive = may_act, clock, receive
        self._index = 0
        self._known: frozenset[tuple[str, str]] = frozenset()  # (hardif, MAC)
        self._wanted: set[str] = set()  # hardifs
        self._given: dict[str, float] = {}  # hardif > when
        self._refused_at = float("-inf")

    def look(
        self, mesh: Mesh, *, doubted: Set[str] = frozenset(), radios: Set[str] | None = frozenset()
    ) -> tuple[str, ...]:
        """Give each wire that needs it a second neighbour; which these were.

        `doubted`: hardifs on which a neighbour may soon be lost, as of now: a doubt that may not be acted on
        is forgotten, a loss is not. `radios`: hardifs that are radios, None while that is not known.
        """
        now = frozenset((row.hardif, row.mac) for row in mesh.neighbours)
        if mesh.index != self._index:
            # A mesh that was there before us may have lost neighbours before us. One made just now has none.
            self._wanted = {hardif for hardif, _ in now} if self._index == 0 else set()
            self._index, self._known = mesh.index, frozenset()
            self._given.clear()
        gone, self._known = self._known - now, now
        for hardif, _ in gone:
            self._given.pop(hardif, None)  # what left and returns knows no second neighbour
            self._wanted |= {other for other, _ in now if other != hardif}
        wanted = self._wanted | {other for other, _ in now for hardif in doubted if other != hardif}
        return self._give(wanted - radios) if wanted and radios is not None else ()

    def _give(self, wanted: Set[str]) -> tuple[str, ...]:
        now = self._clock()
        if self._may_act() or now - self._refused_at < TRY_AGAIN_S:
            return ()
        given = []
        for hardif in sorted(wanted):
            single = sum(name == hardif for name, _ in self._known) == 1
            if single and now - self._given.get(hardif, float("-inf")) >= AGAIN_S:
                try:
                    # the clock makes a number that rises over restarts: older ones are ignored
                    self._receive(hardif, elp.frame(int(now * 1000) & 0xFFFFFFFF, ELP_MS))
                except KernelError as error:
                    self._refused_at = now
                    log.warning("ways that came back may not be passed on through %s: %s", hardif, error)
                    break
                self._given[hardif] = now
                given.append(hardif)
        self._wanted.clear()
        return tuple(given)
