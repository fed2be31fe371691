# SPDX-License-Identifier: Apache-2.0
"""What keeps a node from being healthy: a word the page has words for, and what they name."""

from __future__ import annotations

import msgspec


class Awaited(msgspec.Struct, frozen=True):
    """The same as long as nothing but a time changes: it is read aloud."""

    what: str  # "readings", "setup", "mesh", "interface", "neighbour", "service", "fault"
    sentence: str  # in English, for the log
    name: str = ""  # of the interface or service
    state: str = ""  # of the service
    fault: str = ""
    subject: str = ""  # of the fault
    title: str = ""  # of the fault, in a technician's words


READINGS = Awaited("readings", "nothing was read yet")
SETUP = Awaited("setup", "setting the mesh up is not finished")
MESH = Awaited("mesh", "the mesh cannot be read yet")
