# SPDX-License-Identifier: Apache-2.0
"""The words of the policy are those of the code that asks; what was allowed before it still is."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from agent import remedies
from agent.authz import commands
from agent.authz.authoriser import Authoriser
from agent.authz.subject import HINT, PIN, READER, SELF, Subject
from agent.configfile import load_text
from agent.controlcommands import handlers
from agent.events import Scope
from agent.hello.message import REPORT_KINDS
from agent.hello.peers import News
from agent.mapek.permit import reach_of
from agent.policyterms import ACTIONS, LOCAL, REACHES, SUBJECTS
from agent.web.actions import CHECKS
from agent.web.app import Pages
from tests.unit.web.pages import document

ROOT = Path(__file__).parents[3]


def known(action: str) -> set[str]:
    return set(ACTIONS[action].known)


def test_the_commands_are_the_agents() -> None:
    made = handlers(dict, lambda seconds: seconds, lambda: True) | commands.handlers(Authoriser())
    assert known("control.call") == set(made)


def test_the_actions_of_the_page_are_its() -> None:
    assert known("page.act") == set(CHECKS)


def test_the_paths_are_the_pages_routes() -> None:
    pages = Pages(document, lambda: "", asyncio.Event())
    assert known("page.read") == {url.url_pattern for _, url, *_ in pages.app.url_map}


def test_the_words_of_neighbours_are_those_that_can_come() -> None:
    hellos = {f"hello/{news}" for news in News if news != News.GONE}  # that one nobody says
    assert known("hint.take") == hellos | {f"report/{kind}" for kind in REPORT_KINDS}


def test_what_the_node_does_to_the_mesh_is_what_it_asks_about() -> None:
    text = (ROOT / "agent/node.py").read_text() + (ROOT / "agent/nodepolicy.py").read_text()
    asked = set(re.findall(r'policy\.may\(\s*"([a-z-]+)"', text)) | set(
        re.findall(r'"mesh\.act", "([a-z-]+)"', text)
    )
    assert known("mesh.act") == asked


def test_reaches_are_the_scopes_of_remedies() -> None:
    assert tuple(scope.value for scope in Scope) == REACHES


def test_every_action_and_subject_is_explained_on_its_page() -> None:
    page = (ROOT / "docs/policy.md").read_text()
    for word in (*ACTIONS, *SUBJECTS):
        assert f"`{word}`" in page, word


def test_the_example_of_its_page_is_a_configuration() -> None:
    page = (ROOT / "docs/policy.md").read_text().splitlines()
    start = page.index("    policy:")
    end = next(number for number, line in enumerate(page) if number > start and not line)
    head = "node: {name: n1}\nmesh: {enabled: false}\n"
    rules = load_text(head + "\n".join(line[4:] for line in page[start:end])).policy.rules
    authoriser = Authoriser(rules)
    assert authoriser.decide(READER, "page.read", "/metrics", "192.0.2.7")
    assert not authoriser.decide(READER, "page.read", "/metrics", "198.51.100.7")
    assert not authoriser.decide(PIN, "page.act", "reboot", "192.0.2.7")


@pytest.mark.parametrize("kind", sorted(LOCAL))
@pytest.mark.parametrize("command", sorted(ACTIONS["control.call"].known))
def test_every_local_may_give_every_command_as_before(kind: str, command: str) -> None:
    assert Authoriser().decide(Subject(kind), "control.call", command)


@pytest.mark.parametrize("path", sorted(ACTIONS["page.read"].known))
def test_everybody_may_read_the_page_as_before(path: str) -> None:
    assert Authoriser().decide(READER, "page.read", path, "203.0.113.7")
    assert Authoriser().decide(PIN, "page.read", path, "203.0.113.7")


def test_acts_and_positions_are_for_who_signed_in_as_before() -> None:
    authoriser = Authoriser()
    assert authoriser.decide(READER, "page.sign-in", "session")
    asked = [("page.act", name) for name in CHECKS]
    for action, on in [*asked, ("page.download", "support-bundle"), ("page.read-private", "status")]:
        assert authoriser.decide(PIN, action, on), action
        assert not authoriser.decide(READER, action, on), action


def test_every_remedy_there_is_may_be_used_as_before() -> None:
    authoriser = Authoriser()
    for action in remedies.discover():
        assert authoriser.decide(SELF, "remedy.act", f"{reach_of(action).value}/{action.id}"), action.id


def test_a_remedy_that_reaches_further_than_it_did_is_left_to_a_vote() -> None:
    """Whoever writes one that others feel has to name it in the built-in table, or a vote has to allow it."""
    authoriser = Authoriser()
    for name in ("neighbours/expel-node", "mesh/change-channel", "mesh/detach-hardif"):
        assert not authoriser.decide(SELF, "remedy.act", name)


def test_what_the_node_does_beside_its_loop_and_hears_is_as_before() -> None:
    authoriser = Authoriser()
    for what in ACTIONS["mesh.act"].known:
        assert authoriser.decide(SELF, "mesh.act", what)
    for word in ACTIONS["hint.take"].known:
        assert authoriser.decide(HINT, "hint.take", word)
    assert authoriser.decide(HINT, "mesh.act", "hasten-ogms")
    assert not authoriser.decide(HINT, "mesh.act", "share-gateways")
