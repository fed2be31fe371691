# SPDX-License-Identifier: Apache-2.0
"""Rules of the link test, over a socket that answers as told."""

import os

import pytest

from agent.kernel.echo import EchoReply
from agent.kernel.errors import RefusedError
from agent.linktest import Link, measure

HEARD, MADE = "fe80::1", "fe80::2"


class Answering:
    """Answers every request from `address` with `rtt` s but those in `lost`; `wake` makes it readable."""

    def __init__(self, address: str, rtt: float, lost: frozenset[int] = frozenset(), index: int = 3) -> None:
        self.address, self.rtt, self.lost, self.index = address, rtt, lost, index
        self.read_end, self.write_end = os.pipe()
        self.now = 0.0
        self.waiting: list[EchoReply] = []
        self.closed = False

    def fileno(self) -> int:
        return self.read_end

    def send(self, index: int, address: str, ident: int, sequence: int) -> None:
        if address == self.address and sequence not in self.lost:
            self.waiting.append(EchoReply(self.index, self.address, sequence, self.now + self.rtt))
            self.waiting.append(EchoReply(self.index, self.address, sequence, self.now + 9.0))  # a second one
            self.waiting.append(EchoReply(self.index, "fe80::bad", sequence, self.now))
            self.waiting.append(EchoReply(self.index, self.address, 999, self.now))

    def receive(self) -> list[EchoReply]:
        found, self.waiting = self.waiting, []
        return found

    def close(self) -> None:
        self.closed = True
        os.close(self.read_end)
        os.close(self.write_end)


async def run(sock: Answering) -> Link:
    found = await measure(
        "e2", (HEARD, MADE), open_socket=lambda: sock, index=lambda _name: 3, clock=lambda: sock.now,
        echoes=10, seconds=0.01, stragglers=0.0,
    )  # fmt: skip
    assert sock.closed
    return found


@pytest.mark.parametrize("address", [HEARD, MADE])
async def test_answers_of_either_address_count_once_each(address: str) -> None:
    link = await run(Answering(address, 0.002))
    assert (link.sent, link.answered, link.loss) == (10, 10, 0.0)
    assert link.rtt_least == pytest.approx(2.0)
    assert link.rtt_mean == pytest.approx(2.0)


async def test_loss_is_what_was_not_answered() -> None:
    link = await run(Answering(HEARD, 0.002, lost=frozenset({1, 4, 8})))
    assert link.answered == 7
    assert link.loss == pytest.approx(30.0)


async def test_answers_on_another_interface_do_not_count() -> None:
    link = await run(Answering(HEARD, 0.002, index=4))
    assert (link.answered, link.loss, link.rtt_mean) == (0, 100.0, None)


async def test_why_nothing_could_be_sent_is_said() -> None:
    class Refusing(Answering):
        def send(self, index: int, address: str, ident: int, sequence: int) -> None:
            raise RefusedError("echo: network is down", "set it up", 100)

    link = await run(Refusing(HEARD, 0.0))
    assert link.answered == 0
    assert "network is down" in link.trouble


async def test_an_interface_that_is_gone_is_an_error_before_a_socket_is_opened() -> None:
    def gone(_name: str) -> int:
        raise OSError(19, "No such device")

    def opened() -> Answering:
        raise AssertionError

    with pytest.raises(OSError, match="No such device"):
        await measure("e9", (HEARD,), open_socket=opened, index=gone)
