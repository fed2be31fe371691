# SPDX-License-Identifier: Apache-2.0
"""Whether links are secured: never by accident, and every mistake named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config import ConfigError, load
from agent.configchange import RELOADABLE
from agent.configfile import load_text
from agent.configsecurity import secured

MESH = "node: {name: n1}\nmesh:\n  interfaces: [{name: e1}]\n"
EXAMPLES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_example_of_before_has_its_links_secured(path: Path) -> None:
    assert not secured(load(path))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", False),
        ("link_security: off\n", False),
        ("link_security: auto\n", False),
        ("link_security: required\n", True),
    ],
)
def test_without_an_identity_section_links_are_secured_only_where_that_is_said(
    line: str, wanted: bool
) -> None:
    assert secured(load_text(MESH + line)) is wanted


@pytest.mark.parametrize(("mesh", "wanted"), [(None, False), ("valley.mesh", True)])
def test_a_node_that_is_told_its_mesh_of_certificates_has_its_links_secured(
    mesh: str | None, wanted: bool
) -> None:
    config = load_text(MESH)
    told: Any = SimpleNamespace(mesh=config.mesh, link_security="auto", identity=SimpleNamespace(mesh=mesh))
    assert secured(told) is wanted


def test_a_file_says_suite_and_period() -> None:
    config = load_text(MESH + "link_security: required\nlinks: {suite: cnsa, rekey_period: 60}\n")
    assert (config.links.suite, config.links.rekey_period) == ("cnsa", 60.0)


@pytest.mark.parametrize(
    ("text", "line", "key", "mend"),
    [
        (MESH + "link_security: requird\n", 4, "link_security", "write required"),
        (MESH + "link_security: preferred\n", 4, "link_security", "write"),
        (MESH + "links: {suite: hybrd}\n", 4, "links.suite", "write hybrid"),
        (MESH + "links: {rekey_period: 1}\n", 4, "links.rekey_period", "10"),
        (MESH + "links: {rekey_period: 86400}\n", 4, "links.rekey_period", "3600"),
        (MESH + "links: {rekey_perod: 60}\n", 4, "links.rekey_perod", "rekey_period"),
        (
            "node: {name: n1}\nmesh: {enabled: false}\nlink_security: required\n",
            3,
            "link_security",
            "mesh.enabled: true",
        ),
        (
            "node: {name: n1}\nmesh:\n  interfaces: [{name: macsec0}]\nlink_security: required\n",
            3,
            "mesh.interfaces[0].name",
            "below",
        ),
    ],
)
def test_a_mistake_is_named_with_line_key_and_mend(text: str, line: int, key: str, mend: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x0.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert mend in problem.mend


def test_a_macsec_device_of_ones_own_is_a_mesh_interface_where_links_are_not_secured() -> None:
    assert (
        load_text("node: {name: n1}\nmesh:\n  interfaces: [{name: macsec0}]\n").mesh.interfaces[0].name
        == "macsec0"
    )


def test_both_are_taken_over_without_a_restart() -> None:
    assert {"link_security", "links"} <= RELOADABLE
