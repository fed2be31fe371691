# SPDX-License-Identifier: Apache-2.0
"""Each mistake in a configuration is found at its line and key, with a word of how to mend it."""

from __future__ import annotations

import pytest

from agent.config import ConfigError, Problem
from agent.configfile import MAX_PROBLEMS, load_text

HEAD = "node: {name: n1}\n"
MESH = HEAD + "mesh:\n  interfaces: [{name: e1}]\n"
OFF = HEAD + "mesh: {enabled: false}\n"

# (text, line, key, a word of the mend)
MISTAKES: dict[str, tuple[str, int, str, str]] = {
    "nothing at all": ("", 1, "", "node"),
    "only a comment": ("# hello\n", 1, "", "configs/"),
    "a list for a file": ("- a\n", 1, "", "KEY: VALUE"),
    "a word for a file": ("hello\n", 1, "", "KEY: VALUE"),
    "no node": ("mesh: {enabled: false}\n", 1, "node", "add"),
    "no node name": ("node: {state_dir: /x}\nmesh: {enabled: false}\n", 1, "node.name", "add"),
    "a dotted node name": ("node: {name: a.b}\nmesh: {enabled: false}\n", 1, "node.name", "host name"),
    "a node name of 64": (
        f"node: {{name: {'a' * 64}}}\nmesh: {{enabled: false}}\n",
        1,
        "node.name",
        "host name",
    ),
    "a name with a newline": ('node: {name: "n1\\n"}\nmesh: {enabled: false}\n', 1, "node.name", "host name"),
    "an unknown section": (OFF + "heeling: {}\n", 3, "heeling", "healing"),
    "an unknown key": (MESH + "  hop_penalti: 3\n", 4, "mesh.hop_penalti", "hop_penalty"),
    "an unknown key far from all": (MESH + "  zzz: 3\n", 4, "mesh.zzz", "delete"),
    "an unknown key in an item": (
        HEAD + "mesh:\n  interfaces:\n    - {name: e1, knd: wire}\n",
        4,
        "mesh.interfaces[0].knd",
        "kind",
    ),
    "a key twice": (MESH + "  mtu: 1532\n  mtu: 1600\n", 5, "mesh.mtu", "delete one"),
    "a tab": (HEAD + "mesh:\n\tenabled: false\n", 3, "", "tab"),
    "an open list": (OFF + "services: [\n", 3, "", "close"),
    "an open list above others": (OFF + "services: [a, b\nlog: {}\n", 3, "", "close the list"),
    "an open quotation": (OFF + 'web: {listen: "0.0.0.0:80}\n', 3, "", "quotation"),
    "no space after the colon": (OFF + "log:\n  level:info\n  format: json\n", 5, "", "space"),
    "a colon in a value": (OFF + "log:\n  level: a: b\n", 4, "", "quote"),
    "a second document": (OFF + "---\nnode: {}\n", 3, "", "---"),
    "an anchor": ("node: &n {name: n1}\n", 1, "", "delete the anchor"),
    "an alias": ("node: *n\n", 1, "", "write the value out"),
    "a tag": ("node: !!python/object:os.system {name: n1}\n", 1, "", "tag"),
    "deep nesting": (OFF + f"services: {'[' * 40}{']' * 40}\n", 3, "", "brackets"),
    "a section as key": (OFF + "? {a: b}\n: c\n", 3, "", "KEY: VALUE"),
    "a control character": (OFF + "log: {level: in\x07fo}\n", 3, "", "damaged"),
    "a wrong mode": (OFF + "mode: observer\n", 3, "mode", "observe"),
    "a mode in capitals": (OFF + "mode: Observe\n", 3, "mode", "write observe"),
    "an empty mode": (OFF + "mode:\n", 3, "mode", "delete the line"),
    "heal without a mesh": (OFF + "mode: heal\n", 3, "mode", "mesh.enabled: true"),
    "an uplink on a client": (
        MESH + "  gateway: {mode: client, uplink: wan0}\n",
        4,
        "mesh.gateway.uplink",
        "mode: server",
    ),
    "an uplink in the mesh": (
        MESH + "  gateway: {mode: server, uplink: e1}\n",
        4,
        "mesh.gateway.uplink",
        "out",
    ),
    "a name to ping": (
        MESH + "  gateway: {mode: server, ping: [example.com]}\n",
        4,
        "mesh.gateway.ping[0]",
        "address",
    ),
    "a resolver twice": (
        MESH + "  gateway: {mode: server, resolvers: [192.0.2.1, 192.0.2.1]}\n",
        4,
        "mesh.gateway.resolvers[1]",
        "delete",
    ),
    "five addresses to ping": (
        MESH + "  gateway: {mode: server, ping: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5]}\n",
        4,
        "mesh.gateway.ping",
        "",
    ),
    "a name that is none": (
        MESH + "  gateway: {mode: server, resolve: a..b}\n",
        4,
        "mesh.gateway.resolve",
        "example.com",
    ),
    "a mesh without interfaces": (
        HEAD + "mesh: {enabled: true}\n",
        2,
        "mesh.interfaces",
        "list the interfaces",
    ),
    "a yes": (HEAD + "mesh: {enabled: yes}\n", 2, "mesh.enabled", "write true"),
    "a quoted false": (HEAD + 'mesh: {enabled: "false"}\n', 2, "mesh.enabled", "without quotes"),
    "a section where a number is due": (MESH + "  mtu: {a: 1}\n", 4, "mesh.mtu", "one value"),
    "a quoted number": (MESH + '  mtu: "1532"\n', 4, "mesh.mtu", "remove the quotes"),
    "a number with a unit": (MESH + "  ogm_interval: 300ms\n", 4, "mesh.ogm_interval", "alone, in ms"),
    "a fraction of a whole": (MESH + "  mtu: 1532.5\n", 4, "mesh.mtu", "round"),
    "not a number": (OFF + "hello: {interval: .nan}\n", 3, "hello.interval", "digits"),
    "an endless number": (OFF + f"hello: {{port: {'9' * 5000}}}\n", 3, "hello.port", "digits"),
    "an MTU too small": (MESH + "  mtu: 1500\n", 4, "mesh.mtu", "1532 or more"),
    "an OGM interval too short": (MESH + "  ogm_interval: 39\n", 4, "mesh.ogm_interval", "40 or more"),
    "an ELP interval too long": (MESH + "  elp_interval: 10001\n", 4, "mesh.elp_interval", "10000 or less"),
    "ELP slower than OGM": (
        MESH + "  ogm_interval: 200\n  elp_interval: 300\n",
        5,
        "mesh.elp_interval",
        "set elp_interval to 100",
    ),
    "a long interface name": (
        HEAD + "mesh:\n  interfaces: [{name: abcdefghijklmnop}]\n",
        3,
        "mesh.interfaces[0].name",
        "ip link",
    ),
    "an interface called dots": (
        HEAD + "mesh:\n  interfaces: [{name: ..}]\n",
        3,
        "mesh.interfaces[0].name",
        "ip link",
    ),
    "an interface twice": (
        HEAD + "mesh:\n  interfaces:\n    - {name: e1}\n    - {name: e1}\n",
        5,
        "mesh.interfaces[1].name",
        "delete one",
    ),
    "the primary as an interface": (
        HEAD + "mesh:\n  interfaces:\n    - {name: e1}\n    - {name: x0prim}\n",
        5,
        "mesh.interfaces[1].name",
        "dummy",
    ),
    "the mesh as an interface": (
        HEAD + "mesh:\n  interfaces: [{name: bat0}]\n",
        3,
        "mesh.interfaces[0].name",
        "not the mesh",
    ),
    "the primary named as the mesh": (MESH + "  primary: bat0\n", 4, "mesh.primary", "another name"),
    "interfaces by name only": (HEAD + "mesh:\n  interfaces: [e1]\n", 3, "mesh.interfaces[0]", "KEY: VALUE"),
    "interfaces that are no list": (HEAD + "mesh:\n  interfaces: e1\n", 3, "mesh.interfaces", "[e1]"),
    "a radio without frequency": (
        HEAD + "mesh:\n  interfaces:\n    - name: wlan0\n      kind: radio\n",
        4,
        "mesh.interfaces[0].frequency",
        "2412",
    ),
    "a radio's throughput": (
        HEAD + "mesh:\n  interfaces: [{name: w, kind: radio, frequency: 2412, throughput: 5000}]\n",
        3,
        "mesh.interfaces[0].throughput",
        "measured",
    ),
    "a wire with a frequency": (
        HEAD + "mesh:\n  interfaces: [{name: e1, frequency: 2412}]\n",
        3,
        "mesh.interfaces[0].frequency",
        "kind: radio",
    ),
    "a country in small letters": (
        HEAD + "mesh:\n  interfaces: [{name: w, kind: radio, frequency: 2412, country: de}]\n",
        3,
        "mesh.interfaces[0].country",
        "ISO 3166",
    ),
    "a burnt-in MAC": (MESH + "  primary_mac: 00:11:22:33:44:55\n", 4, "mesh.primary_mac", "auto"),
    "an address without prefix": (MESH + "  address: [10.77.0.1]\n", 4, "mesh.address[0]", "10.77.0.1/24"),
    "an address that is none": (
        MESH + "  address: [10.77.0.256/24]\n",
        4,
        "mesh.address[0]",
        "ADDRESS/PREFIX",
    ),
    "an address twice": (
        MESH + "  address: [10.0.0.1/24, 10.0.0.1/16]\n",
        4,
        "mesh.address[1]",
        "delete one",
    ),
    "a relative path": (OFF + "sensors: {disk_path: var}\n", 3, "sensors.disk_path", "from / on"),
    "a long socket path": (
        f"node: {{name: n1, control_socket: /{'x' * 107}}}\nmesh: {{enabled: false}}\n",
        1,
        "node.control_socket",
        "shorten",
    ),
    "a service both ways": (
        OFF + "services: [{name: a, unit: a.service, command: [a]}]\n",
        3,
        "services[0]",
        "delete command",
    ),
    "a service neither way": (OFF + "services: [{name: a}]\n", 3, "services[0]", "unit: a.service"),
    "a service twice": (
        OFF + "services:\n  - {name: a, command: [a]}\n  - {name: a, command: [b]}\n",
        5,
        "services[1].name",
        "another name",
    ),
    "half a unit's name": (
        OFF + "services: [{name: a, unit: sshd}]\n",
        3,
        "services[0].unit",
        "sshd.service",
    ),
    "a service's name with a slash": (
        OFF + "services: [{name: ../a, command: [a]}]\n",
        3,
        "services[0].name",
        "short name",
    ),
    "a probe of no kind": (
        OFF + "services: [{name: a, command: [a], probe: {}}]\n",
        3,
        "services[0].probe",
        "one",
    ),
    "a probe of two kinds": (
        OFF + 'services: [{name: a, command: [a], probe: {tcp: "a:1", mqtt: "b:1"}}]\n',
        3,
        "services[0].probe",
        "exactly one",
    ),
    "a probe without port": (
        OFF + "services: [{name: a, command: [a], probe: {tcp: localhost}}]\n",
        3,
        "services[0].probe.tcp",
        "127.0.0.1:1883",
    ),
    "a probe of another machine": (
        OFF + "services: [{name: a, command: [a], probe: {http: 'http://example.org/'}}]\n",
        3,
        "services[0].probe.http",
        "127.0.0.1",
    ),
    "a listen without port": (OFF + "web: {listen: 0.0.0.0}\n", 3, "web.listen", "0.0.0.0:8080"),
    "a bare IPv6 listen": (OFF + 'web: {listen: "::1"}\n', 3, "web.listen", "[::1]:PORT"),
    "a port too high": (OFF + 'web: {listen: "0.0.0.0:65536"}\n', 3, "web.listen", "0.0.0.0:8080"),
    "a cool-down that shrinks": (
        OFF + "healing: {cooldown_first: 60, cooldown_max: 5}\n",
        3,
        "healing.cooldown_max",
        "raise cooldown_max",
    ),
    "reboots too often": (
        OFF + "healing: {reboot_min_interval: 60}\n",
        3,
        "healing.reboot_min_interval",
        "3600.0 or more",
    ),
    "a threshold below its bound": (
        OFF + "healing:\n  thresholds: {elp_misses: 0}\n",
        4,
        "healing.thresholds.elp_misses",
        "1.0 or more",
    ),
}


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x0.yaml")
    return caught.value.problems


