# SPDX-License-Identifier: Apache-2.0
"""Link security of a whole node: every mesh interface, one identity, one trust. asyncio.

Loads the crypto libraries: import it late (agent/nodelinks.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from agent.identity.revoked import Revoked
from agent.kernel.errors import KernelError
from agent.kernel.genl import interface_index
from agent.kernel.macsec import Macsec
from agent.kernel.macsecrows import SecY
from agent.linksec import agentrun
from agent.linksec.agentrun import AgentRun
from agent.linksec.history import History
from agent.linksec.nodetrust import NodeTrust
from agent.linksec.owners import OwnersFile
from agent.linksec.report import Kind, LinkEvent
from agent.linksec.secured import Secured
from agent.linksec.service import Settings
from agent.linksec.trust import Permit, anybody
from agent.meshdevices import MeshDevices
from agent.securityreadings import SecuredInterface, Security

LOOK: Final = 1.0  # s between looks at files, frames in clear and devices: a revocation counts within it
RECHECK: Final = 60.0  # s between rechecks of all: certificates run out by themselves
LOGGED: Final = {
    Kind.UP: logging.INFO,
    Kind.HELD: logging.INFO,
    Kind.RESUMED: logging.INFO,
    Kind.DOWN: logging.WARNING,
    Kind.FAILED: logging.WARNING,
    Kind.DUPLICATE: logging.WARNING,
}
log = logging.getLogger("x0.linksec")


class MadeAnewError(Exception):
    """A macsec device that was in use is another one now: all keys of it are gone with it."""


class Given(msgspec.Struct, frozen=True):
    """What it works on."""

    hardifs: tuple[str, ...]
    devices: MeshDevices
    identity: Path  # the folder of agent/identity/nodefiles.py
    runtime: Path  # a folder that a reboot empties
    suite: str
    rekey_period: float


class Running:
    """`run` it until link security is switched off. `publish` gets each reading: at a change, each second."""

    def __init__(
        self,
        given: Given,
        publish: Callable[[Security], None],
        *,
        trust: NodeTrust | None = None,
        state: Callable[[str], SecY] | None = None,
        index: Callable[[str], int | None] = interface_index,
        clock: Callable[[], float] = time.monotonic,
        make: Callable[..., Secured] = Secured,
        permit: Permit = anybody,
        on_trust: Callable[[], None] = lambda: None,
    ) -> None:
        """`permit`: the policy's say on a node of the mesh; `on_trust`: bundle, revocations or time are
        others now, and all neighbours have been judged by them."""
        self._given, self._publish, self._on_trust = given, publish, on_trust
        self._trust = trust or NodeTrust(given.identity, given.suite, permit=permit)
        self._state, self._index = state or Macsec().state, index
        self._clock, self._make = clock, make
        self._history = History()
        self._secured: dict[str, Secured] = {}
        self._problems: dict[str, str] = {}  # interfaces that are not secured yet, in words
        self._refused: set[tuple[str, str]] = set()  # who speaks in clear, as said in the log
        self._poke = asyncio.Event()
        self._stirred = False  # a reading that says what an event told is owed

    # -- asked

    def look(self) -> None:
        """Something changed (interfaces, files): look now."""
        self._poke.set()

    def revoked(self) -> Revoked:
        """What the revocation lists of now come to."""
        return self._trust.revoked

    def restart(self, hardif: str, mac: str) -> bool:
        """Make the link with this neighbour anew; was there one?"""
        found = self._secured.get(hardif)
        return found is not None and found.service.restart(mac)

    def rekey(self, hardif: str) -> bool:
        """Change the key of this interface now; is there one?"""
        found = self._secured.get(hardif)
        return found is not None and found.service.rekey()

    def problems(self) -> dict[str, str]:
        """Interface > why nothing can be done there; "" as interface for the whole node."""
        found = {one.hardif: one.service.problem for one in self._secured.values()} | self._problems
        found[""] = self._trust.problem
        return {name: text for name, text in found.items() if text}

    def reading(self) -> Security:
        """Of now."""
        now = self._clock()
        missing = tuple(
            SecuredInterface(name, self._given.devices.macsec(name), problem=self._problems.get(name, ""))
            for name in self._given.hardifs
            if name not in self._secured
        )
        there = tuple(self._secured.values())
        return Security(
            "required",
            self._given.suite,
            self._trust.own(),
            tuple(one.interface() for one in there) + missing,
            tuple(link for one in there for link in one.links()),
            tuple(neighbour for one in there for neighbour in one.unsecured()),
            self._history.told(now),
        )

    # -- life

    async def run(self) -> None:
        """Until cancelled; raises an ExceptionGroup for the supervisor where a part cannot go on."""
        while True:
            try:
                await self._serve(agentrun.begin(secrets.token_bytes))
            except* MadeAnewError as group:
                log.info("links are secured anew: %s", group.exceptions[0])
            finally:
                self._secured.clear()

    async def _serve(self, run: AgentRun) -> None:
        await asyncio.to_thread(self._trust.look)
        async with asyncio.TaskGroup() as together:
            together.create_task(self._watch(), name="linksec watch")
            for hardif in self._given.hardifs:
                together.create_task(self._interface(hardif, run), name=f"linksec {hardif}")

    async def _watch(self) -> None:
        """Files, frames in clear, devices, readings."""
        recheck_at = self._clock() + RECHECK
        while True:
            news = await asyncio.to_thread(self._trust.look)
            if news.identity:
                for one in self._secured.values():
                    one.service.renew()
            if news.trust or self._clock() >= recheck_at:
                recheck_at = self._clock() + RECHECK
                self.recheck()
            if news.trust:
                self._on_trust()
            for one in self._secured.values():
                one.listen()
                if self._index(one.device) != one.index:
                    raise MadeAnewError(f"{one.device} is another device now")
            reading = self.reading()
            self._say_refused(reading)
            self._publish(reading)
            await self._pause(LOOK)

    def _say_refused(self, reading: Security) -> None:
        """Each neighbour without security once, and again if it was away."""
        refused = {(one.hardif, one.mac) for one in reading.unsecured if one.refused}
        for hardif, mac in sorted(refused - self._refused):
            fields = {"interface": hardif, "mac": mac}
            text = f"{hardif}: {mac} speaks in clear and offers no security: nothing of it is let in"
            log.warning("%s", text, extra={"event": "unsecured-neighbour", "fields": fields})
        self._refused = refused

    def recheck(self) -> None:
        """Judge every neighbour anew: trust or the policy have changed, or it is time."""
        for one in self._secured.values():
            for peer in one.service.recheck():
                words = {"interface": one.hardif, "peer": peer}
                log.warning(
                    "%s is trusted no more on %s",
                    peer,
                    one.hardif,
                    extra={"event": "untrusted", "fields": words},
                )

    async def _interface(self, hardif: str, run: AgentRun) -> None:
        """Once its macsec device and our identity are there, secure it."""
        device = self._given.devices.macsec(hardif)
        while True:
            found = await self._found(device)
            if found is not None and self._trust.trust_domain:
                break
            why = f"{device} is not there yet" if found is None else self._trust.problem
            self._problems[hardif] = why
            await asyncio.sleep(LOOK / 4)
        self._problems.pop(hardif, None)
        owners = OwnersFile(self._given.runtime / f"linksec-{hardif}.owners")
        settings = Settings(hardif, self._trust.trust_domain, rekey_period=self._given.rekey_period)
        made = self._make(
            settings, device, found, run=run, trust=self._trust, owners=owners, on_event=self._event
        )
        self._secured[hardif] = made
        await made.run()

    async def _found(self, device: str) -> SecY | None:
        if self._index(device) is None:
            return None
        try:
            return await asyncio.to_thread(self._state, device)
        except KernelError as error:
            log.debug("%s: %s", device, error)
            return None

    async def _pause(self, seconds: float) -> None:
        self._poke.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._poke.wait()

    # -- what link security tells

    def _event(self, event: LinkEvent) -> None:
        news = self._history.note(event, self._clock())
        level = LOGGED.get(event.kind, logging.DEBUG)
        if event.kind is Kind.FAILED and not news:
            level = logging.DEBUG  # who is refused comes again twice a minute: it is counted, not told again
        fields = {
            "kind": event.kind.value,
            "interface": event.interface,
            "peer": event.peer,
            "mac": event.mac,
        }
        if event.reason is not None:
            fields["reason"] = event.reason.value
        text = f"{event.interface}: {event.peer or 'our key'}: {event.text}"
        log.log(level, "%s", text, extra={"event": "link-security", "fields": fields})
        if not self._stirred:
            self._stirred = True
            asyncio.get_running_loop().call_soon(self._stir)

    def _stir(self) -> None:
        """After what the event is part of: the readings shall have all of it."""
        self._stirred = False
        self._publish(self.reading())
