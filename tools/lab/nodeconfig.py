# SPDX-License-Identifier: Apache-2.0
"""The files of a node's /etc/x0: its configuration and its broker's. The one place that knows their shape."""

from typing import Any

import yaml

from tools.lab.errors import UsageError
from tools.lab.topology import Topology

PREFIX_LENGTH = 24
WIRE_KBIT = 1_000_000  # every wire alike: paths differ by hops, as on real cables of one speed
RADIO = "wlan0"
BROKER = """\
listener 1883 127.0.0.1
allow_anonymous true
persistence false
log_dest stderr
"""


# where systemd runs, the broker is the distribution's unit
SYSTEMD: dict[str, Any] = {
    "services": [
        {"name": "mosquitto", "unit": "mosquitto.service", "probe": {"mqtt": "127.0.0.1:1883"}},
    ]
}


def address(number: int) -> str:
    """Return the address of bat0 of node `number`."""
    return f"10.77.0.{number}"


def mesh_interfaces(topology: Topology, number: int) -> list[str]:
    """Return the names of a node's mesh interfaces, in its configuration's order."""
    links = [link for _, link in topology.links_of(number)]
    wires = [link.device(number) for link in links if link.kind != "radio"]
    return wires + [RADIO] * any(link.kind == "radio" for link in links)


def configuration(topology: Topology, number: int, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return what stands in a node's x0.yaml. An override `n3:a.b` holds for n3 alone, `a.b` for all."""
    interfaces: list[dict[str, Any]] = [
        {"name": name, "kind": "radio", "mesh_id": "x0lab", "frequency": 2412}
        if name == RADIO
        else {"name": name, "kind": "wire", "throughput": WIRE_KBIT}
        for name in mesh_interfaces(topology, number)
    ]
    config: dict[str, Any] = {
        "node": {"name": f"n{number}"},
        "mode": "heal",
        "mesh": {"address": [f"{address(number)}/{PREFIX_LENGTH}"], "interfaces": interfaces},
        "services": [
            {
                "name": "mosquitto",
                "command": ["mosquitto", "-c", "/etc/x0/mosquitto.conf"],
                "probe": {"mqtt": "127.0.0.1:1883"},
            }
        ],
    }
    for key, value in overrides.items():
        node, colon, path = key.partition(":")
        if colon:
            if topology.number(node) == number:  # UsageError for a node there is not
                put(config, path, value)
        else:
            put(config, key, value)
    return config


def put(config: dict[str, Any], path: str, value: object) -> None:
    """Set `a.b.c` in nested mappings. Raises UsageError where a part is no mapping."""
    *above, last = path.split(".")
    place = config
    for part in above:
        below = place.setdefault(part, {})
        if not isinstance(below, dict):
            raise UsageError(f"--set {path}: {part} is no section")
        place = below
    place[last] = value


def parse_setting(text: str) -> tuple[str, Any]:
    """Read `a.b=VALUE` or `n3:a.b=VALUE`, the value in YAML. Raises UsageError."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise UsageError(f"--set {text!r}: write it as section.key=value or NODE:section.key=value")
    return path, yaml.safe_load(value)


def files(topology: Topology, number: int, overrides: dict[str, Any]) -> dict[str, str]:
    """Return the files of a node's /etc/x0 by name."""
    config = configuration(topology, number, overrides)
    return {"x0.yaml": yaml.safe_dump(config, sort_keys=False), "mosquitto.conf": BROKER}
