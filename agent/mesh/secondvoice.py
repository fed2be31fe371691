# SPDX-License-Identifier: Apache-2.0
"""Helps a neighbour past a flaw of BATMAN_V: OGMs not passed on after one of its interfaces left the mesh.

When a hardif leaves, batman-adv (6.12, `batadv_purge_orig_node`) makes the only neighbour left on another
hardif E the router *for what goes out on E*. On a wire that neighbour's OGMs are never considered for E
("single neighbour is source"), so it has no metric there, `batadv_v_ogm_route_update` finds "something is
wrong", never replaces it, and what the hardif hears once it is back is not passed on through E: the mesh has
lost a way, and shows it only at the next fault. Seen on a ring of six without any agent: out 3 s, in again,
and for good no OGM through that node in that direction.

A wire with two neighbours is considered like any other. So whoever hears on a wire that its neighbour takes
an interface out or in says a few ELPs with a second address: for batman-adv's 200 s there are two, every
router gets its metric, and the way is found again. That costs the neighbour's OGMs said back on this wire for
as long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from agent.kernel import elp
from agent.kernel.errors import KernelError
from agent.mesh.haste import MINUTE_S

INTENTS: Final = ("detach-hardif", "attach-hardif")  # first words of the intents that call for it
TIMES: Final = 3  # one is enough; two may be lost
APART_S: Final = 0.15
QUIET_S: Final = 3.0  # on one wire: what it said is forgotten when the neighbour takes that interface out too
A_MINUTE: Final = 6  # on all wires: intents are unauthenticated, each time costs 200 s of OGMs said back
HEARD_S: Final = 5.0  # ten ELP intervals: heard longer ago, a neighbour is not helped
ELP_MS: Final = 500  # what the frame says; nothing depends on it

log = logging.getLogger("x0.mesh")


class SecondVoice:
    """`heard` it with what a neighbour intends. Event loop only.

    `neighbours(hardif)`: (MAC, age in s) of those batman-adv has there. `may_act()`: why nothing may be done
    now, "" where it may.
    """

    def __init__(
        self,
        wires: Iterable[str],
        neighbours: Callable[[str], Iterable[tuple[str, float]]],
        *,
        may_act: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        send: Callable[[str, int, int], None] = elp.send,
    ) -> None:
        self._wires = frozenset(wires)
        self._clock, self._send = clock, send
        self._neighbours, self._may_act = neighbours, may_act
        self._spoke: dict[str, float] = {}
        self._lately: deque[float] = deque(maxlen=A_MINUTE)

    def heard(self, hardif: str, mac: str, intents: Iterable[str]) -> bool:
        """A neighbour on this hardif announced intents; is there something to say?

        Only for the one neighbour batman-adv hears there itself: no stranger's word suffices, and where
        there are two the flaw is none.
        """
        now = self._clock()
        if hardif not in self._wires or not any(intent.startswith(INTENTS) for intent in intents):
            return False
        if now - self._spoke.get(hardif, float("-inf")) < QUIET_S:
            return False
        if len(self._lately) == A_MINUTE and now - self._lately[0] < MINUTE_S:
            return False
        known = dict(self._neighbours(hardif))
        if set(known) != {mac} or known[mac] > HEARD_S or self._may_act():
            return False
        self._lately.append(now)
        self._spoke[hardif] = now
        self._say(hardif, 1)
        return True

    def _say(self, hardif: str, sequence: int) -> None:
        try:
            self._send(hardif, sequence, ELP_MS)
        except KernelError as error:
            log.warning("the neighbour on %s could not be helped to pass on OGMs: %s", hardif, error)
            return
        if sequence < TIMES:
            asyncio.get_running_loop().call_later(APART_S, self._say, hardif, sequence + 1)
