# SPDX-License-Identifier: Apache-2.0
"""One request to a machine's guest server, on a connection of its own. Synchronous."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from tools.lab.errors import LabError, MachineError, NotReadyError
from tools.lab.guest import frames

CONNECT_S = 5.0


class Connection:
    """Sends one request and reads frames until the closing answer. `why` tells what became of the machine."""

    def __init__(
        self, port: int, request: dict[str, Any], why: Callable[[], str | None], timeout: float | None
    ) -> None:
        self._why = why
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._what = f"{request['op']} {request.get('node', '')}".strip()
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), CONNECT_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.send(frames.pack_json(request))
        except OSError as error:
            raise self._lost(error) from error

    def send(self, data: bytes) -> None:
        """Send packed frames."""
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """Return the next frame. Raises NotReadyError on time-out, MachineError when the machine is gone."""
        try:
            channel, length = frames.HEADER.unpack(self._exactly(frames.HEADER.size))
            if length > frames.MAX_FRAME:
                raise LabError(f"{self._what}: the guest server sent a frame of {length} bytes")
            return channel, self._exactly(length)
        except TimeoutError as error:
            raise self._lost(None) from error
        except OSError as error:
            raise self._lost(error) from error

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield the stream's frames; ends with the closing answer, which is then in `answer`."""
        while True:
            channel, payload = self.receive()
            if channel == frames.CONTROL:
                self.answer: dict[str, Any] = json.loads(payload)
                if "error" in self.answer:
                    raise LabError(self.answer["error"])
                return
            yield channel, payload

    def close(self) -> None:
        """Close; the guest ends what the request started."""
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exactly(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            left = None if self._deadline is None else self._deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self.socket.settimeout(left)
            part = self.socket.recv(min(count, frames.CHUNK))
            if not part:
                raise ConnectionResetError("the guest server closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _lost(self, error: OSError | None) -> LabError:
        told = self._why()
        if told is not None:
            return MachineError(f"{self._what}: {told}")
        if error is None:
            return NotReadyError(f"{self._what}: no answer in time; is it stuck? see lab status")
        return NotReadyError(
            f"{self._what}: {error}; the machine runs but does not answer: lab status, then lab down"
        )
