# SPDX-License-Identifier: Apache-2.0
"""While the mesh is made anew nothing is begun."""

from __future__ import annotations

from tests.unit.mapek.world import Rig


def test_nothing_is_begun_while_the_mesh_is_being_set_up() -> None:
    rig = Rig()
    rig.setup = False
    rig.world.breaks("link-dead")
    rig.run(5)
    assert not rig.acts
    assert len(rig.decisions) == 1
    assert "but the mesh is being set up" in rig.decisions[0].sentence
    rig.setup = True
    rig.tick()
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif"]
