# SPDX-License-Identifier: Apache-2.0
"""Keys into the kernel, for one macsec interface. Blocking: called from one worker thread, in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from agent.kernel.errors import KernelError
from agent.kernel.macsec import Macsec
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec.keyactions import Sak

Held = dict[Sci, dict[int, bytes]]  # channel > association number > key identifier


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
    """The real one, for the interface `name` (made by whoever sets the mesh up).

    It remembers what is received under: reading a full cell's table (25 KB) for every key that a neighbour
    offers would let one neighbour keep the kernel busy. After an error it is read again.
    """

    def __init__(self, name: str, macsec: Macsec | None = None) -> None:
        self._name, self._macsec = name, macsec or Macsec()
        self._held: Held | None = None

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
        with self._forgetting():
            known = self._known()
            if known.get(sci, {}).get(sak.an) == sak.key_id:
                return
            if sci not in known:
                self._macsec.add_channel(self._name, sci)
            held = known.setdefault(sci, {})
            if sak.an in held:
                self._macsec.delete_rx(self._name, sci, sak.an)
                del held[sak.an]
            self._macsec.add_rx(self._name, sci, sak.an, sak.key, sak.key_id, pn)
            held[sak.an] = sak.key_id

    def forget(self, sci: Sci, an: int) -> None:
        """Remove a receive association."""
        with self._forgetting():
            self._macsec.delete_rx(self._name, sci, an)
            if self._held is not None:
                self._held.get(sci, {}).pop(an, None)

    def forget_all(self, sci: Sci) -> None:
        """Receive nothing more from this sender."""
        with self._forgetting():
            self._macsec.delete_channel(self._name, sci)
            if self._held is not None:
                self._held.pop(sci, None)

    def state(self) -> SecY:
        """The interface as the kernel has it."""
        found = self._macsec.state(self._name)
        self._held = {one.sci: {sa.an: sa.key_id for sa in one.sas} for one in found.receive}
        return found

    def _known(self) -> Held:
        """What is received under now. A removal does without: it must work where nothing can be read."""
        if self._held is None:
            self.state()
        assert self._held is not None
        return self._held

    @contextlib.contextmanager
    def _forgetting(self) -> Iterator[None]:
        """What is known is known no more where something fails."""
        try:
            yield
        except BaseException:
            self._held = None
            raise
