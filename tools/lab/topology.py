# SPDX-License-Identifier: Apache-2.0
"""Topologies: which nodes, which links, of which quality. Pure; read from a short text or a YAML file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tools.lab.errors import UsageError

MAX_NODES = 64  # a machine of 1.5 GB holds about this many namespaces without agents
MAX_RADIO_EDGES = 62  # one bit each of hwsim's 64-bit group, one is "nobody"
KINDS = ("wire", "radio", "cable")
RATE = re.compile(r"^(\d+(?:\.\d+)?)\s*([kmg]?)bit$", re.IGNORECASE)
FACTOR = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class Link:
    """An edge. `a` < `b` are node numbers from 1; delay, loss and rate hold in each direction, 0: unshaped.

    `parallel` counts edges of the same pair and kind from 0. A cable joins two machines.
    """

    a: int
    b: int
    kind: str = "wire"
    delay_ms: float = 0.0
    loss_percent: float = 0.0
    rate_bit: int = 0
    parallel: int = 0

    def device(self, node: int) -> str:
        """Return the device's name in node `node`: e<M> towards nM, the second parallel wire e<M>b."""
        if self.kind == "radio":
            return "wlan0"
        return f"e{self.other(node)}{chr(ord('a') + self.parallel) if self.parallel else ''}"

    def other(self, node: int) -> int:
        """Return the other end's number."""
        return self.b if node == self.a else self.a

    def mac(self, node: int) -> str:
        """Return the device's address in node `node`: locally administered, unique in the lab."""
        return f"02:78:30:{node:02x}:{self.other(node):02x}:{self.parallel:02x}"


@dataclass(frozen=True)
class Topology:
    """`text` as it was asked for; nodes are 1..count; `machines`: every node is a machine of its own."""

    text: str
    count: int
    links: tuple[Link, ...]
    machines: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the nodes' names."""
        return tuple(f"n{number}" for number in range(1, self.count + 1))

    def links_of(self, node: int) -> list[tuple[int, Link]]:
        """Return the links of a node with their numbers."""
        return [(i, link) for i, link in enumerate(self.links) if node in (link.a, link.b)]

    def between(self, a: int, b: int) -> list[tuple[int, Link]]:
        """Return the links between two nodes with their numbers."""
        return [(i, link) for i, link in self.links_of(a) if b in (link.a, link.b)]

    def number(self, name: str) -> int:
        """Return the number of a node's name. Raises UsageError."""
        if name not in self.names:
            raise UsageError(f"no node {name!r}: {self.text} has {', '.join(self.names)}")
        return int(name[1:])


Pairs = list[tuple[int, int]]


def line(count: int) -> Pairs:
    """Return n1-n2-...-nN."""
    return [(k, k + 1) for k in range(1, count)]


def ring(count: int) -> Pairs:
    """Return the line with its ends joined."""
    return [*line(count), (1, count)] if count > 2 else line(count)


def star(count: int) -> Pairs:
    """Return n1 in the middle."""
    return [(1, k) for k in range(2, count + 1)]


def full(count: int) -> Pairs:
    """Return everyone with everyone."""
    return [(a, b) for a in range(1, count + 1) for b in range(a + 1, count + 1)]


def grid(rows: int, columns: int) -> Pairs:
    """Return a grid numbered row by row."""
    right = [(r * columns + c, r * columns + c + 1) for r in range(rows) for c in range(1, columns)]
    down = [(r * columns + c, (r + 1) * columns + c) for r in range(rows - 1) for c in range(1, columns + 1)]
    return sorted(right + down)


SHAPES: dict[str, Callable[[int], Pairs]] = {"line": line, "ring": ring, "star": star, "full": full}
FORMS = "line:N ring:N star:N full:N grid:RxC radio:N[:line|ring|star|full] vm:N[:SHAPE] or a YAML file"


def parse(text: str) -> Topology:
    """Read a topology from its short form or from the YAML file it names. Raises UsageError."""
    word, _, rest = text.partition(":")
    if word == "grid" and (match := re.fullmatch(r"(\d+)x(\d+)", rest)):
        rows, columns = int(match[1]), int(match[2])
        return _checked(text, rows * columns, [Link(a, b) for a, b in grid(rows, columns)])
    if word in SHAPES and rest.isdecimal():
        return _checked(text, int(rest), [Link(a, b) for a, b in SHAPES[word](int(rest))])
    if word in ("radio", "vm"):
        number, _, shape = rest.partition(":")
        shape = shape or ("ring" if word == "radio" else "line")
        if number.isdecimal() and shape in SHAPES:
            kind = "radio" if word == "radio" else "cable"
            pairs = SHAPES[shape](int(number))
            return _checked(text, int(number), [Link(a, b, kind) for a, b in pairs], machines=word == "vm")
    path = Path(text)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return from_mapping(text, yaml.safe_load(path.read_text()))
    raise UsageError(f"topology {text!r} is neither a form nor a file; forms: {FORMS}")


