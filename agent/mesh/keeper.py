# SPDX-License-Identifier: Apache-2.0
"""Keeps the configured mesh and its timers, from boot on. Set-up, not a remedy: retried without limit.

One task; its kernel work runs in one worker thread, one call at a time. Nothing is touched in mode `observe`,
with `mesh.enabled: false`, or where it is right already: an agent's restart interrupts no traffic.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.kernel.linkspeed import link_speed_kbit
from agent.kernel.nl80211 import Nl80211
from agent.mesh import timers
from agent.mesh.haste import Haste
from agent.mesh.setup import Setup
from agent.mesh.wanted import HardifSettings, primary_mac
from agent.meshdevices import MeshDevices
from agent.remedies.hasten_ogms import HASTE_OGM_MS

if TYPE_CHECKING:
    from agent.config import Config

CHECK_S: Final = 10.0  # how often the standing mesh is looked at; kernel events wake earlier
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 30.0
SHORTEST_S: Final = (
    0.2  # between two passes, however often they are asked for: a flapping cable must not keep us busy
)
COUNT_S: Final = 60.0  # how often originators are counted for the timers (33 us a row)
MACHINE_ID: Final = Path("/etc/machine-id")

log = logging.getLogger("x0.mesh")


def machine_id() -> str:
    """This machine's id, "" where it has none (then the name alone makes the address)."""
    try:
        return MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _keeps(config: Config) -> bool:
    return config.mesh.enabled and config.mode == "heal"


