# SPDX-License-Identifier: Apache-2.0
"""agent/kernel/macsec.py on a real kernel: two namespaces over a wire, keys changed under a ping, none lost.

The witness is `ip -s macsec show`. The namespaces are this test's own, beside the lab's nodes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from agent.kernel.macsec import MAX_CHANNELS
from tools.lab.client import Lab

PYTHON_PATH = "/src:/usr/lib/x0/python"  # the shared tree and the libraries of the image
ROTATIONS = 100
CHANGE_EVERY = 0.1  # s: ten packets under each key
PING_EVERY = 0.01
STRAY_PACKETS = 100  # more than neighbour discovery sends between two readings, fewer than the ping did

# Runs in the machine. `inside` makes a namespace the thread's own: sockets and names are looked up there.
PROGRAM = """
import contextlib, json, os, secrets, subprocess, sys, time
from agent.kernel.macsec import Macsec, DEFAULT_WINDOW
from agent.kernel.macsecrows import Sci
from agent.kernel.secret import Secret
from agent.linksec.installer import MacsecInstaller
from agent.linksec.keyactions import Sak

NAMES = ("msa", "msb")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
ROTATIONS, CHANGE_EVERY, PING_EVERY, CHANNELS = json.loads(sys.argv[1])

def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

@contextlib.contextmanager
def inside(name):
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open("/run/netns/" + name, os.O_RDONLY)
    os.setns(there, os.CLONE_NEWNET)
    try:
        yield
    finally:
        os.setns(home, os.CLONE_NEWNET)
        os.close(home)
        os.close(there)

class End:
    def __init__(self, number):
        self.name, self.sci = NAMES[number], Sci(MACS[number])
        self.macsec = Macsec()
        self.installer = MacsecInstaller("macsec0", self.macsec)
        self.an = -1

    def key(self):
        return Sak((self.an + 1) % 4, secrets.token_bytes(16), Secret(secrets.token_bytes(32)))

    def show(self):
        return run("ip", "netns", "exec", self.name, "ip", "-s", "macsec", "show")

def give(source, target, sak):
    with inside(target.name):
        target.installer.install(source.sci, sak, 1)  # receivers add first
    with inside(source.name):
        source.installer.change_over(sak)
    source.an = sak.an

def state(end):
    with inside(end.name):
        found = end.installer.state()
    return {
        "sci": str(found.sci), "encoding": found.encoding_sa, "encrypt": found.encrypt,
        "cipher": found.cipher, "validation": found.validation, "window": found.window,
        "transmit": [[sa.an, sa.pn, sa.key_id.hex()] for sa in found.transmit],
        "receive": [[str(c.sci), [[sa.an, sa.key_id.hex()] for sa in c.sas], c.ok, c.invalid, c.late,
                     c.not_using_sa] for c in found.receive],
        "encrypted": found.out_encrypted, "no_tag": found.in_no_tag,
    }

