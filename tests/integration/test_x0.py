# SPDX-License-Identifier: Apache-2.0
"""`x0` against a control socket that answers with the real status document, and without one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import status as status_document
from agent.cli.base import OK, PROBLEM, UNREACHABLE, USAGE, discover
from agent.cli.main import main
from agent.control import ControlServer
from agent.controlcommands import handlers
from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Snapshot, Verdict
from agent.readings import Mesh, Neighbour, Peer, Service

NOW, WALL = 1000.0, 1_800_000_000.0
SUBJECT = "hardif/e2/02:78:30:02:00:01"


def episode(open_: bool) -> status_document.Episode:
    remedy = Remedy("detach-hardif", SUBJECT, {})
    return status_document.Episode(
        diagnosis=Diagnosis(
            "e7",
            "link-dead",
            SUBJECT,
            NOW - 30,
            NOW - 29.4,
            {"elp": "silent for 0.6 s"},
            (),
            "The link e2 to n3 is dead.",
        ),
        title="Dead link",
        by_hand="Look at the cable.",
        decision=Decision("e7", Verdict.ACT, remedy, "Taking e2 out of the mesh.", NOW - 29.3),
        outcome=None
        if open_
        else Outcome(
            "e7", "link-dead", SUBJECT, "detach-hardif", Result.HEALED, "It answers again.", NOW - 20, 10.0
        ),
        open=open_,
    )


def document(episodes: tuple[status_document.Episode, ...], name: str = "n3") -> dict[str, Any]:
    mac = "02:78:30:02:00:01"
    snapshot = Snapshot(
        at=NOW,
        wall=WALL,
        mesh=Mesh(
            "bat0", 9, "02:78:30:00:00:01", "BATMAN_V", 500, 30, "off", False, False,
            neighbours=(Neighbour("e2", mac, 0.12, 100_000),), neighbours_at=NOW,
        ),
        services=(Service("broker", "running", 12, "CONNACK in 2 ms"),),
        peers=(Peer(name, "02:78:30:00:00:03", "e2", mac, "fe80::1", 0.4, True),),
    )  # fmt: skip
    loop = status_document.Loop(NOW, WALL, "n1", "heal", NOW - 4000, True, None, episodes)
    return status_document.build(loop, snapshot)


class Agent:
    """A control server in a thread, as `x0` is a program of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status = document(())
        self.paused: list[float] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = ControlServer(
            path, handlers(lambda: self.status, self.pause, lambda: bool(self.paused))
        )
        asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(10)

    def pause(self, seconds: float) -> float:
        self.paused.append(seconds)
        return WALL + seconds

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    path = tmp_path / "agent.sock"
    monkeypatch.setenv("X0_SOCKET", str(path))
    agent = Agent(path)
    yield agent
    agent.close()


def test_the_ten_commands_are_found() -> None:
    names = ["config", "explain", "faults", "links", "mesh", "pause", "pin", "policy", "resume", "status"]
    assert [c.name for c in discover()] == names


def test_links_say_that_they_are_in_clear_where_they_are_not_secured(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["links"]) == OK
    out = capsys.readouterr().out
    assert "link_security: off" in out
    assert "in clear" in out
    assert main(["links", "--json"]) == OK
    (row,) = json.loads(capsys.readouterr().out)["links"]
    assert (row["hardif"], row["state"], row["node"]) == ("e2", "plain", "n3")


