# SPDX-License-Identifier: Apache-2.0
"""The control socket over a real unix socket: answers, bounds, who may ask, what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.authz.authoriser import Authoriser
from agent.authz.commands import permit
from agent.configpolicy import Rule
from agent.control import ANSWER_MAX, CONNECTIONS_MAX, REQUEST_MAX, ControlError, ControlServer, Handler
from agent.controlcommands import handlers


async def echo(args: dict[str, Any]) -> Any:
    return args


async def refuse(_args: dict[str, Any]) -> Any:
    raise ControlError("no", "ask another")


async def broken(_args: dict[str, Any]) -> Any:
    raise KeyError("secret detail")


async def slow(_args: dict[str, Any]) -> Any:
    await asyncio.Event().wait()


async def huge(_args: dict[str, Any]) -> Any:
    return "x" * ANSWER_MAX


HANDLERS: dict[str, Handler] = {"echo": echo, "refuse": refuse, "broken": broken, "slow": slow, "huge": huge}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "agent.sock"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, HANDLERS, idle_timeout=2.0, handler_timeout=0.05)
    await server.start()
    yield server
    await server.close()


async def send(path: Path, line: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(path, limit=2 * ANSWER_MAX)
    writer.write(line)
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


async def call(path: Path, command: str, **args: Any) -> dict[str, Any]:
    return await send(path, json.dumps({"command": command, "args": args}).encode() + b"\n")


async def test_a_handlers_result_comes_back(server: ControlServer, path: Path) -> None:
    assert await call(path, "echo", a=1) == {"ok": True, "result": {"a": 1}}


async def test_several_requests_may_follow_each_other_on_one_connection(
    server: ControlServer, path: Path
) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"command":"echo","args":{"n":1}}\n{"command":"echo","args":{"n":2}}\n')
    answers = [json.loads(await reader.readline())["result"]["n"] for _ in range(2)]
    writer.close()
    assert answers == [1, 2]


@pytest.mark.parametrize(
    ("command", "what"),
    [("nothing", "knows no command"), ("refuse", "no"), ("slow", "took more than"), ("huge", "an answer of")],
)
async def test_what_cannot_be_answered_is_refused_with_a_mend(
    server: ControlServer, path: Path, command: str, what: str
) -> None:
    answer = await call(path, command)
    assert answer["ok"] is False
    assert what in answer["error"]["what"]
    assert answer["error"]["mend"]


async def test_a_handlers_failure_is_logged_not_told(
    server: ControlServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await call(path, "broken")
    assert "secret" not in json.dumps(answer)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    "line",
    [b"\n", b"hello\n", b"[]\n", b'{"args":{}}\n', b'{"command":1}\n', b"\xff\xfe\n", b"[" * 5000 + b"\n"],
)
async def test_nonsense_is_answered_and_the_server_goes_on(
    server: ControlServer, path: Path, line: bytes
) -> None:
    assert (await send(path, line))["ok"] is False
    assert (await call(path, "echo"))["ok"] is True


async def test_a_request_over_the_cap_is_refused(server: ControlServer, path: Path) -> None:
    answer = await send(path, b"x" * (REQUEST_MAX + 10))
    assert str(REQUEST_MAX) in answer["error"]["what"]


async def test_only_so_many_connections_are_served_and_a_place_becomes_free_again(
    server: ControlServer, path: Path
) -> None:
    held = []
    for number in range(CONNECTIONS_MAX):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(json.dumps({"command": "echo", "args": {"n": number}}).encode() + b"\n")
        await reader.readline()  # served, so its place is taken
        held.append((reader, writer))
    refused = await call(path, "echo")
    assert "connected already" in refused["error"]["what"]
    held[0][1].close()
    async with asyncio.timeout(5):
        while not (await call(path, "echo"))["ok"]:  # noqa: ASYNC110
            await asyncio.sleep(0)  # nothing to await: the server tells nobody
    for _, writer in held:
        writer.close()


async def test_a_silent_client_loses_its_place(path: Path) -> None:
    server = ControlServer(path, HANDLERS, idle_timeout=0.05)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(path)
    assert await asyncio.wait_for(reader.read(), 5) == b""  # closed by the server
    writer.close()
    await server.close()


async def test_a_peer_that_is_not_allowed_is_told_so(path: Path) -> None:
    server = ControlServer(path, HANDLERS, who=lambda _sock: "")
    await server.start()
    answer = await call(path, "echo")
    assert "may not" in answer["error"]["what"]
    await server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
async def test_the_kernels_word_counts_for_another_user(server: ControlServer, path: Path) -> None:
    above = path.relative_to(tempfile.gettempdir()).parts[:-1]
    for place in (path, *path.parents[: len(above)]):
        place.chmod(0o777)  # the file's mode lets it in: the peer check alone must refuse
    script = (
        "import contextlib,os,socket,sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        # refused and closed before it has asked, as any client may be: the answer can still be read
        "with contextlib.suppress(BrokenPipeError):\n"
        ' s.sendall(b\'{"command":"echo"}\\n\')\n'
        "print(s.recv(4096).decode())"
    )
    process = await asyncio.create_subprocess_exec(
        "python3", "-c", script, str(path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if b"PermissionError" in err:
        pytest.skip("another user cannot reach the temporary folder here")
    assert "may not" in json.loads(out)["error"]["what"], err


async def test_the_socket_is_for_owner_and_group_only(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert [entry.name for entry in path.parent.iterdir()] == ["agent.sock"]


async def test_closing_removes_the_socket(path: Path) -> None:
    server = ControlServer(path, HANDLERS)
    await server.start()
    await server.close()
    assert not path.exists()


async def test_a_dead_agents_socket_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = ControlServer(path, HANDLERS)
    await server.start()
    assert (await call(path, "echo"))["ok"] is True
    await server.close()


async def test_a_living_agents_socket_is_not_taken(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlError, match="another agent answers"):
        await ControlServer(path, HANDLERS).start()
    assert (await call(path, "echo"))["ok"] is True


async def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ControlError, match="no socket"):
        await ControlServer(path, HANDLERS).start()
    assert path.read_text() == "precious"


async def test_run_serves_until_cancelled_and_cleans_up(path: Path) -> None:
    task = asyncio.create_task(ControlServer(path, HANDLERS).run())
    async with asyncio.timeout(5):
        while not path.exists():  # noqa: ASYNC110
            await asyncio.sleep(0)  # nothing to await: the server tells nobody
    assert (await call(path, "echo"))["ok"] is True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not path.exists()


ROWS = [{"id": "e1", "fault": "link-dead"}, {"id": "e2", "fault": "one-way"}]


def commands() -> dict[str, Handler]:
    return handlers(
        lambda: {"state": "healing", "faults": ROWS}, lambda seconds: 1000.0 + seconds, lambda: True
    )


async def test_the_commands_hand_over_what_the_loop_knows() -> None:
    known = commands()
    assert (await known["status"]({}))["state"] == "healing"
    assert await known["faults"]({}) == {"faults": ROWS}
    assert await known["explain"]({"fault": "one-way"}) == {"episodes": [ROWS[1]]}
    assert await known["explain"]({"fault": "e1"}) == {"episodes": [ROWS[0]]}
    assert await known["pause"]({"seconds": 60}) == {"paused_until": 1060.0}
    assert await known["resume"]({}) == {"was_paused": True}


@pytest.mark.parametrize("seconds", [None, "60", True, 0, -5, 86_401, float("nan"), float("inf")])
async def test_a_pause_without_an_end_within_a_day_is_refused(seconds: Any) -> None:
    with pytest.raises(ControlError):
        await commands()["pause"]({"seconds": seconds})


async def test_explain_needs_a_fault() -> None:
    with pytest.raises(ControlError, match="without a fault"):
        await commands()["explain"]({})


async def test_each_command_is_asked_about_with_the_kind_the_kernel_says(path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def judge(kind: str, command: str) -> str:
        asked.append((kind, command))
        return "the policy says no" if command == "refuse" else ""

    server = ControlServer(path, HANDLERS, permit=judge)
    await server.start()
    assert (await call(path, "echo"))["ok"] is True
    denied = await call(path, "refuse")
    await call(path, "nothing-known")
    await server.close()
    assert denied["error"]["what"] == "the policy says no"
    assert "x0 policy show" in denied["error"]["mend"]
    kind = "root" if os.geteuid() == 0 else "own"
    assert asked == [(kind, "echo"), (kind, "refuse")]


async def test_two_commands_of_one_connection_are_asked_about_one_by_one(path: Path) -> None:
    authoriser = Authoriser()
    made = handlers(dict, lambda seconds: seconds, lambda: True)
    server = ControlServer(path, made, permit=permit(authoriser))
    await server.start()
    reader, writer = await asyncio.open_unix_connection(path)
    line = b'{"command":"status"}\n'
    writer.write(line)
    assert json.loads(await reader.readline())["ok"] is True
    authoriser.reload([Rule("no", "deny", ("root", "own"), ("control.call",), ("status",))])
    writer.write(line)
    assert "denies it" in json.loads(await reader.readline())["error"]["what"]
    writer.close()
    await server.close()
