# SPDX-License-Identifier: Apache-2.0
"""What is told of link security: in the status document, on a terminal, in metrics, on the page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent import status
from agent.cli import links as command
from agent.events import Snapshot
from agent.readings import Peer
from agent.securityreadings import (
    LinkFailure,
    OwnIdentity,
    SecuredInterface,
    SecuredLink,
    Security,
    UnsecuredNeighbour,
)
from agent.telemetry import exposition, linkmetrics
from agent.web import page
from tests.unit.test_status import LOOP, MAC, SNAPSHOT
from tests.unit.web.pages import EVIL
from tests.unit.web.pages import document as page_document

ME, PEER = "spiffe://tal/node/anna", "spiffe://tal/node/berta"
STRANGER = "02:78:30:09:00:01"
SECURITY = Security(
    "required",
    "hybrid",
    OwnIdentity(ME, 0.0, 100.0, 86_400.0, True),
    (
        SecuredInterface(
            "e2", "macsec0", there=True, key_age=12.0, rekey_period=600.0, rekeys=3, failures={"tls": 2}
        ),
    ),
    (
        SecuredLink(
            "e2", MAC, PEER, "post-quantum", suite="hybrid", age=60.0, key_age=12.0, rekeys=3, rx_bad=1
        ),
    ),
    (UnsecuredNeighbour("e2", STRANGER, known_for=20.0, refused=True),),
    (LinkFailure("e2", "revoked", "spiffe://tal/node/carl", "", "carl is revoked", 4, 50.0, 5.0),),
)


def secured(**changes: Any) -> Snapshot:
    peer = Peer("mill", "02:78:30:00:00:02", "e2", MAC, "fe80::1", 0.2, True)
    security = msgspec.structs.replace(SECURITY, **changes)
    return msgspec.structs.replace(SNAPSHOT, security=security, peers=(peer,))


def links(snapshot: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = status.build(LOOP, snapshot)["links"]
    return found


def test_where_links_are_not_secured_every_neighbour_is_said_to_be_in_clear() -> None:
    found = links(SNAPSHOT)
    assert (found["mode"], [row["state"] for row in found["links"]]) == ("off", ["plain"])
    assert [row["security"] for row in status.build(LOOP, SNAPSHOT)["neighbours"]] == ["plain"]
    assert "can be read and forged" in command.render(found)
    assert not command.wrong(found)
    assert '<section id="links"></section>' in page.sections(page_document(links=found))


def test_a_secured_link_has_its_neighbours_name_and_proof() -> None:
    found = links(secured())
    row = found["links"][0]
    assert (row["node"], row["peer"], row["state"], row["rekeys"]) == ("mill", PEER, "post-quantum", 3)
    assert [one["security"] for one in status.build(LOOP, secured())["neighbours"]] == ["post-quantum"]


def test_who_speaks_in_clear_is_a_line_of_its_own_and_a_problem() -> None:
    found = links(secured())
    assert [(row["mac"], row["state"], row["refused"]) for row in found["links"]][1] == (
        STRANGER,
        "none",
        True,
    )
    assert command.wrong(found)
    assert not command.wrong(links(secured(unsecured=())))


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": OwnIdentity(problem="not enrolled")},
        {"interfaces": (SecuredInterface("e2", "macsec0"),)},
        {"interfaces": (SecuredInterface("e2", "macsec0", there=True, problem="no address"),)},
        {"links": (SecuredLink("e2", MAC, PEER, "none"),)},
    ],
)
def test_what_keeps_a_link_from_being_secured_is_a_problem(changes: dict[str, Any]) -> None:
    assert command.wrong(links(secured(unsecured=(), **changes)))


def test_the_terminal_shows_links_key_and_failures() -> None:
    text = command.render(links(secured()))
    for words in (ME, "required, hybrid", "macsec0: key in use for 12 s, changed 3 times", "mill", PEER,
                  "post-quantum", "refused: it has no security", "carl is revoked", "4 times"):  # fmt: skip
        assert words in text


def test_a_certificate_that_ended_and_a_doubtful_clock_are_said() -> None:
    own = OwnIdentity(ME, 0.0, 100.0, -7200.0, False)
    text = " ".join(command.render(links(secured(identity=own))).split())
    assert "ended 2 h ago" in text
    assert "clock is not known to be right" in text


def test_metrics_have_a_state_for_each_link() -> None:
    out = exposition.Metrics()
    linkmetrics.add_links(out, SECURITY)
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(out.text())
        for sample in family.samples
    }
    where = (("interface", "e2"),)
    link = (("interface", "e2"), ("neighbour", MAC))
    assert samples["x0_link_security", (*link, ("state", "post-quantum"))] == 1
    assert samples["x0_link_security", (*link, ("state", "none"))] == 0
    assert samples["x0_link_rekeys_total", where] == 3
    assert samples["x0_link_failures_total", (*where, ("reason", "tls"))] == 2
    assert samples["x0_link_unsecured_neighbours", where] == 1
    assert samples["x0_identity_seconds_left", ()] == 86_400


def test_without_link_security_there_are_no_metrics_of_it() -> None:
    out = exposition.Metrics()
    linkmetrics.add_links(out, None)
    assert out.text().strip() == ""


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ("Encryption", "encrypted, post-quantum", "refused", "What went wrong")),
     ("ru", ("Шифрование", "постквантовый", "отклонён", "Что не удалось"))],
)  # fmt: skip
def test_the_page_has_a_line_for_each_link(lang: str, words: tuple[str, ...]) -> None:
    html = page.sections(page_document(links=links(secured())), lang)
    for word in (*words, PEER, STRANGER):
        assert word in html


def test_what_strangers_say_is_escaped() -> None:
    hostile = secured(
        links=(SecuredLink("e2", EVIL, EVIL, "none"),),
        failures=(LinkFailure("e2", "tls", EVIL, EVIL, EVIL),),
        identity=OwnIdentity(problem=EVIL),
    )
    assert "<script>alert" not in page.sections(page_document(links=links(hostile)))
