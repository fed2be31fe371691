# SPDX-License-Identifier: Apache-2.0
"""A mesh whose links are encrypted: what the kernel has, what is on the wire, and that healing goes on.

Witnesses are `ip macsec show`, `batctl` and a packet socket on the wire, not the agents.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from typing import Any

import pytest
import yaml

from tests.lab.conftest import OFTEN
from tests.lab.flows import steady
from tests.lab.test_healing import (
    GAP_S,
    HEALED_S,
    KILLED_GAP_S,
    diagnosed,
    gap_after,
    healed,
    wait_whole,
)
from tests.lab.waits import best, until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.identities import SETTINGS, Authority
from tools.lab.lifecycle import wait_answer
from tools.lab.nodeconfig import configuration, mesh_interfaces
from tools.lab.ways import mesh_device

# Not in the core: two of them have not passed yet on a quiet machine, and all together take ten minutes.
pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

SECURED_S = 60.0  # four agents at once load their crypto libraries on two emulated cores
REVOKED_S = 5.0
REKEYS = 4
ANEW_S = 15.0  # a device made again: the keeper, a new run, a handshake
REFUSED_S = (
    60.0  # ten seconds' patience after the node speaks in clear, which it does when its agent has reloaded
)
CAPTURE_S = 20.0
LATE = 3  # pings: the kernels go on; that three Pythons start at once on two emulated cores delays some

# Ethertypes and, of IPv6, what it is: runs in a node.
CAPTURE = """
import collections, json, socket, struct, sys, time
device, seconds = sys.argv[1], float(sys.argv[2])
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind((device, 3))
link.settimeout(0.2)
seen, end = collections.Counter(), time.monotonic() + seconds
while time.monotonic() < end:
    try:
        frame = link.recv(4096)
    except TimeoutError:
        continue
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind != 0x86DD:
        seen[f"{kind:04x}"] += 1
        continue
    header, payload = frame[20], frame[54:]
    if header == 0:  # hop-by-hop options: MLD has them
        header, payload = payload[0], payload[8 * (payload[1] + 1):]
    if header == 58:
        seen[f"icmpv6/{payload[0]}"] += 1
    elif header in (6, 17):
        ports = struct.unpack_from("!HH", payload)
        seen[f"{'tcp' if header == 6 else 'udp'}/{7078 if 7078 in ports else ports}"] += 1
    else:
        seen[f"ipv6/{header}"] += 1
sys.stdout.write(json.dumps(seen))
"""
# 133 to 136: neighbour discovery; 130 to 132 and 143: multicast listeners; 7078: beacon and handshake
ALLOWED = re.compile(r"88e5|icmpv6/(13[0-6]|143)|(udp|tcp)/7078")


def wire(lab: Lab, node: str, peer: str) -> str:
    """The macsec device towards that neighbour."""
    return mesh_device(lab, node, f"e{peer[1:]}")


def links(lab: Lab, node: str) -> dict[str, Any]:
    with urllib.request.urlopen(lab.page(node, "/api/v1/status"), timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)["links"]
    return found


def reload(lab: Lab, node: str, changes: dict[str, Any]) -> None:
    """Give a node its configuration with changes, and have it read."""
    config = configuration(lab.topology, lab.topology.number(node), {**OFTEN, **SETTINGS, **changes})
    text = yaml.safe_dump(config, sort_keys=False)
    lab.request(lab.machine(node), {"op": "write", "node": node, "path": "x0.yaml", "text": text})
    lab.agent(node, "SIGHUP")


def all_secured(lab: Lab, nodes: tuple[str, ...] = ()) -> bool:
    """Does each node have each of its links encrypted?"""
    for node in nodes or lab.nodes:
        wanted = set(mesh_interfaces(lab.topology, lab.topology.number(node)))
        rows = links(lab, node)["links"]
        if {row["hardif"] for row in rows if row["state"] == "post-quantum"} != wanted:
            return False
    return True


def receives_from(lab: Lab, node: str, peer: str) -> bool:
    """Has the kernel a receive channel of that neighbour? By its address on the wire between them."""
    number, other = lab.topology.number(node), lab.topology.number(peer)
    ((_, link),) = lab.topology.between(number, other)
    shown = lab.exec(node, "ip", "macsec", "show", wire(lab, node, peer), check=False).stdout
    return f"RXSC: {link.mac(other).replace(':', '')}0001" in shown


def test_every_link_is_encrypted_and_batman_adv_knows_no_other(
    lab_secured4: Lab, authority: Authority
) -> None:
    lab = lab_secured4
    until(lambda: all_secured(lab), "all links are secured", SECURED_S)
    for node in lab.nodes:
        number = lab.topology.number(node)
        devices = [mesh_device(lab, node, name) for name in mesh_interfaces(lab.topology, number)]
        used = re.findall(
            r"^(\S+): active", lab.exec(node, "batctl", "meshif", "bat0", "interface").stdout, re.MULTILINE
        )
        assert sorted(used) == sorted(["x0prim", *devices])
        heard = lab.exec(node, "batctl", "meshif", "bat0", "neighbors", "-H").stdout
        assert set(re.findall(r"\[\s*(\w+)\]", heard)) == set(devices)
        for device in devices:
            shown = lab.exec(node, "ip", "macsec", "show", device).stdout
            for setting in ("protect on validate strict", "encrypt on send_sci on", "replay on window 64",
                            "cipher suite: GCM-AES-256, using ICV length 16", "state on, key"):  # fmt: skip
                assert setting in shown, shown
            assert len(re.findall(r"RXSC: \w+, state on", shown)) == 1
        peers = {row["peer"] for row in links(lab, node)["links"]}
        assert peers == {
            authority.peer(f"n{link.other(number)}") for _, link in lab.topology.links_of(number)
        }
    lab.exec("n1", "ping", "-n", "-c", "5", "-i", "0.2", "-s", "1400", "10.77.0.3")
    told = lab.exec("n1", "python3", "-m", "agent.cli.main", "links", env={"PYTHONPATH": "/src"})
    assert told.stdout.count("post-quantum") == 2


def test_the_wire_shows_nothing_but_macsec_and_what_makes_its_keys(lab_secured4: Lab) -> None:
    """While traffic flows, and a neighbour's agent restarts, which is a handshake."""
    lab = lab_secured4
    lab.traffic_start("n1", "n2")
    steady(lab, "n1-n2", 1.0)
    seen: dict[str, int] = {}

    def capture() -> None:
        done = lab.exec("n1", "python3", "-c", CAPTURE, "e2", str(CAPTURE_S), timeout=CAPTURE_S + 60)
        seen.update(json.loads(done.stdout))

    listener = threading.Thread(target=capture)
    listener.start()
    lab.agent("n2", "stop")
    lab.agent("n2", "start")
    listener.join()
    assert seen["88e5"] > 5 * CAPTURE_S, seen
    assert seen["tcp/7078"] > 10, seen
    assert seen["udp/7078"] > 1, seen
    assert [kind for kind in seen if not ALLOWED.fullmatch(kind)] == [], seen


