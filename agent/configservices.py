# SPDX-License-Identifier: Apache-2.0
"""`services` of the configuration (agent/config.py): what must run on this node, and how it is asked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from agent.configtypes import SERVICE_PATTERN, SERVICE_WORDS, Argument, HostPort, SocketPath, Text, about


class Probe(Struct, frozen=True, forbid_unknown_fields=True):
    """How a service is asked whether it answers; exactly one key."""

    tcp: Annotated[HostPort | None, about("HOST:PORT must accept a connection.")] = None
    mqtt: Annotated[HostPort | None, about("HOST:PORT must answer CONNECT with CONNACK.")] = None
    unix: Annotated[SocketPath | None, about("Path of a unix socket that must accept a connection.")] = None
    http: Annotated[Text | None, about("URL on loopback that must answer with a status below 500.")] = None
    process: Annotated[Text | None, about("Name of a process that must exist.")] = None

    def target(self) -> tuple[str, str]:
        """(kind, target), e.g. ("mqtt", "127.0.0.1:1883")."""
        return next((k, v) for k in self.__struct_fields__ if (v := getattr(self, k)) is not None)


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """A service this node must run: a systemd unit or a command the agent starts; exactly one of the two."""

    name: Annotated[
        str, Meta(pattern=SERVICE_PATTERN, extra=SERVICE_WORDS), about("The service's name here.")
    ]
    unit: Annotated[Text | None, about("Systemd unit that runs it.")] = None
    command: Annotated[
        Annotated[tuple[Argument, ...], Meta(max_length=64)],
        about("Program and arguments the agent starts by itself; survives the agent."),
    ] = ()
    probe: Annotated[Probe | None, about("How to ask whether it answers.")] = None
