# SPDX-License-Identifier: Apache-2.0
"""Frames in clear are noticed by their sender, on the one interface, whatever else is on the wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.plainframes import ETH_P_BATMAN, MAX_FRAMES, PlainFrames
from tests.integration.netns import inside, missing, pair

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
STRANGER = "02:00:00:00:00:77"


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[str, str]]:
    with pair("p") as names:
        yield names


def send(namespace: str, ethertype: int, source: str = STRANGER, count: int = 1) -> None:
    with inside(namespace):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with link:
        link.bind(("e1", 0))
        frame = (
            b"\xff" * 6 + bytes.fromhex(source.replace(":", "")) + ethertype.to_bytes(2, "big") + bytes(50)
        )
        for _ in range(count):
            link.send(frame)


def opened(namespace: str) -> PlainFrames:
    with inside(namespace):
        return PlainFrames("e1")


def test_the_sender_of_a_frame_in_clear_is_known(wire: tuple[str, str]) -> None:
    ears = opened(wire[0])
    send(wire[1], ETH_P_BATMAN)
    assert ears.senders() == {STRANGER}
    assert ears.senders() == frozenset()
    ears.close()


def test_what_is_encrypted_or_another_protocol_is_not_noticed_nor_what_we_send(wire: tuple[str, str]) -> None:
    ears = opened(wire[0])
    send(wire[1], 0x88E5)
    send(wire[1], 0x0800)
    send(wire[0], ETH_P_BATMAN)
    assert ears.senders() == frozenset()
    ears.close()


def test_a_flood_is_bounded_in_what_is_kept_and_looked_at(wire: tuple[str, str]) -> None:
    ears = opened(wire[0])
    send(wire[1], ETH_P_BATMAN, count=MAX_FRAMES * 8)
    assert ears.senders() == {STRANGER}
    send(wire[1], ETH_P_BATMAN, "02:00:00:00:00:78")
    while (found := ears.senders()) == {STRANGER}:
        pass
    ears.close()
    assert found <= {STRANGER, "02:00:00:00:00:78"}


def test_an_interface_that_is_not_there_is_said(wire: tuple[str, str]) -> None:
    with inside(wire[0]), pytest.raises(KernelError, match="e9"):
        PlainFrames("e9")
