# SPDX-License-Identifier: Apache-2.0
"""Joining a radio mesh: 802.11s where the driver has it, IBSS else, and never twice."""

from __future__ import annotations

import errno
from typing import Any, cast

import pytest

from agent.config import Interface
from agent.kernel.errors import NotPermittedError, RefusedError
from agent.mesh.errors import MeshSetupError
from agent.mesh.radio import is_out, join
from tests.unit.mesh.kernel import Kernel

MARK = "x0-mesh=2412 x0"


def kernel(kind: str = "station", inside: tuple[str, int] | None = None, alias: str = "") -> Kernel:
    made = Kernel()
    made.plug_radio("wlan0", kind)
    if inside is not None:
        made._change("wlan0", admin_up=True)
        made.inside["wlan0"] = inside
    if alias:
        made.aliases["wlan0"] = alias
    return made


def interface(**changes: Any) -> Interface:
    return Interface(**{"name": "wlan0", "kind": "radio", "mesh_id": "x0", "frequency": 2412, **changes})


def run(made: Kernel, wanted: Interface) -> list[str]:
    countries: list[str] = []
    fake = cast(Any, made)
    join(wanted, fake, fake, countries.append)
    return countries


def air(made: Kernel) -> list[str]:
    return [write for write in made.writes if write.startswith(("leave", "join"))]


def test_a_fresh_radio_becomes_an_802_11s_point_and_joins() -> None:
    made = kernel()
    assert run(made, interface(country="DE")) == ["DE"]
    assert made.writes == [
        "down wlan0",
        "type wlan0 mesh",
        "up wlan0",
        "join wlan0 mesh x0 2412",
        f"alias wlan0 {MARK}",
    ]


@pytest.mark.parametrize("forced", [None, RefusedError("EOPNOTSUPP")], ids=["802.11s", "IBSS"])
def test_a_radio_in_the_right_mesh_is_not_touched_by_a_new_agent(forced: RefusedError | None) -> None:
    made = kernel()
    if forced is not None:
        made.refuse["type wlan0 mesh"] = forced
    run(made, interface())
    made.writes.clear()
    assert run(made, interface(country="DE")) == []
    assert made.writes == []


def test_an_ibss_whose_name_and_channel_the_kernel_tells_needs_no_memory() -> None:
    made = kernel("ibss", ("x0", 2412))
    run(made, interface())
    assert made.writes == []


@pytest.mark.parametrize(("mesh_id", "freq"), [("other", 2412), ("x0", 2437), ("other", 2437)])
@pytest.mark.parametrize("kind", ["mesh", "ibss"])
def test_a_changed_mesh_id_or_channel_is_applied(kind: str, mesh_id: str, freq: int) -> None:
    made = kernel()
    run(made, interface(mode=kind))
    made.writes.clear()
    run(made, interface(mode=kind, mesh_id=mesh_id, frequency=freq))
    assert air(made) == ["leave wlan0", f"join wlan0 {kind} {mesh_id} {freq}"]
    assert made.inside["wlan0"] == (mesh_id, freq)
    made.writes.clear()
    run(made, interface(mode=kind, mesh_id=mesh_id, frequency=freq))
    assert made.writes == []


@pytest.mark.parametrize(
    "alias", ["", "roof north", "x0-mesh=", "x0-mesh=2412", "x0-mesh=x x0", "x0-mesh= x0"]
)
def test_a_radio_of_whose_mesh_nobody_knows_leaves_and_joins_once(alias: str) -> None:
    made = kernel("mesh", ("x0", 2412), alias)
    run(made, interface())
    assert air(made) == ["leave wlan0", "join wlan0 mesh x0 2412"]
    made.writes.clear()
    run(made, interface())
    assert made.writes == []


def test_a_radio_moved_to_another_channel_by_hand_is_brought_back() -> None:
    made = kernel("mesh", ("x0", 2437), MARK)
    run(made, interface())
    assert air(made) == ["leave wlan0", "join wlan0 mesh x0 2412"]


def test_what_is_remembered_is_never_a_mesh_the_radio_may_not_be_in() -> None:
    made = kernel()
    run(made, interface())
    made.refuse["join wlan0 mesh other 2412"] = RefusedError("EINVAL", "", errno.EINVAL)
    with pytest.raises(RefusedError):
        run(made, interface(mesh_id="other"))
    assert made.aliases["wlan0"] == ""