class Keeper:
    """`run` it under supervision. The other methods: event loop only, but where said otherwise."""

    def __init__(
        self,
        config: Config,
        *,
        links: Links | None = None,
        batadv: BatAdv | None = None,
        wifi: Nl80211 | None = None,
        clock: Callable[[], float] = time.monotonic,
        identity: Callable[[], str] = machine_id,
        speed: Callable[[str], int | None] = link_speed_kbit,
        measured: Callable[[str], int | None] = lambda _: None,
        on_pass: Callable[[], None] = lambda: None,
        may_act: Callable[[], str] = lambda: "",
        paused: Callable[[], bool] = lambda: False,
        devices: MeshDevices | None = None,
    ) -> None:
        """`measured(name)`: kbit/s a test over this wire carried, None where there was none; any thread.

        `on_pass`: told in the event loop after every look; `ready` and `problems` may have changed.

        `may_act`: why no haste may begin now, "" where it may (paused, never healthy yet).

        `paused`: does a person work here? Then what stood once is only looked at, whatever is missing now.
        What stood never is set up all the same: a node that reboots in a pause must not stay out of its mesh.
        """
        self._links, self._batadv, self._wifi = links or Links(), batadv or BatAdv(), wifi or Nl80211()
        self._clock, self._identity, self._speed, self._on_pass = clock, identity, speed, on_pass
        self._may_act, self._paused, self._measured = may_act, paused, measured
        self._devices = devices
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: Config | None = None  # taken between two passes, never under a running one
        self._adopt(config)

    def reconfigure(self, config: Config) -> None:
        """Take a new configuration; what it drops (interfaces, addresses) stays until the node restarts.

        Haste is refused from now on where it says so; the rest waits for the pass under way.
        """
        self._next = config
        self.wake()

    def _adopt(self, config: Config) -> None:
        """While no worker thread runs."""
        self._mesh = config.mesh
        self._active = _keeps(config)
        self._setup = Setup(
            config.mesh,
            primary_mac(config.mesh, config.node.name, self._identity()),
            links=self._links,
            batadv=self._batadv,
            wifi=self._wifi,
            speed=self._speed,
            measured=self._measured,
            devices=self._devices,
        )
        self.rest = timers.rest(config.mesh, 1)
        self.haste = Haste(config.mesh.haste_per_minute)
        self.problems: tuple[str, ...] = ()
        self._stands = False  # was everything that exists tried in the mesh interface there is now?
        self._stood_on = 0  # its index when it stood last, 0 before
        self._counted = self._checked = float("-inf")
        self._retry = RETRY_FIRST_S
        self._ogm_ms: int | None = None  # what the kernel was told last
        self.wake()

    # asked by others

    @property
    def ready(self) -> bool:
        """Does the configured mesh stand? Nothing to set up is set up. From any thread.

        No longer so while mesh interface or primary are missing or made anew: a remedy that attached a link
        before the primary would change the node's identity.
        """
        return not self._active or (self._stands and self._setup.core_ready)

    def hasten(self, why: str, *, foreign: bool = False) -> bool:
        """Originator messages come faster for a few seconds; is it so? Bounded a minute; not in observe.

        `foreign`: on another node's word alone, which never uses the last of the minute.
        """
        if self.rest_ogm_ms() is None or not self._setup.core_ready or self._may_act():
            return False
        now = self._clock()
        fresh = not self.haste.active(now)
        hasty = self.haste.ask(now, foreign=foreign)
        if hasty and fresh:
            log.info("OGMs are hastened: %s", why, extra={"event": "hasten", "fields": {"why": why}})
        self._wake.set()
        return hasty

    def ogm_changed(self, milliseconds: int) -> None:
        """A remedy set the OGM interval: see that it returns to rest in time. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._noticed, milliseconds)

    def wake(self) -> None:
        """Look now: an interface appeared or changed."""
        self._checked = float("-inf")
        self._wake.set()

    def set_up_now(self) -> None:
        """Look now, and set the mesh interface up even if that was done before. From any thread."""
        self._setup.again()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.wake)

    def rest_ogm_ms(self) -> int | None:
        """OGM interval at rest; None where the keeper does not keep it. From any thread."""
        coming = self._next
        return self.rest.ogm_ms if self._active and (coming is None or _keeps(coming)) else None

    def hardif_settings(self, name: str) -> HardifSettings | None:
        """What batman-adv must be told when this one comes back; None for a stranger. From any thread."""
        return self._setup.settings.get(name)

    # the task

    async def run(self) -> None:
        """Keeps the mesh until cancelled; leaves it standing, with the timers at rest."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._take_over()
                self._wake.clear()
                wait = await self._pass() if self._active else None
                self._on_pass()
                try:
                    async with asyncio.timeout(wait):  # 3.11's wait_for may swallow a cancellation
                        await self._wake.wait()
                except TimeoutError:
                    continue
                if self._active and not self.haste.active(self._clock()):
                    await asyncio.sleep(SHORTEST_S)
        finally:
            self._loop = None
            if self._active and self._ogm_ms not in (None, self.rest.ogm_ms):
                self.haste.stop()
                self._timers(self._clock())

    async def _take_over(self) -> None:
        """The new configuration, if there is one. What is no longer kept is left at rest, once."""
        while self._next is not None:
            if self._active and not _keeps(self._next):
                await self._rest()
            config, self._next = self._next, None
            self._adopt(config)

    async def _rest(self) -> None:
        self.haste.stop()
        self._ogm_ms = None  # ask the kernel: a remedy may just have changed it
        await asyncio.to_thread(self._timers, self._clock())

    async def _pass(self) -> float:
        """Does what is due; how long nothing else is."""
        now = self._clock()
        await asyncio.to_thread(self._timers, now)
        if now - self._checked >= self._check_every():
            self._checked = now
            await asyncio.to_thread(self._look if self._hands_off() else self._check, now)
        now = self._clock()
        due = self._checked + self._check_every()
        if self.haste.active(now):
            due = min(due, self.haste.until)
        return max(0.01, due - now)

    def _hands_off(self) -> bool:
        return self._stood_on != 0 and self._paused()

    def _check_every(self) -> float:
        """Seconds between two looks at the mesh."""
        calm = (self.ready and not self.problems) or self._hands_off()
        return CHECK_S if calm else self._retry

    def _look(self, _now: float) -> None:
        """In the worker thread: is it still the mesh interface that stood? Nothing is changed."""
        if self._index() != self._stood_on:
            self._stands = False

    def _check(self, now: float) -> None:
        """In the worker thread: the set-up, then the originators' number."""
        self._look(now)
        problems = self._setup.ensure(self.rest)
        if problems != self.problems:
            for problem in problems:
                log.warning("%s", problem, extra={"event": "mesh-setup", "fields": {"problem": problem}})
        self.problems = problems
        if self._setup.core_ready:  # an interface that is refused must not keep the others from being healed
            if not self._stands:
                log.info("the mesh %s stands", self._mesh.name, extra={"event": "mesh-ready", "fields": {}})
            self._stands, self._stood_on = True, self._index()
        self._retry = min(RETRY_MAX_S, self._retry * 2) if problems else RETRY_FIRST_S
        if self._setup.core_ready and now - self._counted >= COUNT_S:
            self._counted = now
            self._count()
        self._ogm_ms = None  # looked at again: somebody may have changed it
        self._timers(self._clock())

    def _index(self) -> int:
        """Of the mesh interface, 0 where there is none."""
        try:
            return self._links.index(self._mesh.name)
        except KernelError:
            return 0

    def _count(self) -> None:
        try:
            rows = self._batadv.originators(self._links.index(self._mesh.name))
        except KernelError as error:
            log.warning("originators could not be counted, timers stay: %s", error)
            return
        rest = timers.rest(self._mesh, len({row.mac for row in rows}), self.rest)
        if rest != self.rest:
            log.info("timers at rest: OGM %d ms, ELP %d ms", rest.ogm_ms, rest.wire_elp_ms)
            self.rest = rest
            self._setup.ensure(rest)

    def _timers(self, now: float) -> None:
        """In the worker thread: the OGM interval of this moment, where the kernel has another."""
        wanted = self.rest.ogm_ms
        if self.haste.active(now):
            wanted = min(wanted, HASTE_OGM_MS)
        if wanted == self._ogm_ms or not self._setup.core_ready:
            return
        try:
            mesh = self._batadv.mesh(self._mesh.name)
            if mesh.ogm_interval_ms != wanted:
                self._batadv.set_mesh(mesh.index, ogm_interval_ms=wanted)
            self._ogm_ms = wanted
        except KernelError as error:
            log.warning("the OGM interval could not be set: %s", error)

    def _noticed(self, milliseconds: int) -> None:
        self._ogm_ms = milliseconds
        if milliseconds < self.rest.ogm_ms:
            self.haste.ask(self._clock())
        else:
            self.haste.stop()
        self._wake.set()
