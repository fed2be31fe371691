# SPDX-License-Identifier: Apache-2.0
"""What the sensors read, as frozen values: the content of a Snapshot.

Times named `*_age` are seconds before the reading was taken; throughputs are kbit/s; MAC addresses are
lower-case `aa:bb:cc:dd:ee:ff`. A field that could not be read is None, never a made-up number.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

TUNIT: Final = 100  # kbit/s: in whole ones batman-adv keeps overrides and gateways' bandwidths


def as_kept(kbit: int) -> int:
    """What batman-adv has of a throughput it was told, kbit/s: rounded down."""
    return kbit // TUNIT * TUNIT


class Link(msgspec.Struct, frozen=True):
    """One network interface as rtnetlink shows it."""

    name: str
    index: int
    mac: str
    mtu: int
    admin_up: bool
    carrier: bool
    kind: str = ""  # IFLA_INFO_KIND: "veth", "dummy", "batadv", "macsec"; "" for hardware
    master: int = 0  # ifindex of the master, 0 where none
    peer_index: int = 0  # IFLA_LINK
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_packets: int = 0
    tx_packets: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    permanent_mac: str = ""  # burned into the device; "" where it has none


class Hardif(msgspec.Struct, frozen=True):
    """One interface batman-adv uses (GET_HARDIF)."""

    name: str
    index: int
    mac: str
    active: bool
    elp_interval_ms: int | None = None
    throughput_override_kbit: int | None = None  # 0 = automatic


class Wanted(msgspec.Struct, frozen=True):
    """What the configuration wants of one mesh interface, and how it was when it was right."""

    name: str
    kind: Literal["wire", "radio", "primary"]
    mtu: int  # the least that is wanted, bytes
    there: bool  # does the interface exist
    throughput_kbit: int | None = None  # what batman-adv shall be told; 0: it asks the device; None: unread
    throughput_age: float = 0.0  # seconds since that became so
    speed_kbit: int | None = None  # what the device says it has negotiated
    measured_kbit: int | None = None  # what a test over this wire carried
    was_mtu: int = 0  # the largest MTU it had in this run
    was_mac: str = ""  # its last address that no other of ours had
    left_phy: int | None = None  # the one radio without interfaces, while this radio's interface is gone
    read_at: float = 0.0  # monotonic seconds


class Neighbour(msgspec.Struct, frozen=True):
    """One batman-adv neighbour on one hardif (GET_NEIGHBORS)."""

    hardif: str
    mac: str
    last_seen_age: float
    throughput_kbit: int | None = None


class Originator(msgspec.Struct, frozen=True):
    """One row of the originator table: a way to `mac` through `neighbour` on `hardif`."""

    mac: str
    neighbour: str
    hardif: str
    last_seen_age: float
    throughput_kbit: int | None = None
    best: bool = False


class Gateway(msgspec.Struct, frozen=True):
    """One announced gateway (GET_GATEWAYS)."""

    mac: str
    router: str
    down_kbit: int
    up_kbit: int
    best: bool = False
    throughput_kbit: int | None = None


class Known(msgspec.Struct, frozen=True):
    """A node of the mesh heard in this run, whether it is heard now or not."""

    mac: str  # its originator address
    heard_age: float  # since its last OGM by any way
    known_for: float  # from the first OGM to the last


class Mesh(msgspec.Struct, frozen=True):
    """One batman-adv mesh interface and its tables."""

    name: str
    index: int
    mac: str  # the node's originator address (that of the primary hardif)
    algo: str
    ogm_interval_ms: int
    hop_penalty: int
    gw_mode: str
    bla: bool
    bonding: bool
    hardifs: tuple[Hardif, ...] = ()
    hardifs_at: float = 0.0  # monotonic seconds of the dump
    neighbours: tuple[Neighbour, ...] = ()
    neighbours_at: float = 0.0  # monotonic seconds of the dump
    originators: tuple[Originator, ...] = ()
    originators_at: float = 0.0
    unmeasured: tuple[str, ...] = ()  # wires by which ways lead in that have no metric for them: measured.py
    gateways: tuple[Gateway, ...] = ()
    tt_local: int | None = None
    tt_global: int | None = None
    counters: dict[str, int] = {}  # ethtool statistics of the mesh interface
    gw_down_kbit: int | None = None  # what this node announces, or would as a server
    gw_up_kbit: int | None = None
    gw_sel_kbit: int | None = None  # a client changes its gateway only for so much more (BATMAN_V)
    known: tuple[Known, ...] = ()  # every node heard in this run, as of `originators_at`: sensors/known.py


class Station(msgspec.Struct, frozen=True):
    """One 802.11 station (NL80211_CMD_GET_STATION)."""

    mac: str
    inactive_age: float
    signal_dbm: int | None = None
    expected_kbit: int | None = None
    plink: str = ""  # "estab", "listen", ...
    rx_bytes: int = 0
    tx_bytes: int = 0
    tx_failed: int = 0


class Radio(msgspec.Struct, frozen=True):
    """One wireless interface (NL80211_CMD_GET_INTERFACE) and its stations."""

    name: str
    index: int
    mac: str
    kind: str  # "mesh", "ibss", "ap", "station", "monitor"
    freq_mhz: int | None = None
    mesh_id: str = ""
    stations: tuple[Station, ...] = ()
    phy: int | None = None  # number of the radio (wiphy) it is an interface of
    heard_age: float | None = None  # since any station of it was heard; None: not since the agent runs
    peered_age: float | None = None  # the same of established peers (802.11s) or members (IBSS)
    peers: int = 0  # how many peers were heard within two seconds before the last sign of any


class Service(msgspec.Struct, frozen=True):
    """One configured service as its probe found it."""

    name: str
    state: Literal["running", "gone", "hung", "unknown"]
    pid: int | None = None
    detail: str = ""  # what the probe saw, in words
    state_age: float = 0.0  # how long it has been in this state
    slow_age: float = 0.0  # how long probes have failed, 0 while they pass
    by_hand: bool = False  # it is gone because its unit was told to stop


class UplinkProbe(msgspec.Struct, frozen=True):
    """One target beyond a gateway's uplink that is asked again and again."""

    kind: Literal["icmp", "dns"]
    target: str
    configured: bool  # by a person; False: found on the node (default route, resolv.conf)
    ever_answered: bool  # since the agent runs
    unanswered: int  # requests in a row that stayed without a good answer
    failing_age: float  # since the first of these was sent, 0 while answers come
    passing_age: float  # since the first of the answers that come in a row now, 0 where none does
    detail: str = ""  # what the last request met, in words