@pytest.mark.parametrize(("text", "line", "key", "mend"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_once_with_line_key_and_mend(text: str, line: int, key: str, mend: str) -> None:
    problems = problems_of(text)
    assert len(problems) == 1, problems
    problem = problems[0]
    assert (problem.line, problem.key) == (line, key)
    assert mend in problem.mend
    assert problem.found
    assert problem.allowed
    assert str(problem).startswith(f"x0.yaml:{line}: ")
    assert "Mend: " in str(problem)


def test_all_mistakes_of_a_file_are_collected_in_its_order() -> None:
    text = (
        "mode: heel\nmesh:\n  mtu: 1\n  interfaces: [{name: e1}, {name: e1}]\nwbe: {}\nlog: {level: loud}\n"
    )
    found = [(problem.line, problem.key) for problem in problems_of(text)]
    expected = [
        (1, "node"),
        (1, "mode"),
        (3, "mesh.mtu"),
        (4, "mesh.interfaces[1].name"),
        (5, "wbe"),
        (6, "log.level"),
    ]
    assert found == expected


def test_item_numbers_are_those_of_the_file_although_an_item_before_was_wrong() -> None:
    text = HEAD + "mesh:\n  interfaces:\n    - {nam: e1}\n    - {name: e2}\n    - {name: e2}\n"
    assert (6, "mesh.interfaces[2].name") in [(p.line, p.key) for p in problems_of(text)]


def test_a_wrong_field_causes_no_second_complaint_about_what_follows_from_it() -> None:
    text = HEAD + "mesh:\n  interfaces: [{name: w, kind: radoi, frequency: 2412}]\n"
    assert [p.key for p in problems_of(text)] == ["mesh.interfaces[0].kind"]


def test_the_number_of_problems_is_bounded() -> None:
    assert len(problems_of(OFF + "".join(f"k{n}: 1\n" for n in range(500)))) == MAX_PROBLEMS


def test_columns_point_at_the_value() -> None:
    (problem,) = problems_of(OFF + "log: {level: loud}\n")
    assert (problem.line, problem.column) == (3, 14)
