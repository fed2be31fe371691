# SPDX-License-Identifier: Apache-2.0
"""Keys into the kernel, for one macsec interface. Blocking: called from one worker thread, in order."""

from __future__ import annotations

import contextlib
from typing import Protocol

from agent.kernel.errors import KernelError
from agent.kernel.macsec import Macsec
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec.keyactions import Sak


class Installer(Protocol):
    """What the key life may do. Every method raises KernelError and leaves what was as it was."""

    def change_over(self, sak: Sak) -> None:
        """Add the key for sending and send under it."""

    def remove(self, an: int) -> None:
        """Remove a transmit association."""

    def install(self, sci: Sci, sak: Sak, pn: int) -> None:
        """Receive under this key from this sender."""

    def forget(self, sci: Sci, an: int) -> None:
        """Remove a receive association."""

    def forget_all(self, sci: Sci) -> None:
        """Receive nothing more from this sender."""

    def state(self) -> SecY:
        """The interface as the kernel has it."""


class MacsecInstaller:
    """The real one, for the interface `name` (made by whoever sets the mesh up)."""

    def __init__(self, name: str, macsec: Macsec | None = None) -> None:
        self._name, self._macsec = name, macsec or Macsec()

    def change_over(self, sak: Sak) -> None:
        """Add the key for sending and send under it."""
        self._macsec.delete_tx(self._name, sak.an)
        self._macsec.add_tx(self._name, sak.an, sak.key, sak.key_id)
        try:
            self._macsec.set_encoding_sa(self._name, sak.an)
        except KernelError:
            with contextlib.suppress(KernelError):
                self._macsec.delete_tx(self._name, sak.an)
            raise

    def remove(self, an: int) -> None:
        """Remove a transmit association."""
        self._macsec.delete_tx(self._name, an)

    def install(self, sci: Sci, sak: Sak, pn: int) -> None:
        """Receive under this key from this sender.

        One that an earlier run left there under the same identifier stays: made anew it would take packets
        again that its replay window has seen.
        """
        channels = {channel.sci: channel for channel in self._macsec.state(self._name).receive}
        known = channels.get(sci)
        held = {sa.an: sa.key_id for sa in known.sas} if known else {}
        if held.get(sak.an) == sak.key_id:
            return
        if known is None:
            self._macsec.add_channel(self._name, sci)
        if sak.an in held:
            self._macsec.delete_rx(self._name, sci, sak.an)
        self._macsec.add_rx(self._name, sci, sak.an, sak.key, sak.key_id, pn)

    def forget(self, sci: Sci, an: int) -> None:
        """Remove a receive association."""
        self._macsec.delete_rx(self._name, sci, an)

    def forget_all(self, sci: Sci) -> None:
        """Receive nothing more from this sender."""
        self._macsec.delete_channel(self._name, sci)

    def state(self) -> SecY:
        """The interface as the kernel has it."""
        return self._macsec.state(self._name)
