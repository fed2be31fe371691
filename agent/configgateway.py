# SPDX-License-Identifier: Apache-2.0
"""`mesh.gateway` of the configuration (agent/config.py): gateways and what they ask of their way out."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.configtypes import IfName, Kbit, Text, about, words

MAX_TARGETS = 4  # of a kind: they are asked every second while one is silent
DNS_NAME = r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$"  # noqa: E501
DNS_WORDS = words("a DNS name of at most 253 letters, digits, - and .", "write it like example.com")

Targets = Annotated[tuple[Text, ...], Meta(max_length=MAX_TARGETS)]


class Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    """Batman-adv's gateway mode. All but `mode` concern servers only."""

    mode: Annotated[
        Literal["off", "client", "server"], about("Offer a way out, look for one, or neither.")
    ] = "off"
    down: Annotated[
        Kbit, about("Download speed of a server's uplink; announced, or with balance what is free.", "kbit/s")
    ] = 10_000
    up: Annotated[Kbit, about("Upload speed of a server's uplink, likewise.", "kbit/s")] = 2_000
    balance: Annotated[
        bool, about("Announce what the uplink has free, so that clients spread over several gateways.")
    ] = True
    uplink: Annotated[IfName | None, about("Interface of the way out. Empty: that of the default route.")] = (
        None
    )
    ping: Annotated[
        Targets,
        about("Addresses beyond the uplink that must answer ping. Empty: the default route's router."),
    ] = ()
    resolvers: Annotated[
        Targets, about("Addresses of DNS servers that must resolve. Empty: those of /etc/resolv.conf.")
    ] = ()
    resolve: Annotated[
        str,
        Meta(pattern=DNS_NAME, extra=DNS_WORDS),
        about("Name they are asked for; one with a short lifetime, which caches do not hide long."),
    ] = "example.com"
