# SPDX-License-Identifier: Apache-2.0
"""A frame given to an interface to receive arrives there as if from outside, on this kernel's bpf(2)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from agent.kernel import elp, inject
from agent.kernel.errors import InterfaceGoneError
from tests.integration import netns

pytestmark = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing())


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Packet sockets on both ends of a cable; this thread is at the first."""
    made = []
    with netns.pair("inj") as (here, there):
        for namespace in (there, here):
            with netns.inside(namespace):
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(elp.ETH_P_BATMAN))
                sock.bind(("e1", elp.ETH_P_BATMAN))
                sock.settimeout(5)
                made.append(sock)
        with netns.inside(here):
            yield made[1], made[0]
        for sock in made:
            sock.close()


def test_the_interface_receives_it_and_nothing_is_sent(
    listening: tuple[socket.socket, socket.socket],
) -> None:
    here, there = listening
    frame = elp.frame(7, 500)
    inject.receive("e1", frame)
    got, sender = here.recvfrom(2000)
    assert got == frame.ljust(60, b"\0")
    assert sender[2] == socket.PACKET_BROADCAST  # type: ignore[attr-defined, unused-ignore]  # not PACKET_OUTGOING
    there.setblocking(False)
    with pytest.raises(BlockingIOError):
        there.recv(2000)


def test_frames_come_in_their_order(listening: tuple[socket.socket, socket.socket]) -> None:
    for number in range(50):
        inject.receive("e1", elp.frame(number, 500))
    assert [int.from_bytes(listening[0].recv(2000)[22:26]) for _ in range(50)] == list(range(50))


@pytest.mark.usefixtures("listening")
def test_an_interface_that_is_not_there_is_said() -> None:
    with pytest.raises(InterfaceGoneError, match="giving nix0 a frame to receive") as caught:
        inject.receive("nix0", elp.frame(1, 500))
    assert caught.value.errno in (errno.ENODEV, errno.ENXIO)
