# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, before broken files, a kernel without batman-adv and hostile clients.

It says what is wrong, goes on, keeps its memory and does nothing in observe mode.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.hello.channel import HELLO_GROUP
from agent.hello.message import HelloMessage, encode
from tests.integration import netns
from tests.integration.running import HOST, TREE, Agent, meanwhile, running, until

GROWTH_KB = 3000  # what strangers may make the agent grow
LOG_MAX = 60  # lines of a run of some seconds, whatever strangers send
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
WANTS_MESH = "{interfaces: [{name: x0gone0, kind: wire}], primary: x0tprim, name: x0tbat}"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path) as agent:
        yield agent


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One agent for all the clients below: what one leaves behind meets the next."""
    with running(tmp_path_factory.mktemp("attacked")) as agent:
        yield agent


def connect(agent: Agent, source: str) -> socket.socket:
    return socket.create_connection((HOST, agent.port), 10, source_address=(source, 0))


# no batman-adv


@pytest.mark.parametrize("mode", ["observe", "heal"])
def test_kernel_without_batman_adv_is_said_and_how_to_mend_it(tmp_path: Path, mode: str) -> None:
    why = netns.missing()
    if why:
        pytest.skip(why)
    if Path("/sys/module/batman_adv").exists():
        pytest.skip("this kernel has batman-adv")
    name = f"x0bad{os.getpid()}"
    netns.ip("netns", "add", name)
    try:
        netns.ip("-n", name, "link", "set", "lo", "up")
        with (
            netns.inside(name),
            running(tmp_path, mode=mode, mesh=WANTS_MESH) as agent,
        ):
            told = agent.said(lambda line: "batman" in line["message"])
            assert told["level"] in ("warning", "info")
            assert "modprobe batman-adv" in told["message"]
            until(lambda: b"modprobe batman-adv" in agent.get("/")[1], "the page says so")
            before = len(agent.lines())
            time.sleep(5.0)  # the time in which nothing may be said again
            assert len(agent.lines()) - before <= 5
            assert agent.acted() == []
    finally:
        netns.ip("netns", "del", name)


# files


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 4096, os.urandom(8192), b"SQLite format 3\0" + os.urandom(5000)],
    ids=["empty", "zeros", "noise", "damaged"],
)
def test_broken_knowledge_is_set_aside_and_begun_anew(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/knowledge.db").write_bytes(garbage)
    with running(tmp_path) as agent:
        if garbage:
            note = agent.message("knowledge.db was damaged")
            assert "kept as knowledge.db.broken-1" in note["message"]
            assert (tmp_path / "state/knowledge.db.broken-1").read_bytes() == garbage
        assert agent.status()["errors"] == {}


def record(seq: int) -> bytes:
    undo = {"action": "detach-hardif", "args": {"mesh": "x0tbat", "hardif": "x0gone0"}}
    return json.dumps({"begin": seq, "record": undo, "episode": "e", "at": 1.0}).encode() + b"\n"


def test_garbage_in_the_undo_journal_is_kept_aside_and_good_records_are_replayed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    journal = tmp_path / "state/undo.journal"
    deep = b"[" * 100_000 + b"\n"
    journal.write_bytes(
        b"\xff\xfe nonsense\n" + deep + record(1) + b'{"begin": -1}\n[]\n7\n' + record(2)[:40]
    )
    with running(tmp_path) as agent:
        agent.message("lines are no records and were ignored")
        agent.message("the last line was torn")
        agent.message("1 changes of a former run were put back")
        assert (tmp_path / "state/undo.journal.broken").exists()
        assert agent.status()["errors"] == {}
        assert agent.pss_kb() < 60_000


def test_oversized_undo_journal_is_read_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "state/undo.journal").open("wb") as file:
        file.write(record(1))
        file.truncate(64 * 1024 * 1024)
    with running(tmp_path) as agent:
        agent.message("only its head was read")
        agent.message("1 changes of a former run were put back")
        assert agent.pss_kb() < 60_000


@contextlib.contextmanager
def tmpfs(where: Path, size: str) -> Iterator[None]:
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "x0test", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(where)], check=True)


def fill(where: Path) -> Path:
    ballast = where / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


@ROOT
def test_read_only_state_directory_is_said_and_watched_until_it_is_mended(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with tmpfs(state, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
        with running(tmp_path) as agent:
            told = agent.event("journal-trouble")
            assert "make the state directory writable" in told["message"]
            assert set(agent.status()["errors"]) >= {"journal", "store"}
            assert b"make the state directory writable" in agent.get("/")[1]
            subprocess.run(["mount", "-o", "remount,rw", str(state)], check=True)
            agent.event("journal-ready", 60.0)
            until(lambda: agent.status()["errors"] == {}, "no errors are left", 60.0)


@ROOT
def test_full_disk_is_said_and_over_when_space_is_freed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with tmpfs(state, "256k"):
        ballast = fill(state)
        with running(tmp_path) as agent:
            errors = until(lambda: agent.status()["errors"], "the page says so")
            assert "store" in errors
            assert agent.get("/healthz")[0] == 200
            ballast.unlink()
            until(lambda: agent.status()["errors"] == {}, "no errors are left", 60.0)
            before = len(agent.lines())
            assert before < LOG_MAX


# configuration


def test_every_mistake_is_named_at_start_with_file_line_and_mend(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("node: {name: a b}\nmode: heel\nmesh: {enabled: false, hop_penalty: 300}\nwebb: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", str(path)],
        cwd=TREE, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    for number, word in enumerate(("name", "heal", "hop_penalty", "web"), 1):
        line = next(line for line in done.stderr.splitlines() if line.startswith(f"{path}:{number}:"))
        assert word in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\0", b"\xff\xfe", b"a: &a [*a]\n", b"x: " + b"[" * 5000, b"k: v\n" * 200_000],
    ids=["empty", "nul", "no-utf8", "cycle", "deep", "large"],
)
def test_hostile_configuration_is_refused_in_words_and_the_old_one_stays(
    agent: Agent, content: bytes
) -> None:
    good = agent.config.read_bytes()
    agent.config.write_bytes(content)
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    assert "the old one holds" in agent.status()["errors"]["configuration"]
    assert agent.status()["mode"] == "observe"
    assert len(agent.lines()) < LOG_MAX
    agent.config.write_bytes(good)
    agent.process.send_signal(signal.SIGHUP)
    agent.message("The configuration is as before.")
    assert agent.status()["errors"] == {}


def test_missing_configuration_at_reload_leaves_the_old_one(agent: Agent) -> None:
    agent.config.unlink()
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    assert "the old one holds" in agent.status()["errors"]["configuration"]


# clients


def settle(agent: Agent) -> int:
    """PSS after the caches of a first round of everything are filled."""
    for path in ("/", "/metrics", "/api/v1/status", "/healthz"):
        agent.get(path)
    return agent.pss_kb()


def unharmed(agent: Agent, before_kb: int) -> None:
    assert agent.pss_kb() - before_kb < GROWTH_KB
    assert agent.get("/healthz")[0] == 200
    assert len(agent.lines()) < LOG_MAX
    assert agent.acted() == []


def pour(sock: socket.socket, data: bytes, total: int) -> bytes:
    """Sends until all is sent or the agent hangs up; what it answered."""
    with contextlib.suppress(OSError):
        for _ in range(0, total, len(data)):
            sock.sendall(data)
    answer = b""
    with contextlib.suppress(OSError):
        while part := sock.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    ("head", "total", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-Long: ", 10_000_000, b" 431 "),
        (b"POST /x HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", 100_000_000, b" 405 "),
        (b"GET / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", 100_000_000, b" 413 "),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 10_000_000, b" 413 "),
        (b"\0" * 100, 10_000_000, b" 431 "),
        (b"GET /" + b"%00" * 2000 + b" HTTP/1.1\r\n\r\n", 0, b" 404 "),
    ],
    ids=["head", "post", "body", "chunked", "nul", "escapes"],
)
def test_http_requests_without_measure_cost_nothing(
    attacked: Agent, head: bytes, total: int, status: bytes
) -> None:
    agent, before = attacked, settle(attacked)

    def attack() -> None:
        for _ in range(3):
            with connect(agent, HOST) as sock:
                sock.sendall(head)
                answer = pour(sock, b"x" * 65536, total)
                # a refusal may be lost to the reset that unread bytes cause; another answer may not
                assert not answer or status in answer.split(b"\r\n")[0], answer[:200]

    meanwhile(attack, agent)
    unharmed(agent, before)


def test_fifty_dripping_clients_of_one_address_keep_nobody_out(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    slow: list[socket.socket] = []
    try:
        for number in range(50):
            sock = connect(agent, HOST)
            slow.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall(b"GET / HTTP/1.1\r\n")
            if number % 10 == 9:
                assert agent.get("/healthz")[0] == 200
        for _ in range(10):
            for sock in slow:
                with contextlib.suppress(OSError):
                    sock.sendall(b"X")
            assert agent.get("/healthz")[0] == 200
        assert agent.pss_kb() - before < GROWTH_KB
    finally:
        for sock in slow:
            sock.close()
    unharmed(agent, before)


def test_dripping_clients_of_many_addresses_keep_nobody_out(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    slow: list[socket.socket] = []
    try:
        for number in range(120):
            sock = connect(agent, f"127.0.1.{number % 12 + 1}")
            slow.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(10):
            assert agent.get("/healthz")[0] == 200
    finally:
        for sock in slow:
            sock.close()
    unharmed(agent, before)


def test_forty_streams_that_never_read_leave_room_and_memory(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    streams = [connect(agent, f"127.0.2.{number % 4 + 1}") for number in range(40)]
    try:
        for sock in streams:
            with contextlib.suppress(OSError):
                sock.sendall(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
        end = time.monotonic() + 6.0  # three events to each
        while time.monotonic() < end:
            assert agent.get("/healthz")[0] == 200
            assert agent.get("/")[0] == 200
            time.sleep(0.2)
        assert b"x0_streams 16" in agent.get("/metrics")[1] or agent.pss_kb() - before < GROWTH_KB
        assert agent.pss_kb() - before < GROWTH_KB
    finally:
        for sock in streams:
            sock.close()
    unharmed(agent, before)


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\n",
        b"\0\xff\n",
        b"[" * 60_000 + b"\n",
        b'{"command": 7}\n',
        b'{"command": "' + b"x" * 5000 + b'"}\n',
        b'{"command": "pause", "args": {"seconds": "x"}}\n',
        b'{"command": "pause", "args": {"seconds": 1e308}}\n',
        b'{"command": "pause", "args": {"seconds": -1}}\n',
        b'{"command": "pause", "args": {"seconds": null}}\n',
        b'{"command": "status", "args": {"a": [' + b"1," * 20_000 + b"1]}}\n",
    ],
    ids=["nothing", "newline", "noise", "deep", "type", "unknown", "word", "huge", "past", "null", "many"],
)
def test_nonsense_on_the_control_socket_is_answered_in_words(attacked: Agent, request_: bytes) -> None:
    agent, before = attacked, settle(attacked)
    if request_:
        answer = agent.ask(request_)
        if b"status" not in request_:
            assert not answer["ok"]
            assert answer["error"]["what"]
            assert answer["error"]["mend"]
            assert "inside the agent" not in answer["error"]["what"]
    else:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(agent.folder / "agent.sock"))
    assert agent.ask(b'{"command": "status"}\n')["ok"]
    assert agent.status()["state"] == "healthy"
    unharmed(agent, before)


def test_flood_on_the_control_socket_costs_nothing_and_leaves_room_for_x0(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    path = str(agent.folder / "agent.sock")

    def attack() -> None:
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(path)
                pour(sock, b"y" * 65536, 10_000_000)

    meanwhile(attack, agent)
    idle = []
    try:
        for _ in range(40):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(10)
            sock.connect(path)
            idle.append(sock)
        answer = agent.ask(b'{"command": "status"}\n')
        assert answer["ok"] or "connected already" in answer["error"]["what"]
    finally:
        for sock in idle:
            sock.close()
    until(lambda: agent.ask(b'{"command": "status"}\n')["ok"], "room again")
    unharmed(agent, before)


# neighbours


def flood(count: int) -> None:
    """Well-formed hellos of ever new neighbours, and noise of all sizes."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        there = (HELLO_GROUP, 7077, 0, socket.if_nametoindex("e1"))
        for number in range(count):
            mac = b"\x02" + number.to_bytes(5, "big")
            hello = HelloMessage(
                version=1,
                node=f"x{number}",
                originator=mac,
                mac=mac,
                sequence=number,
                interval_ms=1000,
                heard=(),
                suspects=(),
                partial=False,
                health="healthy",
                intents=("detach everything",),
            )
            for data in (encode(hello), os.urandom(number % 1400)):
                with contextlib.suppress(OSError):
                    sock.sendto(data, there)
            if number % 10 == 9:
                time.sleep(0.003)  # 3,000 a second of each: faster ones die in the receiver's buffer, unread


