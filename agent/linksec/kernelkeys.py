# SPDX-License-Identifier: Apache-2.0
"""What is still to be done in the kernel for one interface: keys once, removals until they are done.

Each secure channel has a lane of its own with one job under way at most: whoever offers keys without end
waits for itself alone, and a newer key under the same number takes the place of one that waits. A removal is
owed until the kernel has done it, because a key that stays is a neighbour that is still heard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec.errors import Reason
from agent.linksec.installer import Installer
from agent.linksec.keyactions import Sak
from agent.linksec.report import Counters
from agent.linksec.worker import Done, Job, Submit

RETRY: Final = 2.0  # s until a removal the kernel did not do is tried again
ALL: Final = -1  # in place of an association number: the whole channel
OURS: Final = None  # our own lane
log = logging.getLogger(__name__)


class _Lane:
    """`owed`: removals by association number; `wanted`: what is tried once, after them."""

    __slots__ = ("busy", "clearing", "owed", "retry_at", "told", "wanted")

    def __init__(self) -> None:
        self.owed: dict[int, Job] = {}
        self.wanted: dict[int, tuple[Job, Done]] = {}
        self.busy = False
        self.clearing = False  # the job under way removes the whole channel
        self.retry_at = 0.0
        self.told = False


class _Batch:
    """One job of a lane, and what came of each of its parts."""

    def __init__(self, lane: _Lane) -> None:
        self.owed, self.wanted = lane.owed, lane.wanted
        self.not_removed: dict[int, KernelError] = {}
        self.not_done: dict[int, KernelError] = {}

    def run(self) -> None:
        """In the worker's thread. A channel that could not be removed is not filled again."""
        for number, remove in self.owed.items():
            _try(number, remove, self.not_removed)
        blocked = self.not_removed.get(ALL)
        for number, (wish, _) in self.wanted.items():
            if blocked is not None:
                self.not_done[number] = blocked
            else:
                _try(number, wish, self.not_done)

    def missed(self, error: KernelError) -> None:
        """It was not run, or not seen to its end."""
        self.not_removed = dict.fromkeys(self.owed, error)
        self.not_done = dict.fromkeys(self.wanted, error)


class KernelKeys:
    """Of one interface; in the event loop, jobs go to `submit`."""

    def __init__(
        self,
        interface: str,
        *,
        installer: Installer,
        submit: Submit,
        counters: Counters,
        clock: Callable[[], float],
    ) -> None:
        self._interface, self._installer, self._submit = interface, installer, submit
        self._counters, self._clock = counters, clock
        self._lanes: dict[Sci | None, _Lane] = {}

    def leaving(self) -> list[Sci]:
        """Channels that are being removed: they still take room in the kernel."""
        lanes = self._lanes.items()
        return [sci for sci, lane in lanes if sci is not OURS and (lane.clearing or ALL in lane.owed)]

    # -- neighbours' keys

    def install(self, sci: Sci, sak: Sak, pn: int, done: Done) -> None:
        """Receive under this key. `done` is never called where a newer one took its place in time."""
        lane = self._lane(sci)
        lane.owed.pop(sak.an, None)  # what has that number now is replaced
        lane.wanted[sak.an] = (partial(self._installer.install, sci, sak, pn), done)
        self._go(sci)

    def forget(self, sci: Sci, an: int) -> None:
        """Remove a receive association."""
        lane = self._lane(sci)
        lane.wanted.pop(an, None)
        lane.owed[an] = partial(self._installer.forget, sci, an)
        self._go(sci)

    def clear(self, sci: Sci) -> None:
        """Receive nothing more from this sender."""
        lane = self._lane(sci)
        lane.wanted.clear()
        lane.owed = {ALL: partial(self._installer.forget_all, sci)}
        self._go(sci)

    def sweep(self, found: SecY, owned: Collection[Sci]) -> None:
        """Remove the channels that are in the kernel and nobody's."""
        for channel in found.receive:
            if channel.sci not in owned and channel.sci not in self._lanes:
                log.warning("%s: channel %s was left in the kernel", self._interface, channel.sci)
                self.clear(channel.sci)

    # -- our own

    def change_over(self, sak: Sak, done: Done) -> None:
        """Send under this key."""
        lane = self._lane(OURS)
        lane.owed.pop(sak.an, None)
        lane.wanted[sak.an] = (partial(self._installer.change_over, sak), done)
        self._go(OURS)

    def remove(self, an: int) -> None:
        """Remove a transmit association."""
        self._lane(OURS).owed[an] = partial(self._installer.remove, an)
        self._go(OURS)

    # -- inside

    def tick(self) -> None:
        """Try again what is due."""
        now = self._clock()
        for sci in [sci for sci, lane in self._lanes.items() if lane.retry_at <= now]:
            self._go(sci)

    def _lane(self, sci: Sci | None) -> _Lane:
        return self._lanes.setdefault(sci, _Lane())

    def _go(self, sci: Sci | None) -> None:
        lane = self._lanes.get(sci)
        if lane is None or lane.busy:
            return
        if not lane.owed and not lane.wanted:
            del self._lanes[sci]
            return
        batch = _Batch(lane)
        lane.busy, lane.clearing = True, ALL in batch.owed
        lane.owed, lane.wanted = {}, {}
        self._submit(batch.run, partial(self._done, sci, lane, batch))

    def _done(self, sci: Sci | None, lane: _Lane, batch: _Batch, error: KernelError | None) -> None:
        lane.busy = lane.clearing = False
        if error is not None:
            batch.missed(error)
        again = {n: batch.owed[n] for n in batch.not_removed if not self._replaced(n, lane, batch)}
        if again:
            lane.retry_at = self._clock() + RETRY
            self._tell(sci, lane, next(iter(batch.not_removed.values())))
        lane.owed = again | lane.owed  # a whole channel stands before its associations
        for number, (_, done) in batch.wanted.items():
            done(batch.not_done.get(number))
        if not again or lane.wanted:  # a key that waits for the removal is not kept waiting until its time
            self._go(sci)

    @staticmethod
    def _replaced(number: int, lane: _Lane, batch: _Batch) -> bool:
        """Need this removal not be done again: is the whole channel owed, or a new key in its place?"""
        if number == ALL:
            return False
        done = number in batch.wanted and number not in batch.not_done
        return ALL in lane.owed or number in lane.wanted or done

    def _tell(self, sci: Sci | None, lane: _Lane, error: KernelError) -> None:
        self._counters.failed(Reason.KERNEL)
        if not lane.told:
            lane.told = True
            what = f"keys of {sci}" if sci is not OURS else "a key of ours"
            log.warning(
                "%s: %s not removed, which is tried until it is done: %s", self._interface, what, error
            )


def _try(number: int, job: Job, failed: dict[int, KernelError]) -> None:
    try:
        job()
    except KernelError as error:
        failed[number] = error