def test_status_of_a_healthy_node_is_ok(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == OK
    out = capsys.readouterr().out
    assert "n1: healthy" in out
    assert "Everything this node can see works." in out
    assert "100.0 Mbit/s" in out
    assert "No open fault." in out
    assert "\x1b" not in out  # no colour: it is no terminal


def test_status_names_the_gateway_and_the_nodes_behind_neighbours(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    mesh = agent.status["mesh"]
    row = {"node": "n2", "mac": "02:78:30:00:00:02", "hops": 2}
    mesh["ways"] = [{**row, "hops": 1}]
    mesh["ways"] += [{**row, "node": "barn\x1b[2J"}, {**row, "node": "", "mac": "02:78:30:00:00:77"}]
    mesh["ways"] += [{**row, "node": f"n{n}"} for n in range(100, 120)]
    mesh |= {"gateway": "02:78:30:00:00:09", "gateway_node": "mill"}
    main(["status"])
    out = capsys.readouterr().out
    behind = " ".join(out.split()).partition("Behind ")[2]
    assert "n2" not in behind.partition(" more")[0]
    assert behind.startswith("barn")
    assert ", 02:78:30:00:00:77, n100, n101, " in behind
    assert "n113 and 6 more" in behind
    assert "\x1b" not in out
    assert "gateway mill" in out


def test_status_of_a_node_with_an_open_fault_is_a_problem(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.status = document((episode(True),))
    assert main(["status"]) == PROBLEM
    out = capsys.readouterr().out
    assert "The link e2 to n3 is dead." in out
    assert "detach-hardif" in out


def test_json_is_the_agents_own_document(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == OK
    assert json.loads(capsys.readouterr().out) == agent.status


def test_a_strangers_name_cannot_act_on_the_terminal(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.status["neighbours"][0]["node"] = "evil\x1b[2J\u202e"
    main(["status"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "evil" in out


def test_faults_tells_open_from_ended(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults"]) == OK
    assert "No fault" in capsys.readouterr().out
    agent.status = document((episode(False),))
    assert main(["faults"]) == OK
    assert "healed" in capsys.readouterr().out
    agent.status = document((episode(True),))
    assert main(["faults"]) == PROBLEM
    assert "x0 explain" in capsys.readouterr().out


def test_explain_shows_the_catalogue_and_the_episode(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.status = document((episode(False),))
    assert main(["explain", "link-dead"]) == OK
    out = capsys.readouterr().out
    for words in (
        "Dead link",
        "Recognised",
        "Ladder",
        "detach-hardif",
        "By hand",
        "silent for 0.6 s",
        "healed",
    ):
        assert words in out


def test_explain_takes_an_episodes_id(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    agent.status = document((episode(False),))
    assert main(["explain", "e7", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["fault"] == "link-dead"
    assert found["episodes"][0]["id"] == "e7"


@pytest.mark.parametrize("fault", ["link-dead", "node-dead", "one-way", "hardif-missing", "service-dead"])
def test_explain_works_without_an_agent(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", fault, "--json", "--socket", str(tmp_path / "none")]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["title"]
    assert found["meaning"]
    assert found["recognised"]
    assert found["by_hand"]
    assert found["ladder"], "the ladder of an empty view has no rung"
    assert "no agent" in found["agent"]


def test_explain_of_an_unknown_fault_suggests_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "link-ded", "--socket", str(tmp_path / "none")]) == PROBLEM
    assert "did you mean link-dead?" in capsys.readouterr().out


def test_pause_and_resume_reach_the_agent(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume"]) == OK
    assert "no pause" in capsys.readouterr().out
    assert main(["pause", "1h30m"]) == OK
    assert agent.paused == [5400.0]
    assert "x0 resume" in capsys.readouterr().out
    assert main(["resume"]) == OK
    assert "ended" in capsys.readouterr().out


def test_what_the_agent_refuses_is_a_problem_with_its_mend(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", "2d"]) == PROBLEM
    assert "24 h" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["pause"], ["pause", "soon"], ["config"], ["explain"]]
)
def test_wrong_usage_has_its_exit_code(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == USAGE
    assert "usage: x0" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status"], ["faults"], ["pause", "1m"], ["resume"]])
def test_without_an_agent_the_exit_code_says_so(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--socket", str(tmp_path / "none")]) == UNREACHABLE
    assert "systemctl start x0-agent" in capsys.readouterr().err


def test_config_check_says_each_mistake_and_exits_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x0.yaml"
    path.write_text("node: {name: n1}\nmesh: {enabled: false, mtu: 1}\nmod: heal\n")
    assert main(["config", "check", str(path)]) == PROBLEM
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path}:2: mesh.mtu: found 1, allowed")
    assert lines[1].startswith(f"{path}:3: mod: ")
    assert "2 mistakes" in lines[2]
    assert main(["config", "check", str(path), "--json"]) == PROBLEM
    assert [p["key"] for p in json.loads(capsys.readouterr().out)["problems"]] == ["mesh.mtu", "mod"]
    path.write_text("node: {name: n1}\nmesh: {enabled: false}\n")
    assert main(["config", "check", str(path)]) == OK