def taken() -> int:
    """Datagrams that programs of this namespace took from their sockets."""
    lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Udp6InDatagrams"))


def test_a_flood_of_hellos_and_noise_is_bounded_in_memory_processor_and_log(tmp_path: Path) -> None:
    why = netns.missing()
    if why:
        pytest.skip(why)
    mesh = "{interfaces: [{name: e1, kind: wire}], name: x0fbat}"
    with netns.pair("fl") as (here, there), netns.inside(here):
        netns.ip("-n", here, "link", "set", "lo", "up")
        with running(tmp_path, mesh=mesh) as agent:
            before, busy, began = settle(agent), agent.cpu_s(), time.monotonic()

            def attack() -> None:
                with netns.inside(there):
                    flood(10_000)

            meanwhile(attack, agent)
            took = time.monotonic() - began
            assert taken() > 5000, "the flood did not reach the agent"
            assert agent.cpu_s() - busy < 0.8 * took + 0.5
            unharmed_but_unready(agent, before)


def unharmed_but_unready(agent: Agent, before_kb: int) -> None:
    """As `unharmed` where there is no mesh to be healthy in."""
    assert agent.pss_kb() - before_kb < GROWTH_KB
    assert agent.get("/healthz")[0] in (200, 503)
    assert len(agent.lines()) < LOG_MAX
    assert agent.acted() == []
