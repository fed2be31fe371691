# SPDX-License-Identifier: Apache-2.0
"""A one-way link: the node hears nothing of its peer, the peer hears the node."""

from tools.lab.faults.base import Fault, Operation, Target, cut, run

PREFERENCE = 78  # our own place among the ingress filters, so that clearing removes ours only


def _peer_mac(target: Target) -> str:
    # mac80211_hwsim numbers its radios 02:00:00:00:NN:00 in the order the nodes got them
    assert target.peer is not None
    with_radio = sorted(
        {node for link in target.topology.links if link.kind == "radio" for node in (link.a, link.b)}
    )
    return f"02:00:00:00:{with_radio.index(target.peer):02x}:00"


def _inject(target: Target) -> list[Operation]:
    operations = []
    for number, link in target.links():
        if link.kind == "radio":
            # hwsim's groups are symmetric: what the peer sent is dropped before batman-adv sees it
            match = f"protocol all pref {PREFERENCE} flower src_mac {_peer_mac(target)} action drop"
            script = f"tc qdisc add dev wlan0 clsact 2>/dev/null; tc filter add dev wlan0 ingress {match}"
            operations.append(run(target, "sh", "-c", script))
        else:
            operations.append(cut("cut", number, target.node))
    return operations


def _clear(target: Target) -> list[Operation]:
    remove = ("tc", "filter", "del", "dev", "wlan0", "ingress", "pref", str(PREFERENCE))
    return [
        run(target, *remove) if link.kind == "radio" else cut("uncut", number, target.node)
        for number, link in target.links()
    ]


FAULT = Fault(
    id="one-way",
    what="--node hears nothing from --peer on their links, --peer still hears --node",
    peer=True,
    inject=_inject,
    clear=_clear,
)
