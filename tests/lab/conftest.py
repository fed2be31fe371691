# SPDX-License-Identifier: Apache-2.0
"""Labs for the tests: booted at first use, shared by all tests of a topology, whole again after each test.

A machine's panic is the lab's failure, never the test's: the run ends with exit code 70.
"""

import os
from collections.abc import Generator, Iterator

import pytest

from tools.lab import internet, lifecycle, ways
from tools.lab.client import Lab
from tools.lab.errors import MachineError
from tools.lab.identities import Authority

# Tests follow each other within seconds on the same few links: what bounds how often the agents act, and what
# holds a link back that fails again, is for a mesh's life. Unit tests hold those rules.
OFTEN = {
    "healing.budget_per_hour": 1000,
    "healing.moves_per_two_minutes": 100,
    "healing.undone_within": 0.0,
    "healing.cooldown_first": 0.5,
    "healing.cooldown_max": 1.0,
    "mesh.haste_per_minute": 20,
}
HEALTHY_S = 120.0  # for agents to settle after a test's faults were cleared
WAYS_S = 30.0  # for OGMs to find each way again; batman-adv refuses for so long a node that began anew
KINDS = {
    "bare_line5": ("line:5", False),
    "bare_ring6": ("ring:6", False),
    "spent_ring6": ("ring:6", False),  # the same one, after the tests that leave it whole
    "bare_radio4": ("radio:4:ring", False),
    "bare_vm2": ("vm:2", False),
    "lab_ring6": ("ring:6", True),
    "spent_lab": ("ring:6", True),  # the same one, after the tests that leave it whole
    "lab_gateways": ("ring:6", True),  # n1 and n4 are gateways with an Internet each
    "lab_secured4": ("ring:4", True),  # links are encrypted
    "spent_secured4": ("ring:4", True),  # the same one, after the tests that leave it whole
    "lab_radio4": ("radio:4:ring", True),
    "lab_secured_radio2": ("radio:2:line", True),
    "lab_vm2": ("vm:2", True),
    "lab_systemd2": ("vm:2", True),
    "spent_systemd2": ("vm:2", True),  # the same one, after the tests that leave it whole
    "lab_secured_systemd2": ("vm:2", True),
}
# what differs from OFTEN: the state lies beside the root, which a test has made read-only
OVERRIDES: dict[str, dict[str, object]] = {
    "lab_vm2": {"node.state_dir": "/run/x0-state"},
    "lab_gateways": {
        "mesh.gateway.mode": "client",
        **internet.gateway("n1", down=20_000),
        **internet.gateway("n4", down=10_000),
    },
}
SECURED = {"lab_secured4", "lab_secured_radio2", "lab_secured_systemd2"}
SYSTEMD = {"lab_systemd2", "lab_secured_systemd2"}  # the machines boot systemd, the agents are its units


class Labs:
    """Keeps one lab running: the next topology ends the one before, two cores carry no more."""

    def __init__(self) -> None:
        self._running: tuple[str, Lab] | None = None
        self.authority: Authority | None = None  # of a lab whose links are encrypted

    def get(self, kind: str) -> Lab:
        """Return the lab of that kind, whole: nothing broken, no traffic, agents running and healthy."""
        if self._running is None or self._running[0] != kind:
            self.end()
            topology, agents = KINDS[kind]
            name = f"test-{os.getpid()}"
            overrides = OFTEN | OVERRIDES.get(kind, {})
            self.authority = Authority() if kind in SECURED else None
            lab = lifecycle.up(
                topology,
                name=name,
                agents=agents,
                overrides=overrides,
                systemd=kind in SYSTEMD,
                authority=self.authority,
            )
            self._running = (kind, lab)
        return self._running[1]

    def end(self) -> None:
        """End the running lab."""
        if self._running is not None:
            self._running = None
            lifecycle.down(f"test-{os.getpid()}")


@pytest.fixture(scope="session")
def labs() -> Iterator[Labs]:
    """The running lab of this session."""
    made = Labs()
    try:
        yield made
    finally:
        made.end()


def _use(labs: Labs, kind: str) -> Iterator[Lab]:
    lab = labs.get(kind)
    yield lab
    try:
        _make_whole(lab)
    except BaseException:
        labs.end()  # the next test boots a fresh one instead of failing for what this one left
        raise


def _make_whole(lab: Lab) -> None:
    """Clear what the test broke. What stays broken is an error of this test."""
    lab.traffic_stop()
    lab.clear()
    if lab.state.agents:
        stopped = [unit["node"] for unit in lab.units() if unit["pid"] is None]
        for node in stopped:
            lab.agent(node, "start")
        lifecycle.wait_healthy(lab, lab.nodes, HEALTHY_S)
    if not lab.state.agents:
        return  # batman-adv alone may not mend it (agent/mesh/secondneighbour.py)
    if any(link.kind == "radio" for link in lab.topology.links):
        return  # who hears whom through the air is not a matter of edges alone
    lacking = ways.wait(lab, WAYS_S)
    assert not lacking, f"the mesh has lost ways, {WAYS_S:.0f} s after the test:\n" + "\n".join(lacking)


