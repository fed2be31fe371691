# SPDX-License-Identifier: Apache-2.0
"""Helps batman-adv past a flaw of BATMAN_V: OGMs that are never passed on again after a neighbour was lost.

When neighbours are purged (their interface left the mesh, or 200 s of silence), batman-adv
(`batadv_purge_orig_node`) chooses a router anew for every outgoing interface. On a hardif E with one
neighbour that neighbour becomes the router *for what goes out on E*, although its OGMs are never considered
for E ("single neighbour is source") and it has no metric there. `batadv_v_ogm_route_update` then finds
"something is wrong" and keeps it: what comes back on another interface is not passed on through E. The mesh
has lost a way for good, and shows it only at the next fault. Seen without any agent on six nodes in a ring.

An interface with two neighbours is considered like any other. So a wire with a single neighbour is given
one ELP frame of a second one, made here and received by this kernel only: when the neighbour is new, and
again when ways lead in there that have no metric for what goes out (agent/sensors/measured.py). We send
nothing, and batman-adv asks nothing of a neighbour on a wire. For the 200 s until batman-adv forgets it
every way gets its metric, which stays for as long as the way is heard, and a purge chooses rightly,
whenever it comes. It has to be there before: once a neighbour is lost, OGMs may come no other way any more
(those of the neighbour itself, if it died), and after its return those that took the long way are older
than the direct ones and ignored (`batadv_v_ogm_metric_update`). It costs that neighbour's OGMs and
broadcasts said back on E for so long.

Radios are left out and keep the flaw: there batman-adv (`batadv_v_elp_wifi_neigh_probe`) sends each neighbour
two unicasts of 200 bytes every ELP interval to measure it, here to an address nobody has.
docs/decisions/0004.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Set
from typing import Final

from agent.kernel import elp, inject
from agent.kernel.errors import InterfaceGoneError, KernelError
from agent.readings import Mesh

AGAIN_S: Final = 60.0  # for one wire: batman-adv knows it for 200 s; some ways are heard late
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
        self._given: dict[str, float] = {}  # hardif > when
        self._refused_at = float("-inf")

    def look(self, mesh: Mesh, radios: Set[str] | None) -> tuple[str, ...]:
        """Give each wire that needs it a second neighbour; which these were.

        `radios`: hardifs that are radios, None while that is not known.
        """
        if mesh.index != self._index:
            self._index, self._given = mesh.index, {}
        count = Counter(row.hardif for row in mesh.neighbours)
        for hardif in self._given.keys() - count.keys():
            del self._given[hardif]  # what left and returns knows no second neighbour
        now = self._clock()
        fresh = {
            name for name, number in count.items() if number == 1 and len(count) > 1
        } - self._given.keys()
        late = {name for name in mesh.unmeasured if now - self._given.get(name, now) >= AGAIN_S}
        wanted = sorted(fresh | late)
        if not wanted or radios is None or self._may_act():
            return ()
        return tuple(hardif for hardif in wanted if hardif not in radios and self._give(hardif, now))

    def _give(self, hardif: str, now: float) -> bool:
        if now - self._refused_at < TRY_AGAIN_S:
            return False
        try:
            # the clock makes a number that rises over restarts: older ones are ignored
            self._receive(hardif, elp.frame(int(now * 1000) & 0xFFFFFFFF, ELP_MS))
        except InterfaceGoneError:
            return False  # between the reading and now
        except KernelError as error:
            self._refused_at = now
            log.warning("ways that came back may not be passed on through %s: %s", hardif, error)
            return False
        self._given[hardif] = now
        return True
