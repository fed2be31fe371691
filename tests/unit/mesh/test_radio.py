# SPDX-License-Identifier: Apache-2.0
"""Joining a radio mesh: 802.11s where the driver has it, IBSS else, and never twice."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.config import Interface
from agent.kernel.errors import RefusedError
from agent.mesh.errors import MeshSetupError
from agent.mesh.radio import join
from agent.readings import Radio
from tests.unit.mesh.kernel import Kernel


def kernel(kind: str = "station", mesh_id: str = "", freq: int | None = None) -> Kernel:
    made = Kernel("wlan0", kind="")
    made.radios["wlan0"] = Radio("wlan0", made.index("wlan0"), "02:00:00:00:00:09", kind, freq, mesh_id)
    return made


def interface(**changes: Any) -> Interface:
    return Interface(**{"name": "wlan0", "kind": "radio", "mesh_id": "x0", "frequency": 2412, **changes})


def run(made: Kernel, wanted: Interface) -> list[str]:
    countries: list[str] = []
    fake = cast(Any, made)
    join(wanted, 1532, fake, fake, countries.append)
    return countries


def test_a_fresh_radio_becomes_an_802_11s_point_and_joins() -> None:
    made = kernel()
    assert run(made, interface(country="DE")) == ["DE"]
    assert made.writes == [
        "down wlan0",
        "type wlan0 mesh",
        "mtu wlan0 1532",
        "up wlan0",
        "join wlan0 mesh x0 2412",
    ]


def test_a_radio_in_the_right_mesh_is_not_touched() -> None:
    made = kernel("mesh", "x0", 2412)
    assert run(made, interface(country="DE")) == []
    assert made.writes == []


@pytest.mark.parametrize(("mesh_id", "freq"), [("other", 2412), ("x0", 2437)])
def test_a_radio_in_another_mesh_or_channel_leaves_it_first(mesh_id: str, freq: int) -> None:
    made = kernel("mesh", mesh_id, freq)
    run(made, interface())
    assert made.writes[0] == "leave wlan0"
    assert made.writes[-1] == "join wlan0 mesh x0 2412"


def test_a_driver_without_mesh_mode_makes_an_ibss() -> None:
    made = kernel()
    made.refuse["type wlan0 mesh"] = RefusedError("EOPNOTSUPP")
    run(made, interface())
    assert made.writes[-1] == "join wlan0 ibss x0 2412"


def test_a_configured_mode_is_not_replaced_by_another() -> None:
    made = kernel()
    made.refuse["type wlan0 mesh"] = RefusedError("EOPNOTSUPP")
    with pytest.raises(MeshSetupError, match="can be made neither mesh"):
        run(made, interface(mode="mesh"))
    left = kernel("ibss", "x0", 2412)
    run(left, interface(mode="mesh"))
    assert left.writes[0] == "leave wlan0"


def test_what_is_no_radio_or_has_no_frequency_is_said() -> None:
    with pytest.raises(MeshSetupError, match="no wireless interface"):
        run(Kernel("wlan0"), interface())
    with pytest.raises(MeshSetupError, match="no frequency"):
        run(kernel(), interface(frequency=None))