def test_a_dead_link_is_healed_as_on_a_plain_wire(lab_secured4: Lab) -> None:
    lab = lab_secured4
    lab.traffic_start("n1", "n2")
    steady(lab, "n1-n2", 1.0)
    until(lambda: best(lab, "n1", "n2") == wire(lab, "n1", "n2"), "the wire is used", HEALED_S)
    made = lab.inject("link-dead", "n1", "n2")
    found = story.wait_for(lab, diagnosed("link-dead", "one-way"), made.at, 5.0, ("n1", "n2"))
    assert found.fields["subject"].startswith("hardif/e")
    steady(lab, "n1-n2")
    gap = gap_after(lab, "n1-n2", made.at)
    assert gap, "the cut was not on the way"
    assert gap <= GAP_S["link-dead"]
    lab.clear()
    cleared = time.time()
    for node in ("n1", "n2"):
        healed(lab, node, cleared)
    until(lambda: best(lab, "n1", "n2") == wire(lab, "n1", "n2"), "the wire is used again", HEALED_S)
    steady(lab, "n1-n2")


def test_an_agent_that_is_killed_comes_back_and_no_traffic_stops(lab_secured4: Lab) -> None:
    lab = lab_secured4
    until(lambda: all_secured(lab), "all links are secured", SECURED_S)
    lab.traffic_start("n1", "n3")
    steady(lab, "n1-n3", 1.0)
    killed = time.time()
    for node in ("n1", "n2", "n4"):
        lab.agent(node, "SIGKILL")
    story.wait_for(
        lab, lambda e: e.event == "link-security" and e.fields["kind"] == "up", killed, 60.0, ("n1",)
    )
    until(lambda: all_secured(lab), "all links are secured again", SECURED_S)
    steady(lab, "n1-n3")
    assert gap_after(lab, "n1-n3", killed) <= KILLED_GAP_S
    assert lab.traffic_report("n1-n3")["n1-n3"].lost <= LATE


def test_keys_change_under_traffic_as_often_as_a_reloaded_configuration_says(lab_secured4: Lab) -> None:
    lab = lab_secured4
    until(lambda: all_secured(lab), "all links are secured", SECURED_S)
    until(lambda: best(lab, "n1", "n2") == wire(lab, "n1", "n2"), "the wire is used", HEALED_S)
    lab.traffic_start("n1", "n2")
    steady(lab, "n1-n2", 1.0)
    for node in ("n1", "n2"):
        reload(lab, node, {"links.rekey_period": 10})

    def changed(node: str) -> bool:
        return all(one["rekeys"] >= REKEYS for one in links(lab, node)["interfaces"])

    until(lambda: changed("n1") and changed("n2"), "keys were changed", 20.0 * REKEYS)
    report = lab.traffic_stop("n1-n2")["n1-n2"]
    assert report.lost <= LATE, report
    for node in ("n1", "n2"):
        reload(lab, node, {})


