# SPDX-License-Identifier: Apache-2.0
"""How the links of the mesh are secured, as frozen values: `security` of a Snapshot.

Ages are seconds before the reading was made, times of certificates Unix seconds. `hardif` is a mesh interface
by the name it has in the configuration (agent/meshdevices.py), whatever device batman-adv has of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

# post-quantum: each reads the other, under keys given in a post-quantum channel. plain: in clear. none:
# nothing passes (not yet, not any more, or refused).
Protection = Literal["post-quantum", "plain", "none"]


class SecuredLink(msgspec.Struct, frozen=True):
    """A neighbour that proved who it is on one mesh interface."""

    hardif: str
    mac: str  # its interface's, as its secure channel is named
    peer: str  # its SPIFFE id
    state: Protection
    address: str = ""  # its IPv6 link-local address
    suite: str = ""  # "hybrid", "cnsa", "cnsa-hybrid"
    held: bool = False  # its channel is lost; its keys work for half a minute
    restarted_age: float | None = (
        None  # since its beacon says that it began anew, while no new channel stands
    )
    age: float = 0.0  # since it proved itself first
    key_age: float = 0.0  # of our key, which it has
    rekeys: int = 0  # how often our key was changed on this interface since the agent runs
    rx_ok: int | None = None  # packets of it read, None: not known yet
    rx_bad: int | None = None  # packets of it that no key here fits: forged, or keys that do not agree


class UnsecuredNeighbour(msgspec.Struct, frozen=True):
    """Whoever sends batman-adv's frames in clear on an interface where they must be secured. Not believed."""

    hardif: str
    mac: str
    node: str = ""  # what its hello calls it (a hint), "" where none was heard
    known_for: float = 0.0  # since its first frame in clear
    heard_age: float = 0.0  # since the last
    refused: bool = False  # it had its time to show itself: nothing passes, and it is reported


class LinkFailure(msgspec.Struct, frozen=True):
    """Why a link could not be secured or was cut, alike ones counted together."""

    hardif: str
    reason: str  # a word of agent/linksec/errors.py's Reason: "revoked", "certificate", "rekey", ...
    peer: str = ""  # a SPIFFE id; an address where no id was proved; "" where nobody's
    mac: str = ""
    text: str = ""  # the last one's words
    count: int = 1
    first_age: float = 0.0
    age: float = 0.0  # of the last


class SecuredInterface(msgspec.Struct, frozen=True):
    """One mesh interface whose frames are encrypted."""

    hardif: str
    device: str  # the macsec device batman-adv has
    there: bool = False  # does that exist
    problem: str = ""  # why nothing can be done on it now, "" where it can
    key_age: float | None = None  # of the key we send under, None: none yet, nothing is sent
    rekey_period: float = 0.0  # s after which a key should be changed, but for a tenth
    rekeys: int = 0
    rx_plain: int = 0  # packets in clear; IPv6's own and the handshake's are among them
    rx_stranger: int = 0  # packets of senders whose keys are not here
    counts: dict[str, int] = {}  # beacons, connections, ...: agent/linksec/report.py
    failures: dict[str, int] = {}  # reason > how many


class OwnIdentity(msgspec.Struct, frozen=True):
    """What this node shows its neighbours."""

    id: str = ""  # SPIFFE id; "" where there is no identity yet
    not_before: float | None = None
    not_after: float | None = None
    left: float | None = None  # s until it ends by the time of now, negative: over
    time_trusted: bool = False  # is the clock known to be right
    problem: str = ""  # why there is none that can be used
    revoked: str = ""  # why the mesh has expelled this node, "" where it has not


class Security(msgspec.Struct, frozen=True):
    """All of it. A node whose links are not secured has none (the Snapshot's field is None)."""

    mode: Literal["required", "preferred"]
    suite: str  # "hybrid", "cnsa", "cnsa-hybrid"
    identity: OwnIdentity = OwnIdentity()
    interfaces: tuple[SecuredInterface, ...] = ()
    links: tuple[SecuredLink, ...] = ()
    unsecured: tuple[UnsecuredNeighbour, ...] = ()
    failures: tuple[LinkFailure, ...] = ()  # newest first
