# SPDX-License-Identifier: Apache-2.0
"""Rules of the node's own subnets, from whose people actions are taken."""

from agent.kernel.errors import KernelError
from agent.nodeweb import OWN_FOR, OwnSubnets, own_subnets


def test_strangers_requests_do_not_become_questions_to_the_kernel() -> None:
    asked: list[float] = []
    now = [0.0]

    def read() -> tuple[str, ...]:
        asked.append(now[0])
        return ("203.0.113.7/29",)

    own = OwnSubnets(read, lambda: now[0])
    for _ in range(1000):
        assert own() == ("203.0.113.7/29",)
    assert asked == [0.0]
    now[0] = OWN_FOR
    own()
    assert asked == [0.0, OWN_FOR]


def test_a_kernel_that_does_not_tell_lets_nobody_in() -> None:
    def read() -> tuple[str, ...]:
        raise KernelError("reading the interfaces", "look with `ip link`")

    assert OwnSubnets(read)() == ()


def test_the_kernel_of_this_machine_tells_loopback() -> None:
    assert "127.0.0.1/8" in own_subnets()
