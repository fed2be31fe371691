# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the loop. These words mean the same everywhere (DESIGN: Sample > ... > Outcome).

All values are frozen. `at` is monotonic seconds of this machine, `wall` is Unix time for people and records.
A *subject* names what a fault is about, most general first, e.g. `hardif/e2`, `hardif/e2/02:78:30:02:00:01`,
`node/02:78:30:00:00:03`, `service/mosquitto`. Two faults with one subject, or with one that lies within the
other, are never acted on at the same time.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from agent.hostreadings import Host
from agent.readings import Echo, Link, Loss, Mesh, Peer, Radio, Report, Service, Twin, Uplink, Wanted
from agent.securityreadings import Security


class Sample(msgspec.Struct, frozen=True):
    """One reading of one sensor, or why there is none."""

    sensor: str
    at: float
    reading: Any = None
    error: str = ""  # what failed and how to mend it; "" when the reading is good


class Snapshot(msgspec.Struct, frozen=True):
    """The newest reading of every sensor; a missing one is None and named in `errors`."""

    at: float
    wall: float
    links: tuple[Link, ...] | None = None
    mesh: Mesh | None = None
    radios: tuple[Radio, ...] | None = None
    host: Host | None = None
    services: tuple[Service, ...] | None = None
    uplink: Uplink | None = None  # a gateway's way out
    wanted: tuple[Wanted, ...] | None = None  # what the configuration wants of the mesh interfaces
    security: Security | None = None  # of the links; None where they are not secured
    peers: tuple[Peer, ...] = ()
    echoes: tuple[Echo, ...] = ()
    losses: tuple[Loss, ...] = ()
    reports: tuple[Report, ...] = ()
    twins: tuple[Twin, ...] = ()
    names: dict[str, str] = {}  # originator > node name, as agents tell each other: hello/names.py
    errors: dict[str, str] = {}  # sensor > what failed


class Suspicion(msgspec.Struct, frozen=True):
    """An early sign, not yet a symptom: raises attention (bursts, probes), never a remedy."""

    fault: str
    subject: str
    why: str
    probe: tuple[str, str] | None = None  # (hardif, MAC) to ask by ICMPv6 echo


class Symptom(msgspec.Struct, frozen=True):
    """A fault's sign that has held long enough to be believed, with its evidence."""

    fault: str
    subject: str
    onset: float  # monotonic seconds, best estimate of when it began
    evidence: dict[str, str]  # what was seen, in words and units; shown to the technician as it is


class Diagnosis(msgspec.Struct, frozen=True):
    """The fault believed to explain a subject's symptoms."""

    id: str  # unique per episode
    fault: str
    subject: str
    onset: float
    at: float
    evidence: dict[str, str]
    explains: tuple[str, ...] = ()  # other fault ids on this subject it makes superfluous
    sentence: str = ""  # one sentence a technician understands


class Scope(enum.StrEnum):
    """Whom an action touches."""

    NODE = "node"
    NEIGHBOURS = "neighbours"
    MESH = "mesh"


class Remedy(msgspec.Struct, frozen=True):
    """One rung of a ladder, ready to be carried out."""

    action: str  # id of the action in agent/remedies/
    subject: str
    args: dict[str, str]
    scope: Scope = Scope.NODE
    deadline: float = 10.0  # seconds after the act by which the fault must be verified as contained or healed


class Verdict(enum.StrEnum):
    """What was decided about a diagnosis."""

    ACT = "act"
    WAIT = "wait"  # a precondition, a cool-down or the budget forbids it now
    OBSERVE = "observe"  # mode observe, paused, or not healthy yet: said, not done
    NOTHING = "nothing"  # no rung is left or fits: a person must look


class Decision(msgspec.Struct, frozen=True):
    """What is done about a diagnosis, and why, in one sentence."""

    diagnosis: str
    verdict: Verdict
    remedy: Remedy | None
    sentence: str
    at: float
    reason: str = ""  # why not now, as a word: "cooling", "budget", "refused", ...
    not_before: float | None = None  # monotonic seconds of the next try, None where no time can be told


class Result(enum.StrEnum):
    """How an episode or an action ended."""

    HEALED = "healed"  # the fault is gone
    CONTAINED = "contained"  # traffic flows around it; the cause is still there
    FAILED = "failed"  # the deadline passed; the action was rolled back
    GONE = "gone"  # the fault went away by itself
    ERROR = "error"  # the action could not be carried out


class Outcome(msgspec.Struct, frozen=True):
    """What came of a decision."""

    diagnosis: str
    fault: str
    subject: str
    action: str  # "" where nothing was done
    result: Result
    sentence: str
    at: float
    after_onset: float  # seconds from the fault's onset
    evidence: dict[str, str] = {}


class Subject:
    """How subjects are built and compared."""

    @staticmethod
    def hardif(name: str, mac: str = "") -> str:
        """`hardif/NAME` or `hardif/NAME/MAC`."""
        return f"hardif/{name}/{mac}" if mac else f"hardif/{name}"

    @staticmethod
    def node(mac: str) -> str:
        """`node/MAC` of the originator."""
        return f"node/{mac}"

    @staticmethod
    def service(name: str) -> str:
        """`service/NAME`."""
        return f"service/{name}"

    @staticmethod
    def gateway(mac: str = "self") -> str:
        """`gateway/MAC` of another node, `gateway/self` of this one."""
        return f"gateway/{mac}"

    @staticmethod
    def mesh(name: str) -> str:
        """`mesh/NAME`: the mesh as a whole."""
        return f"mesh/{name}"

    @staticmethod
    def host(part: str) -> str:
        """`host/PART`: disk, memory, clock, root, heat, power, neighbour-table."""
        return f"host/{part}"

    @staticmethod
    def overlap(a: str, b: str) -> bool:
        """Is one of the two within the other (or the same)?"""
        return a == b or a.startswith(b + "/") or b.startswith(a + "/")
