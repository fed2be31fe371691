# SPDX-License-Identifier: Apache-2.0
"""Checks of `identity` that span several fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.configidentity import Identity

if TYPE_CHECKING:
    from agent.configwalk import Walk

HostPortCheck = Callable[[str, str, str, "Walk"], None]
MESH = ("identity.mesh",)
NEEDS_MESH = ("bundle", "token", "issuer", "issuer_dir", "listen", "issuers")
OF_ISSUERS = ("issuer_dir", "listen", "svid_life")


def check(identity: Identity, walk: Walk, host_port: HostPortCheck) -> None:
    """Report all that does not fit together. `host_port(key, text, example, walk)` checks an address."""
    _mesh(identity, walk)
    _bundle(identity, walk)
    _issuer(identity, walk)
    _ports(identity, walk)
    _addresses(identity, walk, host_port)


def _mesh(identity: Identity, walk: Walk) -> None:
    if identity.mesh is not None:
        if identity.bundle is None:
            mend = "add bundle: with the line `x0 mesh show --bundle` prints, in single quotes, or a path"
            walk.problem("identity.bundle", "a mesh without bundle", "whom to trust", mend, MESH)
        return
    for name in NEEDS_MESH:
        if getattr(identity, name):
            mend = f"add mesh: with the mesh's name, or delete {name}"
            walk.problem(f"identity.{name}", f"{name} without mesh", "only with mesh", mend, MESH)
            return


def _bundle(identity: Identity, walk: Walk) -> None:
    text = (identity.bundle or "").strip()
    if not text.startswith("{"):
        return
    try:
        found = json.loads(text)
        whole = isinstance(found, dict) and isinstance(found.get("keys"), list) and bool(found["keys"])
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        mend = "paste the line `x0 mesh show --bundle` prints, whole, in single quotes"
        walk.problem("identity.bundle", "a damaged bundle", "JSON with a list of keys", mend)


def _issuer(identity: Identity, walk: Walk) -> None:
    if identity.issuer:
        return
    for name in OF_ISSUERS:
        key = f"identity.{name}"
        if key in walk.places:
            mend = f"delete {name}, or set issuer: true"
            walk.problem(key, f"{name} on a node that does not issue", "only with issuer: true", mend)


def _ports(identity: Identity, walk: Walk) -> None:
    if identity.port == identity.issuer_port:
        key = "identity.issuer_port" if "identity.issuer_port" in walk.places else "identity.port"
        mend = "give them two ports: an issuer serves both"
        walk.problem(key, f"{identity.port} twice", "a port of its own", mend, ("identity.port",))


def _addresses(identity: Identity, walk: Walk, host_port: HostPortCheck) -> None:
    if identity.listen is not None:
        host_port("identity.listen", identity.listen, "0.0.0.0:7081", walk)
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(identity.issuers):
        key = f"{walk.item('identity.issuers', index)}.address"
        host_port(key, each.address, "[fd77::1]:7080", walk)
        if (each.name, each.address) in seen:
            walk.problem(key, f"{each.address} a second time", "each address once", "delete one of the two")
        seen.add((each.name, each.address))
