# SPDX-License-Identifier: Apache-2.0
"""`x0 policy`: from the running agent and from a file, as text and as JSON, with the mend of each mistake."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.authz import commands
from agent.authz.authoriser import Authoriser
from agent.authz.standing import by_revocations
from agent.authz.subject import READER
from agent.cli.base import OK, PROBLEM, UNREACHABLE
from agent.cli.main import main
from agent.configpolicy import Rule
from agent.control import ControlServer
from agent.identity.revoked import Entry, Kind, Revoked

RULE = Rule("no-metrics", "deny", ("reader",), ("page.read",), ("/metrics",), why="outsiders")
FILE = """node: {name: n1}
mesh: {enabled: false}
policy:
  rules:
    - name: no-metrics
      effect: deny
      subjects: [reader]
      actions: [page.read]
      resources: [/metrics]
      networks: [203.0.113.0/24]
"""


@pytest.fixture
def authoriser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authoriser]:
    """Behind a control server in a thread, as `x0` is a program of its own."""
    entry = Entry(Kind.NODE, "lake", 1, "stolen")
    revoked = Revoked({(Kind.NODE, "lake"): entry})
    found = Authoriser([RULE], standing=by_revocations(lambda: revoked))
    path = tmp_path / "agent.sock"
    monkeypatch.setenv("X0_SOCKET", str(path))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = ControlServer(path, commands.handlers(found), permit=commands.permit(found))
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield found
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_why_names_the_rule_that_denies(authoriser: Authoriser, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "why", "reader", "page.read", "/metrics"]) == PROBLEM
    out = capsys.readouterr().out
    assert "Refused: reader may not page.read /metrics: the rule of the policy no-metrics denies it" in out


def test_why_names_the_rule_that_allows(authoriser: Authoriser, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "why", "reader", "page.read", "/", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert (found["allowed"], found["rule"]) == (True, "built-in/page-is-open")
    assert found["others"] == [{"rule": "policy/no-metrics", "effect": "deny", "why": "is about /metrics"}]


def test_why_knows_the_revoked(authoriser: Authoriser, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["policy", "why", "spiffe://valley.mesh/node/lake", "link.secure", "link", "--role", "router"]
    assert main(asked) == PROBLEM
    assert "node lake is revoked (stolen)" in capsys.readouterr().out


def test_why_says_what_makes_a_question_idle(
    authoriser: Authoriser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "why", "reader", "page.act", "rebooot"]) == PROBLEM
    out = " ".join(capsys.readouterr().out.split())
    assert "only pin can come to ask" in out
    assert "there is no rebooot" in out
    assert "no address was given" in out


def test_why_counts_nothing(authoriser: Authoriser) -> None:
    main(["policy", "why", "reader", "page.read", "/metrics"])
    assert all(dict(key)["action"] == "control.call" for key in authoriser.tally.series())


def test_show_lists_rules_counts_and_refusals(
    authoriser: Authoriser, capsys: pytest.CaptureFixture[str]
) -> None:
    authoriser.decide(READER, "page.read", "/metrics")
    assert main(["policy", "show"]) == OK
    out = capsys.readouterr().out
    assert "deny policy/no-metrics" in out
    assert "allow built-in/pin-acts" in out
    assert "Refused lately" in out
    assert main(["policy", "show", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["rules"][0]["rule"] == "policy/no-metrics"
    assert found["actions"]["page.act"]["resource"] == "the action"
    assert found["refused"][0]["count"] == 1


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (["reder", "page.read", "/"], "did you mean reader"),
        (["reader", "page.reed", "/"], "did you mean page.read"),
        (["reader", "page.read", "/", "--role", "router"], "only a node of the mesh has roles"),
        (["spiffe://valley.mesh/node/a", "link.secure", "link", "--role", "R"], "a-z"),
        (["reader", "page.read", "/" + "x" * 300], "1 to 255"),
        (["reader", "page.read", ""], "1 to 255"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_the_mend(
    authoriser: Authoriser, capsys: pytest.CaptureFixture[str], words: list[str], mend: str
) -> None:
    assert main(["policy", "why", *words]) == PROBLEM
    assert mend in capsys.readouterr().err


def test_a_file_is_judged_without_an_agent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x0.yaml"
    file.write_text(FILE)
    asked = ["policy", "why", "reader", "page.read", "/metrics", "--config", str(file), "--address"]
    assert main([*asked, "203.0.113.9"]) == PROBLEM
    assert main([*asked, "10.0.0.9"]) == OK
    assert main(["policy", "show", "--config", str(file)]) == OK
    assert "203.0.113.0/24" in capsys.readouterr().out


def test_a_file_with_mistakes_or_none_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x0.yaml"
    file.write_text(FILE.replace("reader", "reder"))
    assert main(["policy", "show", "--config", str(file)]) == PROBLEM
    assert "did you mean reader" in capsys.readouterr().err
    assert main(["policy", "show", "--config", str(tmp_path / "none")]) == PROBLEM
    assert "no such file" in capsys.readouterr().err


def test_without_an_agent_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "--socket", str(tmp_path / "none.sock")]) == UNREACHABLE
    assert "systemctl start" in capsys.readouterr().err
