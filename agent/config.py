# SPDX-License-Identifier: Apache-2.0
"""The configuration as frozen structs: the one place for defaults, bounds, units and their words.

`load(path)` is the one way in. Checks, `docs/configuration.md` and the messages of `x0 config check` all come
from the annotations below, so that they cannot disagree. What spans several fields: `agent/configchecks.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.configgateway import Gateway
from agent.confighealing import Healing
from agent.configidentity import Identity
from agent.configpolicy import Policy
from agent.configsecurity import LINK_SECURITY, Links, LinkSecurity
from agent.configservices import Service
from agent.configtypes import (
    COUNTRY_WORDS,
    MAC_PATTERN,
    MAC_WORDS,
    MIN_MTU,
    NAME_PATTERN,
    NAME_WORDS,
    AbsolutePath,
    Auto,
    HostPort,
    IfName,
    Kbit,
    Measure,
    Port,
    SocketPath,
    Text,
    about,
)


class Node(Struct, frozen=True, forbid_unknown_fields=True):
    """Who this node is and where it keeps its state."""

    name: Annotated[
        str,
        Meta(pattern=NAME_PATTERN, extra=NAME_WORDS),
        about("The node's name; a host name's rules hold."),
    ]
    location: Annotated[
        str, Meta(max_length=100), about("Where it hangs, in a technician's words; shown on the page.")
    ] = ""
    state_dir: Annotated[AbsolutePath, about("Folder of knowledge.db and undo.journal.")] = "/var/lib/x0"
    control_socket: Annotated[SocketPath, about("Socket of the `x0` command.")] = "/run/x0/agent.sock"


class Interface(Struct, frozen=True, forbid_unknown_fields=True):
    """One mesh interface. `mode`, `mesh_id`, `frequency` and `country` concern radios only."""

    name: Annotated[IfName, about("The interface's name in the kernel.")]
    kind: Annotated[Literal["wire", "radio"], about("A cable (or its like) or a Wi-Fi radio.")] = "wire"
    throughput: Annotated[
        Auto | Measure | Kbit,
        about(
            "Throughput batman-adv takes for a wire; auto: the link's own speed; measure: what a test of "
            "0.4 s carries, when the wire comes and then daily.",
            "kbit/s",
        ),
    ] = "auto"
    mode: Annotated[
        Literal["auto", "mesh", "ibss"], about("802.11s or IBSS; auto: 802.11s where the driver has it.")
    ] = "auto"
    mesh_id: Annotated[
        str, Meta(min_length=1, max_length=32, description="802.11s mesh id or IBSS SSID.")
    ] = "x0"
    frequency: Annotated[
        Annotated[int, Meta(ge=2412, le=7115)] | None,
        about("Centre of the radio's channel. Needed for a radio.", "MHz"),
    ] = None
    country: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Z]{2}$", extra=COUNTRY_WORDS)] | None,
        about("Country whose radio rules hold, ISO 3166. Empty: leave the kernel's as it is."),
    ] = None


class Mesh(Struct, frozen=True, forbid_unknown_fields=True):
    """The batman-adv mesh this node is part of."""

    name: Annotated[IfName, about("Name of the batman-adv interface.")] = "bat0"
    enabled: Annotated[bool, about("Set the mesh up and keep it so; false: read only, set nothing up.")] = (
        True
    )
    primary: Annotated[IfName, about("Dummy interface that carries the node's identity in the mesh.")] = (
        "x0prim"
    )
    primary_mac: Annotated[
        str,
        Meta(pattern=MAC_PATTERN, extra=MAC_WORDS),
        about("MAC of the primary; auto: from machine id and name."),
    ] = "auto"
    address: Annotated[tuple[Text, ...], about("Addresses on the mesh interface, each ADDRESS/PREFIX.")] = ()
    interfaces: Annotated[
        Annotated[tuple[Interface, ...], Meta(max_length=32)], about("Interfaces the mesh runs over.")
    ] = ()
    ogm_interval: Annotated[
        Auto | Annotated[int, Meta(ge=40, le=10_000)],
        about("Time between originator messages; auto: the shortest the airtime budget allows.", "ms"),
    ] = "auto"
    elp_interval: Annotated[
        Auto | Annotated[int, Meta(ge=20, le=10_000)],
        about("Time between echo location packets, which measure links; auto: half the OGM interval.", "ms"),
    ] = "auto"
    airtime_budget: Annotated[
        int,
        about(
            "Batman-adv control traffic a wire should carry at rest, not below batman-adv's defaults.",
            "bytes/s",
            ge=200,
            le=1_000_000,
        ),
    ] = 4_000
    haste_per_minute: Annotated[
        int, about("How often OGMs may be hastened (3 s each) when a link is in doubt.", ge=1, le=20)
    ] = 6
    hop_penalty: Annotated[int, about("Metric lost per hop, of 255.", ge=0, le=255)] = 30
    mtu: Annotated[int, about("Least MTU wanted on mesh interfaces.", "bytes", ge=MIN_MTU, le=65_535)] = (
        MIN_MTU
    )
    gateway: Annotated[Gateway, about("Gateway mode.")] = Gateway()
    lan_bridged: Annotated[bool, about("A LAN is bridged into the mesh: bridge loop avoidance is on.")] = (
        False
    )
    bonding: Annotated[bool, about("Spread traffic over equally good radios; not over wires.")] = False


class Hello(Struct, frozen=True, forbid_unknown_fields=True):
    """The agents' link-local hello."""

    interval: Annotated[float, about("Time between hellos on an interface.", "s", ge=0.1, le=60.0)] = 1.0
    port: Annotated[Port, about("UDP port of the hello; the same on every node.")] = 7077


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    """Status page, /metrics and /healthz."""

    enabled: Annotated[bool, about("Serve them.")] = True
    listen: Annotated[HostPort, about("HOST:PORT to listen on; an IPv6 host in brackets.")] = "0.0.0.0:8080"
    pin_file: Annotated[
        AbsolutePath | None,
        about("File of the device PIN, written by `x0 pin set`. Empty: `pin` in node.state_dir."),
    ] = None
    actions_from: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=32)],
        about("Networks that may act, each ADDRESS/PREFIX. Empty: private ones and the node's own."),
    ] = ()


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, to standard output."""

    level: Annotated[Literal["debug", "info", "warning", "error"], about("Least level that is logged.")] = (
        "info"
    )
    format: Annotated[Literal["json", "text"], about("One JSON object a line, or plain text.")] = "json"


class Sensors(Struct, frozen=True, forbid_unknown_fields=True):
    """What the sensors look at."""

    disk_path: Annotated[AbsolutePath, about("A path on the file system whose free space is watched.")] = "/"


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a node is told."""

    node: Annotated[Node, about("Who this node is and where it keeps its state.")]
    mode: Annotated[Literal["observe", "heal"], about("Observe: say what would be done. Heal: do it.")] = (
        "observe"
    )
    mesh: Annotated[Mesh, about("The batman-adv mesh.")] = Mesh()
    link_security: Annotated[LinkSecurity, LINK_SECURITY] = "auto"
    links: Annotated[Links, about("How links are secured.")] = Links()
    hello: Annotated[Hello, about("The agents' link-local hello.")] = Hello()
    identity: Annotated[Identity, about("The node's place in its mesh of certificates.")] = Identity()
    healing: Annotated[Healing, about("How much and how often the agent may act.")] = Healing()
    services: Annotated[
        Annotated[tuple[Service, ...], Meta(max_length=64)], about("Services this node must run.")
    ] = ()
    web: Annotated[Web, about("Status page, /metrics and /healthz.")] = Web()
    policy: Annotated[Policy, about("Who may do what, beside the built-in table.")] = Policy()
    log: Annotated[Log, about("What is logged.")] = Log()
    sensors: Annotated[Sensors, about("What the sensors look at.")] = Sensors()


class Problem(Struct, frozen=True):
    """One mistake: where, what was found, what is allowed, how to mend. Lines and columns from 1."""

    file: str
    line: int
    column: int
    key: str  # dotted, e.g. mesh.interfaces[1].name; "" for the file as a whole
    found: str
    allowed: str
    mend: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}: {key}found {self.found}, allowed {self.allowed}. Mend: {self.mend}"


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` names every mistake, in the file's order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(path: str | Path) -> Config:
    """Read, check and return the configuration in `path`; raises ConfigError with every mistake found."""
    from agent.configfile import load_file  # late: the YAML parser is needed only here

    return load_file(Path(path))


def host_port(text: str) -> tuple[str, int]:
    """("127.0.0.1", 80) of "127.0.0.1:80", ("::1", 80) of "[::1]:80"; ValueError where it is neither."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed) or host == "[]":
        raise ValueError("not HOST:PORT")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError("the port is not between 1 and 65535")
    return (host[1:-1] if bracketed else host), int(port)