answer = {}
try:
    for name in NAMES:
        run("ip", "netns", "add", name)
    run("ip", "link", "add", "e0", "netns", NAMES[0], "address", MACS[0], "mtu", "1600", "type", "veth",
        "peer", "e0", "netns", NAMES[1], "address", MACS[1], "mtu", "1600")
    ends = [End(0), End(1)]
    for number, end in enumerate(ends):
        run("ip", "-n", end.name, "link", "set", "e0", "up")
        with inside(end.name):
            end.macsec.create("macsec0", "e0", end.sci)
        run("ip", "-n", end.name, "address", "add", f"10.9.0.{number + 1}/24", "dev", "macsec0")
        run("ip", "-n", end.name, "link", "set", "macsec0", "up")
    a, b = ends
    give(a, b, a.key())
    give(b, a, b.key())
    answer["mtu"] = int(run("ip", "netns", "exec", "msa", "cat", "/sys/class/net/macsec0/mtu"))
    run("ip", "netns", "exec", "msa", "ping", "-n", "-c", "3", "-i", "0.2", "10.9.0.2")  # neighbours known
    count = int(ROTATIONS * CHANGE_EVERY * 2 / PING_EVERY)
    ping = subprocess.Popen(["ip", "netns", "exec", "msa", "ping", "-n", "-q", "-c", str(count), "-i",
                             str(PING_EVERY), "-s", "1400", "10.9.0.2"], stdout=subprocess.PIPE, text=True)
    due, rotated = time.monotonic(), 0
    while ping.poll() is None and rotated < ROTATIONS:
        for source, target in ((a, b), (b, a)):
            before = source.an
            give(source, target, source.key())
            oldest = (before - 1) % 4
            with inside(source.name):
                source.installer.remove(oldest)
            with inside(target.name):
                target.installer.forget(source.sci, oldest)
        rotated += 1
        due += CHANGE_EVERY
        time.sleep(max(0.0, due - time.monotonic()))
    ping.send_signal(2)
    answer["ping"], answer["rotated"] = ping.communicate(timeout=60)[0], rotated
    answer["states"] = [state(end) for end in ends]
    answer["shown"] = [end.show() for end in ends]
    # a key that its receiver lacks is heard by nobody, and counted there
    with inside("msa"):
        a.installer.change_over(a.key())
    silent = subprocess.run(["ip", "netns", "exec", "msa", "ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W",
                             "1", "10.9.0.2"], capture_output=True, text=True)
    answer["without"] = silent.stdout
    answer["after"] = state(b)
    # a full cell's row is read whole by a fresh socket
    with inside("msb"):
        for number in range(2, CHANNELS + 1):
            for an in range(4):
                other = Sak(an, secrets.token_bytes(16), Secret(secrets.token_bytes(32)))
                b.installer.install(Sci(MACS[0], number), other, 1)
        fresh = Macsec()
        answer["channels"] = len(fresh.state("macsec0").receive)
        b.installer.forget_all(a.sci)
        b.installer.forget_all(a.sci)
        answer["left"] = len(Macsec().state("macsec0").receive)
finally:
    for name in NAMES:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
sys.stdout.write(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the one run in the machine has shown, filled by the first test."""
    return {}


def shown(lab: Lab, told: dict[str, Any]) -> dict[str, Any]:
    if not told:
        settings = json.dumps([ROTATIONS, CHANGE_EVERY, PING_EVERY, MAX_CHANNELS])
        done = lab.exec(
            None, "python3", "-c", PROGRAM, settings, timeout=240, env={"PYTHONPATH": PYTHON_PATH}
        )
        told.update(json.loads(done.stdout))
    return told


def test_no_packet_is_lost_while_keys_change_at_both_ends(bare_line5: Lab, told: dict[str, Any]) -> None:
    found = shown(bare_line5, told)
    assert found["rotated"] == ROTATIONS
    assert " 0% packet loss" in found["ping"], found["ping"]
    assert found["mtu"] == 1600 - 32
    for state in found["states"]:
        ((_, _, ok, invalid, late, not_using_sa),) = state["receive"]
        assert ok > ROTATIONS
        assert (invalid, late, not_using_sa) == (0, 0, 0)
        assert state["encrypted"] > ROTATIONS


def test_the_state_is_what_ip_shows(bare_line5: Lab, told: dict[str, Any]) -> None:
    found = shown(bare_line5, told)
    for state, text in zip(found["states"], found["shown"], strict=True):
        assert "protect on validate strict" in text
        assert "encrypt on send_sci on" in text
        assert "replay on window 64" in text
        assert "cipher suite: GCM-AES-256, using ICV length 16" in text
        mac = state["sci"].partition("/")[0].replace(":", "")
        assert f"TXSC: {mac}0001 on SA {state['encoding']}" in text
        assert (state["validation"], state["window"], state["encrypt"]) == ("strict", 64, True)
        for an, pn, key_id in state["transmit"]:
            # our reading is older than its: the kernel may have sent neighbour discovery in between
            (line,) = re.findall(rf"{an}: PN (\d+), state on, key {key_id}", text)
            assert pn <= int(line) < pn + STRAY_PACKETS
        for _, sas, *_ in state["receive"]:
            for _an, key_id in sas:
                assert f"key {key_id}" in text


def test_a_key_its_receiver_lacks_is_heard_by_nobody_and_counted(
    bare_line5: Lab, told: dict[str, Any]
) -> None:
    found = shown(bare_line5, told)
    assert "100% packet loss" in found["without"]
    ((_, _, _, _, _, not_using_sa),) = found["after"]["receive"]
    assert not_using_sa >= 3


def test_an_interface_with_as_many_neighbours_as_we_take_is_read_whole(
    bare_line5: Lab, told: dict[str, Any]
) -> None:
    found = shown(bare_line5, told)
    assert found["channels"] == MAX_CHANNELS
    assert found["left"] == MAX_CHANNELS - 1
