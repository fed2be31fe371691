# SPDX-License-Identifier: Apache-2.0
"""A mesh interface and the device batman-adv has of it: the one place that knows which is which. Pure.

Where links are secured, batman-adv runs over a macsec device on top of the interface. Everybody else (faults,
hello, page, metrics, log, the configuration) calls the two together by the interface's name, `e1`. Only who
asks the kernel to do something with "e1 as the mesh has it" says `device("e1")`; what the kernel tells of
`macsec0` is told on as `hardif("macsec0")`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

PREFIX: Final = "macsec"
_OURS: Final = re.compile(rf"{PREFIX}\d+\Z")


def may_be_ours(name: str) -> bool:
    """Is it a name we give? Such an interface cannot be a mesh interface of the configuration."""
    return _OURS.match(name) is not None


class MeshDevices:
    """`secured`: shall batman-adv have the macsec devices? Any thread; set in the event loop."""

    def __init__(self, macsec: Mapping[str, str], *, secured: bool = False) -> None:
        """`macsec`: interface > its macsec device."""
        self._macsec = dict(macsec)
        self._hardif = {device: hardif for hardif, device in self._macsec.items()}
        self.secured = secured

    @classmethod
    def of(cls, hardifs: Iterable[str], *, secured: bool = False) -> MeshDevices:
        """By their order in the configuration, so that a restart finds each device again.

        None have one where somebody lists a macsec device of their own.
        """
        names = tuple(hardifs)
        if any(map(may_be_ours, names)):
            return cls({})
        return cls({name: f"{PREFIX}{number}" for number, name in enumerate(names)}, secured=secured)

    def macsec(self, hardif: str) -> str:
        """Its macsec device, be it there or not; "" of what can have none."""
        return self._macsec.get(hardif, "")

    def device(self, hardif: str) -> str:
        """What batman-adv shall have of it: it itself, or its macsec device."""
        return self._macsec.get(hardif, hardif) if self.secured else hardif

    def hardif(self, device: str) -> str:
        """What a device is called; one that is none of ours by its own name."""
        return self._hardif.get(device, device)

    def layered(self) -> Mapping[str, str]:
        """Interface > macsec device, all there may be."""
        return self._macsec
