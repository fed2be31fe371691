# SPDX-License-Identifier: Apache-2.0
"""Link security on one interface while its macsec device lasts, and what is told of it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.hello.peers import eui64
from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import RxChannel, SecY
from agent.kernel.plainframes import PlainFrames
from agent.linksec.agentrun import AgentRun
from agent.linksec.installer import MacsecInstaller
from agent.linksec.owners import Owners
from agent.linksec.policy import LinkPolicy
from agent.linksec.report import LinkEvent
from agent.linksec.service import LinkSecurity, Settings
from agent.linksec.unsecured import Unsecured
from agent.securityreadings import SecuredInterface, SecuredLink, UnsecuredNeighbour

if TYPE_CHECKING:
    from agent.linksec.nodetrust import NodeTrust

log = logging.getLogger(__name__)


class SeenInstaller(MacsecInstaller):
    """Keeps what the kernel said last, for whoever wants its counters."""

    seen: SecY | None = None

    def state(self) -> SecY:
        """The interface as the kernel has it."""
        self.seen = found = super().state()
        return found


class Secured:
    """One interface. Event loop only."""

    def __init__(
        self,
        settings: Settings,
        device: str,
        found: SecY,
        *,
        run: AgentRun,
        trust: NodeTrust,
        owners: Owners,
        on_event: Callable[[LinkEvent], None],
        clock: Callable[[], float] = time.monotonic,
        installer: SeenInstaller | None = None,
        open_frames: Callable[[str], PlainFrames] = PlainFrames,
    ) -> None:
        self.hardif, self.device, self.index = settings.interface, device, found.index
        self._settings, self._clock, self._open = settings, clock, open_frames
        self._installer = installer or SeenInstaller(device)
        self._unsecured = Unsecured(self.hardif, LinkPolicy(settings.mode))
        self._frames: PlainFrames | None = None
        self._deaf = False  # frames in clear cannot be listened for: said once
        self.service = LinkSecurity(
            settings,
            run=run,
            sci=found.sci,
            contexts=trust.contexts,
            verify=trust.verify,
            issuers=trust.issuers,
            installer=self._installer,
            owners=owners,
            on_event=on_event,
            random_bytes=secrets.token_bytes,
            clock=clock,
        )

    async def run(self) -> None:
        """Until cancelled, or a mistake of ours ended it."""
        try:
            await self.service.run()
        finally:
            self._listen_no_more()

    def listen(self) -> None:
        """Take note of who speaks in clear here. Call about once a second."""
        if self._frames is None:
            try:
                self._frames = self._open(self.hardif)
            except KernelError as error:
                if not self._deaf:
                    log.warning("neighbours without security are not noticed: %s", error)
                self._deaf = True
                return
            self._deaf = False
        self._unsecured.heard(self._frames.senders(), self._clock())

    def _listen_no_more(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    # -- what is told

    def interface(self) -> SecuredInterface:
        """The interface itself."""
        counted, seen = self.service.counters, self._installer.seen
        return SecuredInterface(
            self.hardif,
            self.device,
            there=True,
            problem=self.service.problem,
            key_age=self.service.key_age(),
            rekey_period=self._settings.rekey_period,
            rekeys=counted.rekeys,
            rx_plain=seen.in_no_tag if seen else 0,
            rx_stranger=seen.in_no_sci if seen else 0,
            counts={
                name: value
                for name in counted.__struct_fields__
                if isinstance(value := getattr(counted, name), int)
            },
            failures=dict(counted.failures),
        )

    def links(self) -> tuple[SecuredLink, ...]:
        """Its neighbours that proved who they are."""
        seen, rekeys = self._installer.seen, self.service.counters.rekeys
        channels = {channel.sci.mac: channel for channel in seen.receive} if seen else {}
        return tuple(
            SecuredLink(
                self.hardif,
                state.mac,
                state.peer,
                "post-quantum" if state.up else "none",
                address=state.address,
                suite=state.suite,
                held=state.held,
                restarted_age=self.service.restarted(state.address),
                age=state.age,
                key_age=state.key_age,
                rekeys=rekeys,
                rx_ok=_ok(channels.get(state.mac)),
                rx_bad=_bad(channels.get(state.mac)),
            )
            for state in self.service.states()
        )

    def unsecured(self) -> tuple[UnsecuredNeighbour, ...]:
        """Those that speak in clear."""
        addresses = frozenset(self.service.beaconing())
        macs = self._unsecured.macs()
        up = frozenset(state.mac for state in self.service.states() if state.up)
        return self._unsecured.told(self._clock(), up, {mac for mac in macs if eui64(mac) in addresses})


def _ok(channel: RxChannel | None) -> int | None:
    return None if channel is None else channel.ok


def _bad(channel: RxChannel | None) -> int | None:
    return (
        None
        if channel is None
        else channel.invalid + channel.not_valid + channel.not_using_sa + channel.unused_sa
    )