def from_mapping(text: str, data: object) -> Topology:
    """Read {nodes: N, machines, links: [{a, b, kind, delay_ms, loss_percent, rate}]}. Raises UsageError."""
    if not isinstance(data, Mapping) or not isinstance(data.get("links"), list):
        raise UsageError(f"{text}: a topology has `nodes: N` and a list `links`")
    unknown = set(data) - {"nodes", "links", "machines"}
    if unknown:
        raise UsageError(
            f"{text}: unknown key {', '.join(sorted(map(str, unknown)))}; known: nodes, links, machines"
        )
    count = data.get("nodes")
    if not isinstance(count, int):
        raise UsageError(f"{text}: `nodes` is the number of nodes, found {count!r}")
    machines = bool(data.get("machines", False))
    links = [_link(text, i, entry, machines=machines) for i, entry in enumerate(data["links"], 1)]
    return _checked(text, count, links, machines=machines)


def _link(text: str, number: int, entry: object, *, machines: bool) -> Link:
    where = f"{text}: link {number}"
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where}: a link is {{a: n1, b: n2, ...}}, found {entry!r}")
    unknown = set(entry) - {"a", "b", "kind", "delay_ms", "loss_percent", "rate"}
    if unknown:
        raise UsageError(f"{where}: unknown key {', '.join(sorted(map(str, unknown)))}")
    ends = sorted(_node_number(where, entry.get(key)) for key in ("a", "b"))
    kind = entry.get("kind", "cable" if machines else "wire")
    if kind not in KINDS or (kind == "cable") != machines:
        raise UsageError(
            f"{where}: kind {kind!r}; machines are joined by cables, namespaces by wire or radio"
        )
    return Link(
        *(ends[0], ends[1], kind),
        delay_ms=_amount(where, entry, "delay_ms", 60_000),
        loss_percent=_amount(where, entry, "loss_percent", 100),
        rate_bit=_rate(where, entry.get("rate", 0)),
    )


def _node_number(where: str, name: object) -> int:
    if isinstance(name, str) and re.fullmatch(r"n[1-9]\d*", name):
        return int(name[1:])
    raise UsageError(f"{where}: an end is a node's name such as n1, found {name!r}")


def _amount(where: str, entry: Mapping[str, Any], key: str, most: float) -> float:
    value = entry.get(key, 0)
    if not isinstance(value, int | float) or not 0 <= value <= most:
        raise UsageError(f"{where}: {key} is a number from 0 to {most:g}, found {value!r}")
    return float(value)


def _rate(where: str, value: object) -> int:
    if value == 0:
        return 0
    match = RATE.fullmatch(str(value))
    if match is None:
        raise UsageError(f"{where}: rate is written like 20mbit, found {value!r}")
    return int(float(match[1]) * FACTOR[match[2].lower()])


def _checked(text: str, count: int, links: list[Link], *, machines: bool = False) -> Topology:
    if not 1 <= count <= MAX_NODES:
        raise UsageError(f"{text}: {count} nodes; possible are 1 to {MAX_NODES}")
    numbered: list[Link] = []
    seen: dict[tuple[int, int, str], int] = {}
    # radios first: a radio edge's number is its bit in hwsim's group
    for link in sorted(links, key=lambda each: each.kind != "radio"):
        if link.a == link.b or link.b > count:
            raise UsageError(f"{text}: no link n{link.a} - n{link.b} among {count} nodes")
        key = (link.a, link.b, link.kind)
        parallel = seen.get(key, 0)
        seen[key] = parallel + 1
        if link.kind == "radio" and parallel:
            raise UsageError(f"{text}: n{link.a} and n{link.b} have one radio each: one radio link at most")
        numbered.append(replace(link, parallel=parallel))
    if sum(link.kind == "radio" for link in numbered) > MAX_RADIO_EDGES:
        raise UsageError(f"{text}: at most {MAX_RADIO_EDGES} radio links")
    return Topology(text, count, tuple(numbered), machines)