def test_a_macsec_device_that_somebody_deletes_is_there_again_with_keys(lab_secured4: Lab) -> None:
    lab = lab_secured4
    device = wire(lab, "n1", "n2")
    lab.exec("n1", "ip", "link", "del", device)
    until(lambda: receives_from(lab, "n1", "n2"), "n1 receives from n2 again", ANEW_S)
    until(
        lambda: f"[   {device}]" in lab.exec("n1", "batctl", "meshif", "bat0", "neighbors").stdout,
        "batman-adv hears n2 again",
        ANEW_S,
    )
    wait_whole(lab)


def test_a_node_without_security_is_reported_and_refused_until_it_has_it(lab_secured4: Lab) -> None:
    """Its configuration is changed and read again, to off and back: no restart."""
    lab = lab_secured4
    reload(lab, "n4", {"link_security": "off"})
    until(lambda: "e1: active" in lab.exec("n4", "batctl", "meshif", "bat0", "interface").stdout, "off", 30.0)
    assert "macsec" not in lab.exec("n4", "ip", "-br", "link").stdout
    for node in ("n1", "n3"):
        until(
            lambda node=node: any(row["refused"] for row in links(lab, node)["links"]),  # type: ignore[misc]
            f"{node} refuses n4",
            REFUSED_S,
        )
        heard = lab.exec(node, "batctl", "meshif", "bat0", "neighbors").stdout
        assert wire(lab, node, "n4") not in heard
    assert lab.exec("n4", "ping", "-n", "-c", "2", "-W", "1", "10.77.0.1", check=False).exit
    reload(lab, "n4", {})
    until(lambda: all_secured(lab), "all links are secured again", REFUSED_S)
    wait_answer(lab, "n4", "n1", HEALED_S)


def test_a_revoked_node_is_cut_off_on_every_neighbour_in_time(
    spent_secured4: Lab, authority: Authority
) -> None:
    lab = spent_secured4
    until(lambda: all_secured(lab), "all links are secured", SECURED_S)
    others = ("n1", "n2", "n4")
    began = time.time()
    authority.revoke(lab, ["n3"], others)
    told = time.time()
    for node in ("n2", "n4"):
        cut = story.wait_for(
            lab,
            lambda e: e.event == "link-security" and e.fields["kind"] == "down" and "n3" in e.fields["peer"],
            began,
            REVOKED_S,
            (node,),
        )
        assert cut.at - told <= REVOKED_S
        until(lambda node=node: not receives_from(lab, node, "n3"), "nothing is received", REVOKED_S)  # type: ignore[misc]
        assert [one for one in links(lab, node)["failures"] if one["reason"] == "revoked"]
    time.sleep(1.0)
    assert lab.exec("n1", "ping", "-n", "-c", "3", "-W", "1", "10.77.0.3", check=False).exit
    lab.exec("n1", "ping", "-n", "-c", "3", "-i", "0.2", "10.77.0.2")
    assert all_secured(lab, ("n1",))


@pytest.mark.long  # two machines with systemd; the part that failed is in test_no_executable_memory.py
def test_under_the_units_sandbox_links_are_secured(lab_secured_systemd2: Lab) -> None:
    lab = lab_secured_systemd2
    until(lambda: all_secured(lab), "the link is secured", SECURED_S)
    lab.exec("n1", "ping", "-n", "-c", "3", "-i", "0.2", "10.77.0.2")
    assert receives_from(lab, "n2", "n1")
    pid = lab.exec("n1", "systemctl", "show", "-p", "MainPID", "--value", "x0-agent").stdout.strip()
    assert "Seccomp:\t2" in lab.exec("n1", "cat", f"/proc/{pid}/status").stdout  # the sandbox is there


@pytest.mark.long
def test_over_a_radio_batman_adv_measures_each_neighbour_through_macsec(lab_secured_radio2: Lab) -> None:
    lab = lab_secured_radio2
    until(lambda: all_secured(lab), "the link is secured", SECURED_S)
    lab.exec("n1", "ping", "-n", "-c", "3", "-i", "0.2", "10.77.0.2")
    device = mesh_device(lab, "n1", "wlan0")
    override = lab.exec("n1", "batctl", "hardif", device, "throughput_override").stdout
    assert override.strip().startswith("0.0"), override
    (row,) = lab.json("n1", "batctl", "meshif", "bat0", "neighbors_json")
    assert row["hard_ifname"] == device
    assert row["throughput"] > 1000, "more than the 1 Mbit/s it takes of a macsec device it asks itself"
