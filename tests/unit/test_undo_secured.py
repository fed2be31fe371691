# SPDX-License-Identifier: Apache-2.0
"""What a stopped agent left changed is put back on the devices there are, whatever is configured now."""

from __future__ import annotations

from typing import Any

import pytest

from agent import undo
from agent.config import Config, Interface, Mesh, Node
from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.kernel.macsecrows import Sci
from agent.mesh import layered
from tests.unit.mesh.macsec import MacsecKernel

CONFIG = Config(Node("n1"), mode="heal", mesh=Mesh(interfaces=(Interface("e1"),)))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> MacsecKernel:
    made = MacsecKernel("e1")
    made.create_batadv("bat0")
    for name in ("get", "set_up", "set_master"):
        monkeypatch.setattr(Links, name, lambda _self, *args, _name=name: getattr(made, _name)(*args))
    monkeypatch.setattr(Links, "dump", lambda _self: tuple(made.table.values()))
    monkeypatch.setattr(Links, "_index", lambda _self, name: made.index(name))
    monkeypatch.setattr(BatAdv, "set_hardif", lambda _self, *args, **kwargs: made.set_hardif(*args, **kwargs))
    monkeypatch.setattr(
        layered, "interface_index", lambda name: made.table[name].index if name in made.table else None
    )
    return made


@pytest.mark.parametrize("secured", [True, False])
def test_a_link_that_was_held_out_is_attached_as_batman_adv_had_it(
    kernel: MacsecKernel, secured: bool
) -> None:
    if secured:
        kernel.create("macsec0", "e1", Sci(kernel.table["e1"].mac))
    kernel.writes.clear()
    effector: Any = undo._effector(CONFIG)
    effector.attach_hardif("bat0", "e1")
    device = "macsec0" if secured else "e1"
    assert f"master {device} bat0" in kernel.writes
    assert f"set {device} throughput_override_kbit 1000000" in kernel.writes
    assert ("master e1 bat0" in kernel.writes) is not secured


def test_without_a_configuration_it_is_attached_all_the_same(kernel: MacsecKernel) -> None:
    kernel.create("macsec0", "e1", Sci(kernel.table["e1"].mac))
    effector: Any = undo._bare_effector()
    effector.attach_hardif("bat0", "e1")
    assert "master macsec0 bat0" in kernel.writes
