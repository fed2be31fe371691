# SPDX-License-Identifier: Apache-2.0
"""Rules of the mesh in the status document: nodes are called by their names where those are known."""

from typing import Any

import msgspec
import pytest

from agent import status, statusmesh
from agent.events import Decision, Snapshot, Verdict
from agent.readings import Gateway, Originator, Peer
from tests.unit.test_status import DIAGNOSIS, LOOP, MAC, MESH, SNAPSHOT

FAR = "02:78:30:00:00:09"


def _meshed(**changes: Any) -> Snapshot:
    """A node behind n2, which n2 called by its name."""
    mesh = msgspec.structs.replace(
        MESH, originators=(*MESH.originators, Originator(FAR, MAC, "e2", 0.1, 9, True)),
        gateways=(Gateway(FAR, MAC, 50_000, 10_000, True),),
    )  # fmt: skip
    peer = Peer("n2", "02:78:30:00:00:02", "e2", MAC, "fe80::1", 0.2, True)
    return msgspec.structs.replace(SNAPSHOT, mesh=mesh, peers=(peer,), names={FAR: "barn"}, **changes)


def test_node_behind_a_neighbour_and_the_gateway_are_called_by_their_names() -> None:
    mesh = status.build(LOOP, _meshed())["mesh"]
    assert [(way["node"], way["hops"]) for way in mesh["ways"]] == [("n2", 1), ("barn", 2)]
    assert mesh["gateway_node"] == "barn"


def test_name_of_ones_own_hello_is_believed_before_what_others_tell() -> None:
    lied = msgspec.structs.replace(_meshed(), names={"02:78:30:00:00:02": "evil", FAR: "barn"})
    assert status.build(LOOP, lied)["mesh"]["ways"][0]["node"] == "n2"


def test_verdict_names_nodes_where_their_names_are_known() -> None:
    sentence = f"The mesh has split: {FAR}, {MAC}, 02:78:30:00:00:77 cannot be reached from here."
    split = msgspec.structs.replace(DIAGNOSIS, fault="partition", subject="mesh/bat0", sentence=sentence)
    no = Decision("d1", Verdict.NOTHING, None, "No.", 990.5)
    episode = status.Episode(split, decision=no, needs_person=True)
    document = status.build(msgspec.structs.replace(LOOP, episodes=(episode,)), _meshed())
    assert "barn, n2, 02:78:30:00:00:77 cannot be reached" in document["verdict"]["sentence"]
    assert document["faults"][0]["names"] == {FAR: "barn", MAC: "n2"}
    assert document["faults"][0]["sentence"] == sentence, "as the log has it"


def test_names_given_to_a_fault_are_bounded() -> None:
    macs = [f"02:00:00:00:00:{n:02x}" for n in range(200)]
    snapshot = msgspec.structs.replace(SNAPSHOT, names=dict.fromkeys(macs, "n"))
    assert len(statusmesh.named_in(" ".join(macs), snapshot)) == statusmesh.NAMED_MAX


@pytest.mark.parametrize(
    ("subject", "place"),
    [(f"hardif/e2/{MAC}", f"e2, {MAC}"), ("hardif/e2", "e2"), ("service/mosquitto", "mosquitto"), ("", "")],
)
def test_place_of_a_fault_is_its_interface_and_neighbour(subject: str, place: str) -> None:
    assert statusmesh.place_of(subject, SNAPSHOT) == place
