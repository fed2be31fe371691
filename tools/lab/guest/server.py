# SPDX-License-Identifier: Apache-2.0
"""The guest server: answers the host's requests, one connection each, the token in each."""

import asyncio
import contextlib
import hmac
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tools.lab.guest import frames, mesh, streams
from tools.lab.guest.errors import GuestError
from tools.lab.guest.streams import Stream
from tools.lab.guest.tree import Tree

PORT = 7000
FIRST_FRAME_S = 10.0  # a connection that says nothing is dropped
LAST_FRAME_S = 5.0  # the host closes as soon as it has its answer
CONFIG = Path("/sys/firmware/qemu_fw_cfg/by_name/opt/x0")
Handler = Callable[[dict[str, Any], Stream], Awaitable[dict[str, Any]]]


class Server:
    """Dispatches requests to the machine's mesh and to the streams."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._mesh: mesh.Mesh | None = None
        self._tree = Tree()
        self._handlers: dict[str, Handler] = {
            "hello": self._hello,
            "setup": self._setup,
            "exec": self._exec,
            "shell": self._shell,
            "log": self._log,
            "sync": self._sync,
            "poweroff": self._poweroff,
        }

    async def serve(self) -> None:
        """Listen for ever."""
        server = await asyncio.start_server(self._connected, "0.0.0.0", PORT, backlog=64)
        print("x0-lab: guest server listens", file=sys.stderr, flush=True)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = writer.get_extra_info("socket")
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(reader, writer)
        try:
            request = await asyncio.wait_for(stream.receive_json(), FIRST_FRAME_S)
            if not hmac.compare_digest(str(request.get("token", "")), self._token):
                return
            answer: dict[str, Any]
            try:
                answer = await self._answer(request, stream)
            except GuestError as error:
                answer = {"error": str(error)}
            except Exception as error:  # noqa: BLE001 - the host must learn of any failure, the server must live on
                traceback.print_exc()
                answer = {"error": f"the guest server failed at {request.get('op')}: {error!r}"}
            await stream.send_json(answer)
            await self._drain(reader)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _drain(self, reader: asyncio.StreamReader) -> None:
        """Read what the host still sends: closed with that unread, TCP would reset and our answer be lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_FRAME_S):
                while await reader.read(frames.CHUNK):
                    pass

    async def _answer(self, request: dict[str, Any], stream: Stream) -> dict[str, Any]:
        name = str(request["op"])
        if name in self._handlers:
            return await self._handlers[name](request, stream)
        if self._mesh is None:
            raise GuestError(f"{name}: the machine has no mesh yet (setup comes first)")
        return await self._mesh.request(name, request)

    async def _hello(self, _request: dict[str, Any], _stream: Stream) -> dict[str, Any]:
        return {"time": time.time(), "uptime": time.monotonic(), "mesh": self._mesh is not None}

    async def _setup(self, request: dict[str, Any], _stream: Stream) -> dict[str, Any]:
        if self._mesh is not None:
            raise GuestError("this machine has its mesh already")
        time.clock_settime(time.CLOCK_REALTIME, float(request["now"]))
        if not request["spec"]["mesh"]:
            self._tree.refresh()  # agents will be started: compile while the nodes are made
        self._mesh = await mesh.Mesh.build(request["spec"], self._tree)
        return {"ok": True, "uptime": time.monotonic()}

    async def _sync(self, _request: dict[str, Any], _stream: Stream) -> dict[str, Any]:
        self._tree.refresh()
        return {"seconds": await self._tree.ready()}

    async def _exec(self, request: dict[str, Any], stream: Stream) -> dict[str, Any]:
        return await streams.run_program(self._command(request), request, stream)

    async def _shell(self, request: dict[str, Any], stream: Stream) -> dict[str, Any]:
        return await streams.run_terminal(self._command(request), request, stream)

    async def _log(self, request: dict[str, Any], stream: Stream) -> dict[str, Any]:
        return await streams.send_file(Path(request["path"]), request, stream)

    def _command(self, request: dict[str, Any]) -> list[str]:
        argv = [str(word) for word in request["argv"]]
        if request.get("node") is None:
            return argv
        if self._mesh is None:
            raise GuestError("the machine has no mesh yet (setup comes first)")
        return self._mesh.node(request["node"]).command(argv)

    async def _poweroff(self, _request: dict[str, Any], _stream: Stream) -> dict[str, Any]:
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
        return {"ok": True}


async def main() -> None:
    """Run the server of this machine."""
    await Server((CONFIG / "token" / "raw").read_text().strip()).serve()


if __name__ == "__main__":
    asyncio.run(main())
