# SPDX-License-Identifier: Apache-2.0
"""Sockets that live in another network namespace while this process stays in its own."""

import os
import socket
import threading
from collections.abc import Callable

CLONE_NEWNET = 0x40000000


def socket_in(pid: int | None, make: Callable[[], socket.socket]) -> socket.socket:
    """Call `make` in the network namespace of process `pid` (None: ours). Raises what `make` raises.

    A namespace belongs to a thread and a socket keeps the one it was made in: so a short-lived thread
    enters, makes it and ends.
    """
    if pid is None:
        return make()
    made: list[socket.socket] = []
    failed: list[BaseException] = []

    def enter() -> None:
        try:
            with open(f"/proc/{pid}/ns/net", "rb") as handle:  # noqa: PTH123 - 3 ms less than pathlib here
                os.setns(handle.fileno(), CLONE_NEWNET)  # type: ignore[attr-defined,unused-ignore]
            made.append(make())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
