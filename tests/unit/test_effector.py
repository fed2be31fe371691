# SPDX-License-Identifier: Apache-2.0
"""The effector: what actions may do, with every refusal of the system in words."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.effector import KernelEffector
from agent.kernel.errors import RefusedError
from agent.mesh.wanted import HardifSettings
from agent.remedies.base import ActionError
from agent.services.errors import ServiceError
from tests.unit.mesh.kernel import Kernel


def kernel() -> Kernel:
    made = Kernel("e1", "br0")
    made.create_batadv("bat0")
    made.writes.clear()
    return made


def effector(made: Kernel, **given: Any) -> KernelEffector:
    fake = cast(Any, made)
    base: dict[str, Any] = {"settings": lambda _: HardifSettings(150, 1_000_000), "restart": lambda _: None}
    return KernelEffector(**{**base, **given}, links=fake, batadv=fake)


def test_attaching_tells_batman_adv_at_once_what_it_forgot() -> None:
    made = kernel()
    effector(made).attach_hardif("bat0", "e1")
    assert made.writes == [
        "master e1 bat0",
        "up e1",
        "set e1 elp_interval_ms 150",
        "set e1 throughput_override_kbit 1000000",
    ]


def test_attaching_without_known_settings_is_still_attaching() -> None:
    made = kernel()
    effector(made, settings=lambda _: None).attach_hardif("bat0", "e1")
    assert made.writes == ["master e1 bat0", "up e1"]


def test_settings_that_fail_do_not_make_the_attachment_fail(caplog: pytest.LogCaptureFixture) -> None:
    made = kernel()
    made.refuse["set e1 elp_interval_ms 150"] = RefusedError("EINVAL")
    effector(made).attach_hardif("bat0", "e1")
    assert made.table["e1"].master == made.index("bat0")
    assert "without its settings" in caplog.text


def test_detaching_keeps_the_device_up() -> None:
    made = kernel()
    acting = effector(made)
    acting.attach_hardif("bat0", "e1")
    acting.detach_hardif("e1")
    assert acting.hardif_master("e1") == ""
    assert made.table["e1"].admin_up


def test_the_master_is_a_name_or_nothing_or_no_interface() -> None:
    made = kernel()
    acting = effector(made)
    assert acting.hardif_master("e1") == ""
    assert acting.hardif_master("e9") is None
    made._change("e1", master=made.index("br0"))
    assert acting.hardif_master("e1") == "br0"


def test_the_ogm_interval_is_set_told_and_known_at_rest() -> None:
    made, told = kernel(), list[int]()
    acting = effector(made, on_ogm=told.append, rest_ogm_ms=lambda: 300)
    acting.set_ogm_interval("bat0", 100)
    assert made.mesh("bat0").ogm_interval_ms == 100
    assert told == [100]
    assert acting.ogm_interval("bat0") == 300
    assert effector(made).ogm_interval("bat0") == 100  # without a keeper: what the kernel has


def test_a_mesh_that_is_gone_has_no_interval_to_set_but_none_to_read() -> None:
    acting = effector(Kernel("e1"))
    acting.set_ogm_interval("bat0", 100)
    with pytest.raises(ActionError, match="reading the OGM interval of bat0"):
        acting.ogm_interval("bat0")


def test_what_the_system_refuses_becomes_an_action_error_in_words() -> None:
    made = kernel()
    for words in ("master e1 bat0", "master e1 None", "set ogm_interval_ms 100"):
        made.refuse[words] = RefusedError(f"{words}: EBUSY")
    acting = effector(made)
    with pytest.raises(ActionError, match=r"attaching e1 to bat0: .*EBUSY"):
        acting.attach_hardif("bat0", "e1")
    with pytest.raises(ActionError, match=r"detaching e1: .*EBUSY"):
        acting.detach_hardif("e1")
    with pytest.raises(ActionError, match=r"OGM interval of bat0: .*EBUSY"):
        acting.set_ogm_interval("bat0", 100)


def test_a_restart_is_the_controllers() -> None:
    asked: list[str] = []
    effector(kernel(), restart=asked.append).restart_service("broker")
    assert asked == ["broker"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ServiceError("broker: process 7 does not end"), "restarting broker: process 7 does not end"),
        (KeyError("broker"), "restarting broker: KeyError: 'broker'"),
        (OSError("no such program"), "restarting broker: OSError: no such program"),
    ],
)
def test_a_restart_that_failed_says_why_and_an_unexpected_error_its_kind(error: Exception, said: str) -> None:
    def fails(_: str) -> None:
        raise error

    with pytest.raises(ActionError) as caught:
        effector(kernel(), restart=fails).restart_service("broker")
    assert str(caught.value) == said
