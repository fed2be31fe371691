# SPDX-License-Identifier: Apache-2.0
"""Loading: examples, defaults, files that are none, bounds, what a reload takes over, the generated page."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from agent.config import Config, ConfigError, Hello, Mesh, Node, Problem, host_port, load
from agent.configchange import RELOADABLE, changed_sections, needs_restart, reload_sentence
from agent.configfile import MAX_BYTES, load_text
from agent.confighealing import Healing, HealingThresholds
from agent.configservices import Probe, Service
from agent.configyaml import MAX_NODES
from agent.faults.base import Thresholds
from tools.docs.configuration import page

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))
MINIMAL = "node: {name: n1}\nmesh: {enabled: false}\n"


def refused(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].file == str(path)
    return caught.value.problems[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_used(path: Path) -> None:
    assert load(path).node.name


def test_the_three_examples_are_there() -> None:
    assert {"laptop-observe.yaml", "wired-node.yaml", "radio-node.yaml"} <= {path.name for path in EXAMPLES}


def test_the_laptop_example_neither_acts_nor_sets_up_nor_listens_outside() -> None:
    config = load(ROOT / "configs" / "laptop-observe.yaml")
    assert (config.mode, config.mesh.enabled) == ("observe", False)
    assert host_port(config.web.listen)[0] == "127.0.0.1"


def test_what_is_left_out_has_the_structs_defaults() -> None:
    assert load_text(MINIMAL) == Config(node=Node(name="n1"), mesh=Mesh(enabled=False))


def test_an_empty_section_or_list_means_its_defaults() -> None:
    text = MINIMAL + "hello:\nservices:\nhealing: {thresholds: }\n"
    assert load_text(text) == load_text(MINIMAL)


def test_words_yaml_takes_for_something_else_stay_words() -> None:
    text = """
node: {name: yes}
mesh:
  address: [10.77.0.1/24, fd77::1/64]
  gateway: {mode: off}
  primary_mac: 02:11:22:33:44:55
  interfaces:
    - {name: 1e3}
    - {name: wlan0, kind: radio, frequency: 2412, country: NO}
services: [{name: broker, command: [mosquitto, -p, 1883], probe: {mqtt: "127.0.0.1:1883"}}]
"""
    config = load_text(text)
    assert config.node.name == "yes"
    assert config.mesh.gateway.mode == "off"
    assert config.mesh.primary_mac == "02:11:22:33:44:55"
    assert config.mesh.interfaces[0].name == "1e3"
    assert config.mesh.interfaces[1].country == "NO"
    assert config.services == (
        Service(name="broker", command=("mosquitto", "-p", "1883"), probe=Probe(mqtt="127.0.0.1:1883")),
    )
    assert config.services[0].probe is not None
    assert config.services[0].probe.target() == ("mqtt", "127.0.0.1:1883")


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x0.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load(path) == load_text(MINIMAL)


def test_a_missing_file_a_folder_and_a_pipe_are_told_apart(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.yaml").found
    assert "directory" in refused(tmp_path).found
    os.mkfifo(tmp_path / "pipe")
    assert "regular file" in refused(tmp_path / "pipe").found  # and it did not block on it


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x0.yaml"
    path.write_text(MINIMAL)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let the system's answer stand in

        def deny(*_args: object, **_options: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", deny)
    assert "permissions" in refused(path).mend


def test_a_byte_that_is_not_utf8_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x0.yaml"
    path.write_bytes(b"node:\n  name: M\xfchle\n")
    problem = refused(path)
    assert (problem.line, problem.column) == (2, 10)
    assert "0xfc" in problem.found


def test_utf16_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x0.yaml"
    path.write_bytes(MINIMAL.encode("utf-16"))
    assert "UTF-16" in refused(path).found


def test_a_file_over_the_size_cap_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "x0.yaml"
    path.write_text(MINIMAL + "#" * MAX_BYTES)
    assert "64 KiB" in refused(path).found


@pytest.mark.parametrize(
    "text", ["[" * 60_000, "{a: " * 15_000, "- " * 30_000, "[" + "a," * (MAX_NODES + 10) + "]"]
)
def test_bombs_end_with_a_problem_not_with_the_process(text: str) -> None:
    with pytest.raises(ConfigError):
        load_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_host_and_port_are_taken_apart(text: str, expected: tuple[str, int]) -> None:
    assert host_port(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":80", "a", "a:", "a:0", "a:65536", "a:-1", "::1:80", "[]:80", "a:\u0663"]
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|HOST"):
        host_port(text)


def test_thresholds_have_the_names_and_defaults_of_the_fault_rules() -> None:
    ours, theirs = msgspec.structs.asdict(HealingThresholds()), msgspec.structs.asdict(Thresholds())
    assert theirs.pop("hello_interval_s") == Hello().interval
    assert ours == {name: theirs[name] for name in ours}


def test_the_documentation_is_what_the_structs_say() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == page(), (
        "run python -m tools.docs.configuration"
    )


def test_nothing_changed_means_no_section() -> None:
    assert changed_sections(load_text(MINIMAL), load_text(MINIMAL)) == ()
    assert "as before" in reload_sentence(())


def test_what_can_be_taken_over_is_told_from_what_needs_a_restart() -> None:
    old = load_text(MINIMAL)
    new = msgspec.structs.replace(
        old,
        mode="heal",
        mesh=Mesh(mtu=1600),
        hello=Hello(interval=2.0, port=1),
        healing=Healing(budget_per_hour=1),
    )
    changed = changed_sections(old, new)
    assert changed == ("mode", "mesh", "hello.interval", "hello.port", "healing")
    assert needs_restart(changed) == ("mesh", "hello.port")
    sentence = reload_sentence(changed)
    assert "Taken over: mode, hello.interval, healing." in sentence
    assert "restart" in sentence
    assert "mesh, hello.port" in sentence


def test_every_reloadable_name_exists() -> None:
    for name in RELOADABLE:
        section, _, key = name.partition(".")
        assert section in Config.__struct_fields__
        assert not key or key in getattr(Config(node=Node(name="n")), section).__struct_fields__
