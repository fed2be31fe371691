# SPDX-License-Identifier: Apache-2.0
"""Which faults are injected for the fault table, in which lab, and what the agents should make of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tools.lab import internet


@dataclass(frozen=True)
class Case:
    """One fault. `names`: what the agents may call it; `teller`: the node that names it, None: any."""

    fault: str
    node: str
    peer: str | None = None
    names: tuple[str, ...] = ()
    teller: str | None = None
    count: int = 1  # injections
    acts: bool = True  # False: recognised and said, nothing is done
    named_s: float = 45.0  # slow faults must hold for some seconds, and are looked at every 5 to 10
    mended_s: float = 90.0

    @property
    def known_as(self) -> tuple[str, ...]:
        """The names it may get."""
        return self.names or (self.fault,)


@dataclass(frozen=True)
class Scene:
    """A lab and the faults injected in it one after the other."""

    topology: str
    cases: tuple[Case, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()  # nodes that get an Internet of their own


SCENES = (
    Scene(
        "ring:6",
        (
            Case("link-dead", "n2", "n3", count=3),
            Case("one-way", "n4", "n5", count=3),
            Case("node-dead", "n6", count=3),
            Case("hardif-missing", "n3", "n4", count=3),
            Case("service-dead", "n1", count=3),
            Case("service-hung", "n2", names=("service-dead",), count=3),
            Case("link-lossy", "n4", "n5"),
            Case("mtu-small", "n2", "n3"),
            Case("metric-wrong", "n3", "n4"),
            Case("mac-duplicate", "n5", "n6"),
            Case("mesh-if-down", "n2", names=("mesh-if-missing",)),
            Case("disk-full", "n3"),
            Case("thermal", "n5"),
            Case("mesh-if-missing", "n1"),
        ),
    ),
    Scene(
        "ring:6",
        (
            Case("gw-no-internet", "n1"),
            Case("gw-no-names", "n1", names=("gw-no-internet",)),
            Case("gw-stale", "n4", teller="n2"),
            Case("partition", "n3", "n5", acts=False, named_s=60.0),
        ),
        {
            "mesh.gateway.mode": "client",
            **internet.gateway("n1", down=20_000),
            **internet.gateway("n4", down=10_000),
        },
        ("n1", "n4"),
    ),
    Scene(
        "vm:2",
        (
            Case("neigh-overflow", "n1"),
            Case("memory-pressure", "n1", named_s=150.0, mended_s=120.0),
            Case("clock-wrong", "n2"),
            Case("root-readonly", "n2", acts=False),
        ),
        {"node.state_dir": "/run/x0-state"},
    ),
    Scene(
        "radio:4:ring",
        (
            Case("wifi-deaf", "n2", teller="n2", mended_s=120.0),
            Case("mesh-lost-ap-ok", "n3", teller="n3", mended_s=200.0),
            Case("radio-missing", "n4", names=("mesh-if-missing",), teller="n4"),
        ),
    ),
)