def test_already_joined_is_success_where_the_driver_tells_no_channel_and_it_is_remembered() -> None:
    made = kernel("mesh", ("x0", 2412), MARK)
    made.tells_channel = False
    run(made, interface())
    assert air(made) == []


@pytest.mark.parametrize("alias", ["", "x0-mesh=2437 x0", "x0-mesh=2412 other"])
def test_already_joined_to_what_is_not_remembered_is_left_and_joined(alias: str) -> None:
    made = kernel("mesh", ("other", 2412), alias)
    made.tells_channel = False
    run(made, interface())
    assert air(made) == ["leave wlan0", "join wlan0 mesh x0 2412"]
    assert made.aliases["wlan0"] == MARK


@pytest.mark.parametrize("kind", ["mesh", "ibss"])
def test_a_mesh_that_was_left_meanwhile_is_no_error(kind: str) -> None:
    made = kernel(kind, ("other", 2412))
    told = made.interfaces()
    del made.inside["wlan0"]
    made.interfaces = lambda: told  # type: ignore[method-assign]
    run(made, interface(mode=kind))
    assert air(made) == [f"join wlan0 {kind} x0 2412"]


def test_a_leave_the_kernel_refuses_is_said() -> None:
    made = kernel("mesh", ("other", 2412))
    made.refuse["leave wlan0"] = RefusedError("EBUSY", "", errno.EBUSY)
    with pytest.raises(RefusedError, match="EBUSY"):
        run(made, interface())


def test_a_persons_own_alias_stays() -> None:
    made = kernel(alias="roof north")
    run(made, interface())
    assert made.aliases["wlan0"] == f"roof north; {MARK}"
    run(made, interface(mesh_id="other"))
    assert made.aliases["wlan0"] == "roof north; x0-mesh=2412 other"
    made.writes.clear()
    run(made, interface(mesh_id="other"))
    assert made.writes == []


def test_a_persons_alias_is_cut_where_both_do_not_fit() -> None:
    made = kernel(alias="ü" * 127)
    run(made, interface())
    assert made.aliases["wlan0"].endswith(f"ü; {MARK}")


def test_a_radio_whose_alias_cannot_be_set_is_in_the_mesh_all_the_same() -> None:
    made = kernel()
    made.refuse[f"alias wlan0 {MARK}"] = NotPermittedError("EPERM")
    run(made, interface())
    assert made.inside["wlan0"] == ("x0", 2412)


def test_a_driver_without_mesh_mode_makes_an_ibss() -> None:
    made = kernel()
    made.refuse["type wlan0 mesh"] = RefusedError("EOPNOTSUPP")
    run(made, interface())
    assert air(made) == ["join wlan0 ibss x0 2412"]


def test_a_configured_mode_is_not_replaced_by_another() -> None:
    made = kernel()
    made.refuse["type wlan0 mesh"] = RefusedError("EOPNOTSUPP")
    with pytest.raises(MeshSetupError, match="can be made neither mesh"):
        run(made, interface(mode="mesh"))
    left = kernel("ibss", ("x0", 2412))
    run(left, interface(mode="mesh"))
    assert air(left) == ["leave wlan0", "join wlan0 mesh x0 2412"]


@pytest.mark.parametrize(
    ("kind", "inside", "out"),
    [("mesh", None, True), ("mesh", ("x0", 2412), False), ("ibss", None, True), ("monitor", None, False)],
)
def test_only_a_meshs_radio_in_no_mesh_is_out(kind: str, inside: tuple[str, int] | None, out: bool) -> None:
    assert is_out("wlan0", cast(Any, kernel(kind, inside))) is out
    assert not is_out("wlan1", cast(Any, kernel(kind, inside)))


def test_what_is_no_radio_or_has_no_frequency_or_no_possible_name_is_said() -> None:
    with pytest.raises(MeshSetupError, match="no wireless interface"):
        run(Kernel("wlan0"), interface())
    with pytest.raises(MeshSetupError, match="no frequency"):
        run(kernel(), interface(frequency=None))
    with pytest.raises(MeshSetupError, match="64 bytes"):
        run(kernel(), interface(mesh_id="ü" * 32))
