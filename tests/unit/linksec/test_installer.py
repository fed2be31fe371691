# SPDX-License-Identifier: Apache-2.0
"""A neighbour's key is put into the kernel without reading its table again each time."""

from __future__ import annotations

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.kernel.secret import Secret
from agent.linksec.installer import MacsecInstaller
from agent.linksec.keyactions import Sak
from tests.unit.linksec.pretend import PretendMacsec

ANNA = Sci("02:00:00:00:01:02")


class Kernel:
    """The part of agent.kernel.macsec.Macsec that receives, in memory; `fails`: a call that is refused."""

    def __init__(self) -> None:
        self.inner = PretendMacsec(Sci("02:00:00:00:00:01"))
        self.calls: list[str] = []
        self.fails = ""

    def state(self, _name: str) -> SecY:
        self._call("state")
        return self.inner.state()

    def add_channel(self, _name: str, sci: Sci) -> None:
        self._call("add_channel")
        self.inner.receive.setdefault(sci, {})

    def add_rx(self, _name: str, sci: Sci, an: int, key: Secret, key_id: bytes, _pn: int) -> None:
        self._call("add_rx")
        assert an not in self.inner.receive[sci], "the kernel says it is busy"
        self.inner.receive[sci][an] = Sak(an, key_id, key)

    def delete_rx(self, _name: str, sci: Sci, an: int) -> None:
        self._call("delete_rx")
        self.inner.receive.get(sci, {}).pop(an, None)

    def delete_channel(self, _name: str, sci: Sci) -> None:
        self._call("delete_channel")
        self.inner.receive.pop(sci, None)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails:
            raise KernelError(f"{name}: refused")


def sak(an: int, name: str) -> Sak:
    return Sak(an, name.encode() * 16, Secret(name.encode() * 32))


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def installer(kernel: Kernel) -> MacsecInstaller:
    return MacsecInstaller("macsec0", kernel)  # type: ignore[arg-type]


def test_the_table_is_read_once_whatever_a_neighbour_offers(kernel: Kernel) -> None:
    ours = installer(kernel)
    for number, name in enumerate("abcdefgh"):
        ours.install(ANNA, sak(number % 4, name), 1)
    ours.forget(ANNA, 0)
    ours.install(ANNA, sak(0, "z"), 1)
    ours.forget_all(ANNA)
    ours.install(ANNA, sak(0, "a"), 1)
    assert kernel.calls.count("state") == 1
    assert kernel.inner.receive[ANNA][0].key_id == b"a" * 16


def test_a_key_that_is_there_under_its_identifier_stays(kernel: Kernel) -> None:
    installer(kernel).install(ANNA, sak(0, "a"), 1)
    kernel.calls.clear()
    installer(kernel).install(ANNA, sak(0, "a"), 1)
    assert kernel.calls == ["state"]


def test_after_an_error_it_is_read_again(kernel: Kernel) -> None:
    ours = installer(kernel)
    ours.install(ANNA, sak(0, "a"), 1)
    kernel.fails = "add_rx"
    with pytest.raises(KernelError):
        ours.install(ANNA, sak(0, "b"), 1)
    kernel.fails = ""
    ours.install(ANNA, sak(0, "c"), 1)
    assert kernel.calls.count("state") == 2
    assert kernel.inner.receive[ANNA][0].key_id == b"c" * 16


def test_a_removal_needs_no_table_that_can_be_read(kernel: Kernel) -> None:
    installer(kernel).install(ANNA, sak(0, "a"), 1)
    kernel.fails = "state"
    ours = installer(kernel)
    ours.forget(ANNA, 0)
    ours.forget_all(ANNA)
    assert ANNA not in kernel.inner.receive
