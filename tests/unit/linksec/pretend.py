# SPDX-License-Identifier: Apache-2.0
"""A macsec interface that keeps its keys in memory: would what one sends be taken by another?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from agent.kernel.errors import RefusedError
from agent.kernel.macsec import CIPHER_GCM_AES_256
from agent.kernel.macsecrows import RxChannel, Sa, Sci, SecY
from agent.linksec.judged import Judged
from agent.linksec.keyactions import Sak


class PretendOwners:
    """What stands on disk of whose the channels are."""

    def __init__(self) -> None:
        self.kept: dict[Sci, Judged] = {}

    def load(self) -> dict[Sci, Judged]:
        return dict(self.kept)

    def save(self, owners: Mapping[Sci, Judged]) -> None:
        self.kept = dict(owners)


class PretendMacsec:
    """An Installer. Survives its agent, as the kernel does."""

    def __init__(self, sci: Sci) -> None:
        self.sci = sci
        self.transmit: dict[int, Sak] = {}
        self.encoding = 0
        self.receive: dict[Sci, dict[int, Sak]] = {}
        self.pn = 1
        self.refuse = ""  # the name of a method that fails
        self.calls: list[str] = []
        self.keys_used: list[bytes] = []
        self.changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    @contextmanager
    def _doing(self, name: str) -> Iterator[None]:
        with self._lock:
            self.calls.append(name)
            if self.refuse == name:
                raise RefusedError(f"{name}: refused", "a test wants it so", 16)
            yield
        self.changed()

    def change_over(self, sak: Sak) -> None:
        with self._doing("change_over"):
            self.transmit[sak.an] = sak
            self.encoding, self.pn = sak.an, 1
            self.keys_used.append(sak.key.reveal())

    def remove(self, an: int) -> None:
        with self._doing("remove"):
            self.transmit.pop(an, None)

    def install(self, sci: Sci, sak: Sak, pn: int) -> None:
        with self._doing("install"):
            self.receive.setdefault(sci, {})[sak.an] = sak

    def forget(self, sci: Sci, an: int) -> None:
        with self._doing("forget"):
            self.receive.get(sci, {}).pop(an, None)

    def forget_all(self, sci: Sci) -> None:
        with self._doing("forget_all"):
            self.receive.pop(sci, None)

    def state(self) -> SecY:
        with self._lock:
            return SecY(
                index=1,
                sci=self.sci,
                cipher=CIPHER_GCM_AES_256,
                icv_bytes=16,
                encoding_sa=self.encoding,
                encrypt=True,
                protect=True,
                include_sci=True,
                replay_protect=True,
                window=64,
                validation="strict",
                operational=self.encoding in self.transmit,
                transmit=tuple(Sa(an, True, self.pn, s.key_id) for an, s in self.transmit.items()),
                receive=tuple(
                    RxChannel(sci, True, tuple(Sa(an, True, 1, s.key_id) for an, s in held.items()))
                    for sci, held in self.receive.items()
                ),
            )

    def readable_by(self, other: PretendMacsec) -> bool:
        """Would a frame of ours be taken there now?"""
        with self._lock:
            sak = self.transmit.get(self.encoding)
        with other._lock:
            theirs = other.receive.get(self.sci, {}).get(sak.an) if sak else None
        return sak is not None and theirs is not None and theirs.key == sak.key