class Uplink(msgspec.Struct, frozen=True):
    """A gateway's way out: who answers beyond it and how much it carries."""

    interface: str  # "" where none is known
    probes: tuple[UplinkProbe, ...] = ()
    rx_kbit: float | None = None  # mean of the last seconds; None: not known (yet)
    tx_kbit: float | None = None


class Peer(msgspec.Struct, frozen=True):
    """A neighbouring agent as its hellos on one interface tell (unauthenticated: a hint)."""

    node: str
    originator: str
    hardif: str  # our interface it was heard on
    mac: str  # the sender's interface
    address: str  # its IPv6 link-local address
    hello_age: float
    hears_us: bool | None  # does it list our MAC as heard on that interface; None: it said nothing yet
    hears_us_age: float | None = None  # seconds since its hello last listed us, None: never
    health: str = ""
    intents: tuple[str, ...] = ()
    elp_interval_ms: int | None = None  # of its interface, None: it did not tell
    hello_streak: int = 0  # hellos in a row without a gap of two intervals, one counted for each interval
    hello_interval_ms: int | None = None  # as it says, 100 to 60,000; None: not told


class Twin(msgspec.Struct, frozen=True):
    """Who says hello on one of our interfaces with that interface's own address (a hint)."""

    node: str
    originator: str
    hardif: str
    mac: str
    age: float


class Echo(msgspec.Struct, frozen=True):
    """ICMPv6 echo to one neighbour on one interface: the kernel answers it, whatever its agent does."""

    hardif: str
    mac: str
    sent: int  # requests sent since the probing of this neighbour began
    answered: int
    unanswered_for: (
        float  # seconds from the first request after the last answer to the last look at what had arrived
    )
    unanswered: int  # requests sent since the last answer
    answer_age: float | None = None  # seconds since the last answer; None: never answered
    rtt_ms: float | None = None
    streak: int = 0  # answers in a row
    streak_age: float = 0.0  # seconds since the first answer of the streak, 0 where there is none
    ever_answered: bool = False  # to any request of ours since we run, also before this probing


class Loss(msgspec.Struct, frozen=True):
    """How many echo requests to one neighbour of ours were lost lately, on the way there or back."""

    hardif: str
    mac: str
    asked: int  # the last requests that count, at most sensors/lossmeter.py's WINDOW
    lost: int  # of these
    spells: int  # runs of lost ones among them: many where packets are lost singly, one where a link is cut
    answer_age: float | None = None  # seconds since the last answer, None: none yet


class Report(msgspec.Struct, frozen=True):
    """What another node said over bat0 about a link we share or a trouble it sees (a hint)."""

    node: str
    kind: (
        str  # "one-way": it hears the subject, not the reverse; "link-dead", "node-dead": it does not hear it
    )
    subject_mac: str  # the MAC (of ours or of a third) it speaks of
    about_mac: str  # its own interface on that link
    age: float