@pytest.fixture
def bare_line5(labs: Labs) -> Iterator[Lab]:
    """Five nodes in a line without agents."""
    yield from _use(labs, "bare_line5")


@pytest.fixture
def bare_ring6(labs: Labs) -> Iterator[Lab]:
    """Six nodes in a ring without agents: batman-adv alone."""
    yield from _use(labs, "bare_ring6")


@pytest.fixture
def spent_ring6(labs: Labs) -> Iterator[Lab]:
    """bare_ring6 for a test after which no way leads back to a whole mesh: it ends with the test."""
    try:
        yield labs.get("bare_ring6")
    finally:
        labs.end()


@pytest.fixture
def bare_radio4(labs: Labs) -> Iterator[Lab]:
    """Four nodes with a radio each, in a ring, without agents."""
    yield from _use(labs, "bare_radio4")


@pytest.fixture
def bare_vm2(labs: Labs) -> Iterator[Lab]:
    """Two machines joined by a cable, without agents."""
    yield from _use(labs, "bare_vm2")


@pytest.fixture
def lab_ring6(labs: Labs) -> Iterator[Lab]:
    """Six nodes in a ring with agents."""
    yield from _use(labs, "lab_ring6")


@pytest.fixture
def spent_lab(labs: Labs) -> Iterator[Lab]:
    """lab_ring6 for a test after which the others refuse a node's messages for half a minute: it ends."""
    try:
        yield labs.get("lab_ring6")
    finally:
        labs.end()


@pytest.fixture
def lab_secured4(labs: Labs) -> Iterator[Lab]:
    """Four nodes in a ring with agents, whose links are encrypted."""
    yield from _use(labs, "lab_secured4")


@pytest.fixture
def spent_secured4(labs: Labs) -> Iterator[Lab]:
    """lab_secured4 for a test after which a node is revoked: it ends with the test."""
    try:
        yield labs.get("lab_secured4")
    finally:
        labs.end()


@pytest.fixture
def lab_secured_radio2(labs: Labs) -> Iterator[Lab]:
    """Two nodes with a radio each and agents, whose links are encrypted."""
    yield from _use(labs, "lab_secured_radio2")


@pytest.fixture
def lab_secured_systemd2(labs: Labs) -> Iterator[Lab]:
    """Two machines with systemd, the agents under the project's own unit, their link encrypted."""
    yield from _use(labs, "lab_secured_systemd2")


@pytest.fixture
def authority(labs: Labs) -> Authority:
    """Who says who belongs to the lab that runs; after a fixture that has its links encrypted."""
    assert labs.authority is not None
    return labs.authority


@pytest.fixture
def lab_gateways(labs: Labs) -> Iterator[Lab]:
    """lab_ring6 with the gateways n1 (20 Mbit/s) and n4 (10 Mbit/s), the others their clients."""
    lab = labs.get("lab_gateways")
    for node in ("n1", "n4"):
        internet.start(lab, node)
    yield from _use(labs, "lab_gateways")


@pytest.fixture
def lab_radio4(labs: Labs) -> Iterator[Lab]:
    """Four nodes with a radio each, in a ring, with agents."""
    yield from _use(labs, "lab_radio4")


@pytest.fixture
def lab_vm2(labs: Labs) -> Iterator[Lab]:
    """Two machines with agents, joined by a cable: for what is not per namespace."""
    yield from _use(labs, "lab_vm2")


@pytest.fixture
def lab_systemd2(labs: Labs) -> Iterator[Lab]:
    """Two machines with systemd, the agents under the project's own unit."""
    yield from _use(labs, "lab_systemd2")


@pytest.fixture
def spent_systemd2(labs: Labs) -> Iterator[Lab]:
    """lab_systemd2 for a test after which a machine is gone: it ends with the test."""
    try:
        yield labs.get("lab_systemd2")
    finally:
        labs.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order lab tests by their topology, so that each is booted once; give a boot its time."""

    def kind(item: pytest.Item) -> int:
        used = [number for number, name in enumerate(KINDS) if name in getattr(item, "fixturenames", ())]
        return used[0] if used else -1

    items.sort(key=kind)
    for item in items:
        if kind(item) >= 0 and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """End the run when a machine died."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(MachineError):
        pytest.exit(f"the lab failed, not {item.name}: {call.excinfo.value}", MachineError.exit_code)
    return report
