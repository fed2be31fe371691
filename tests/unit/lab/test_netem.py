# SPDX-License-Identifier: Apache-2.0
"""What the kernel answers to a change of a device's shape."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from tools.lab.guest.netem import NLMSG_ERROR, Netem


@pytest.fixture
def wire() -> Iterator[tuple[Netem, socket.socket]]:
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, kernel:
        yield Netem(ours), kernel


def answer(kernel: socket.socket, number: int) -> None:
    kernel.send(struct.pack("=IHHIIi", 20, NLMSG_ERROR, 0, 1, 0, -number))


def test_a_device_without_a_shape_is_as_at_rest_already(wire: tuple[Netem, socket.socket]) -> None:
    netem, kernel = wire
    answer(kernel, errno.ENOENT)
    netem.clear(2)


def test_any_other_refusal_is_said(wire: tuple[Netem, socket.socket]) -> None:
    netem, kernel = wire
    answer(kernel, errno.EPERM)
    with pytest.raises(PermissionError, match="device 2"):
        netem.clear(2)
    answer(kernel, errno.ENOENT)
    with pytest.raises(FileNotFoundError, match="device 2"):
        netem.shape(2, loss_percent=100.0)
