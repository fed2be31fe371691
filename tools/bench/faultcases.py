# SPDX-License-Identifier: Apache-2.0
"""Which faults are injected for the fault table, in which lab, and what the agents should make of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.lab import internet
from tools.lab.faults.clock_wrong import AHEAD_S
from tools.lab.faults.thermal import HEAT

PARALLEL = Path(__file__).with_name("parallel.yaml")  # two nodes, two wires between them


@dataclass(frozen=True)
class Case:
    """One fault. `names`: what the agents may call it; `teller`: the node that is to find it, None: any."""

    fault: str
    node: str
    peer: str | None = None
    names: tuple[str, ...] = ()
    first_as: tuple[str, ...] = ()  # what it may be treated as before it has its right name
    teller: str | None = None
    step: str = ""  # the action that mends it; "": the first one against it
    acts: bool = True  # False: recognised and said, nothing is done
    cure: str = ""  # shell words that take the cause away, "" where the step does
    choose: bool = False  # the teller's kernel chooses its gateway anew first: the best one
    ahead: float = 0.0  # s the teller's log is ahead until it is mended
    count: int = 1  # injections
    within: float = 60.0  # s to find it, and again to mend it

    @property
    def known_as(self) -> tuple[str, ...]:
        """The names it may get."""
        return self.names or (self.fault,)

    @property
    def treated_as(self) -> tuple[str, ...]:
        """The names under which a step against it may be taken."""
        return (*self.known_as, *self.first_as)


@dataclass(frozen=True)
class Scene:
    """A lab and the faults injected in it one after the other. `topology` may be a file's path."""

    topology: str
    cases: tuple[Case, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()  # nodes that get an Internet of their own
    settle: float = 0.0  # s before the first one: nodes must have been known for a minute to be missed


SCENES = (
    Scene(
        "ring:6",
        (
            Case("link-dead", "n2", "n3", first_as=("one-way", "node-dead"), count=3),
            Case("one-way", "n4", "n5", first_as=("link-dead", "node-dead"), count=3),
            Case("node-dead", "n6", first_as=("link-dead", "one-way"), count=3),
            Case("hardif-missing", "n3", "n4", teller="n3", count=3),
            Case("service-dead", "n1", teller="n1", count=3),
            Case("service-hung", "n2", names=("service-dead",), teller="n2", count=3),
            Case("link-flapping", "n6", "n1", names=("link-dead", "one-way")),
            Case("link-lossy", "n5", "n6", within=120.0),
            Case("link-fading", "n2", "n3", names=("link-lossy",), within=200.0),
            Case("mtu-small", "n3", "n4", teller="n3"),
            Case("metric-wrong", "n4", "n5", teller="n4"),
            Case("mac-duplicate", "n2", "n3", teller="n2"),
            Case("mac-stolen", "n5", "n4", names=("mac-duplicate",), acts=False),
            Case("mesh-if-down", "n5", names=("mesh-if-missing",), teller="n5"),
            Case("mesh-if-missing", "n1", teller="n1"),
        ),
    ),
    Scene(
        "ring:6",
        (
            Case("gw-no-internet", "n1", teller="n1", step="withdraw-gateway", within=120.0),
            Case(
                "gw-no-names",
                "n4",
                names=("gw-no-internet",),
                teller="n4",
                step="withdraw-gateway",
                within=120.0,
            ),
            Case("gw-stale", "n1", teller="n3", step="leave-gateway", choose=True, within=120.0),
            Case("partition", "n3", "n5", teller="n1", acts=False),
        ),
        {
            "mesh.gateway.mode": "client",
            **internet.gateway("n1", down=20_000),
            **internet.gateway("n4", down=10_000),
        },
        ("n1", "n4"),
        settle=65.0,
    ),
    Scene(str(PARALLEL), (Case("wire-dead", "n1", "n2", names=("link-dead",)),), {"mesh.bonding": True}),
    Scene(  # clock, memory, root and neighbour tables are a machine's, not a namespace's
        "vm:2",
        (
            Case("disk-full", "n1", teller="n1", step="drop-old-logs"),
            Case("thermal", "n2", teller="n2", step="rest", cure=f"echo 60000 >{HEAT}", within=120.0),
            Case("neigh-overflow", "n1", teller="n1", step="raise-neighbour-limit", within=120.0),
            Case("memory-pressure", "n2", teller="n2", step="restart-service", within=300.0),
            Case("clock-wrong", "n1", teller="n1", step="set-clock-back", ahead=AHEAD_S),
            Case("root-readonly", "n2", teller="n2", acts=False),
        ),
        {"node.state_dir": "/run/x0-state"},  # beside the root, which is made read-only
    ),
    Scene(  # another node each: what returns is treated later each time
        "radio:4:ring",
        (
            Case("one-way", "n1", "n2", step="mute-neighbour"),
            Case("wifi-deaf", "n4", teller="n4", step="scan-radio", within=300.0),
            # once the radio hears again it is its mesh that is missing: both names lead to the same steps
            Case(
                "wifi-deaf-hard",
                "n2",
                names=("wifi-deaf",),
                first_as=("mesh-lost-ap-ok",),
                teller="n2",
                step="rejoin-mesh",
                within=150.0,
            ),
            Case(
                "wifi-deaf-stuck",
                "n3",
                names=("wifi-deaf",),
                first_as=("mesh-lost-ap-ok",),
                teller="n3",
                step="restart-radio",
                within=300.0,
            ),
            Case("mesh-lost-ap-ok", "n1", teller="n1", step="rejoin-mesh", within=300.0),
            Case("radio-missing", "n4", names=("mesh-if-missing",), teller="n4"),
        ),
    ),
)
