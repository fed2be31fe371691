# SPDX-License-Identifier: Apache-2.0
"""Rules of what the page's actions do on the node."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent import nodeactions
from agent.config import Config, Node
from agent.control import ControlError
from agent.events import Snapshot
from agent.linktest import Link
from agent.nodeactions import LEAST_UPTIME, NodeActions, Powers
from agent.readings import Mesh, Neighbour
from agent.web.actions import CHECKS, ActionError, Done
from tests.unit.support.test_bundle import unpack

MAC = "02:78:30:02:00:01"
UNDER = {"NOTIFY_SOCKET": "/run/systemd/notify"}
MESH = Mesh(
    "bat0", 9, "02:78:30:00:00:01", "BATMAN_V", 500, 30, "off", False, False,
    neighbours=(Neighbour("e2", MAC, 0.1, 100_000),),
)  # fmt: skip


class Bench:
    """The actions over a node that writes down what it is told."""

    def __init__(self, folder: Path, environ: dict[str, str] = UNDER, uptime: float = 1e4) -> None:
        self.done: list[Any] = []
        self.paused = True
        self.loop_runs = True
        self.stopped = asyncio.Event()
        powers = Powers(
            config=lambda: Config(node=Node(name="n1")),
            document=lambda: {"node": "n1"},
            snapshot=lambda: Snapshot(1.0, 1.0, mesh=MESH),
            address=lambda _hardif, _mac: "fe80::1",
            pause=self.pause,
            resume=lambda: self.paused,
            stop=self.stopped.set,
            began=0.0,
        )
        self.actions = NodeActions(powers, environ=environ, clock=lambda: uptime, systemd=folder)

    def pause(self, seconds: float) -> float:
        if not self.loop_runs:
            raise ControlError("the loop has not started yet", "try again in a moment")
        self.done.append(seconds)
        return seconds

    async def run(self, name: str, **fields: str) -> Done:
        return await self.actions.runners()[name](fields)

    async def refused(self, name: str, **fields: str) -> ActionError:
        with pytest.raises(ActionError) as caught:
            await self.run(name, **fields)
        return caught.value


async def test_every_action_of_the_page_can_be_run(tmp_path: Path) -> None:
    assert set(Bench(tmp_path).actions.runners()) == set(CHECKS)


async def test_pause_is_in_minutes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    done = await bench.run("pause", minutes="20")
    assert bench.done == [1200.0]
    assert "20 min" in done.sentence


async def test_a_loop_that_has_not_started_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.loop_runs = False
    assert "try again" in (await bench.refused("pause")).sentence


async def test_resume_says_whether_there_was_a_pause(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert (await bench.run("resume")).key == "resumed"
    bench.paused = False
    assert (await bench.run("resume")).key == "not-paused"


async def test_a_link_test_says_loss_and_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    async def measure(hardif: str, addresses: tuple[str, ...], **_: Any) -> Link:
        asked.append((hardif, addresses))
        return Link(50, 48, 1.0, 2.04, 9.5)

    monkeypatch.setattr(nodeactions, "measure", measure)
    done = await Bench(tmp_path).run("link-test", hardif="e2", mac=MAC)
    assert asked == [("e2", ("fe80::1", "fe80::78:30ff:fe02:1"))]
    assert "48 of 50" in done.sentence
    assert "4 % lost" in done.sentence
    assert "2.0 ms" in done.sentence
    assert done.values["loss"] == 4


async def test_a_silent_neighbour_is_a_result_not_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(_hardif: str, _addresses: tuple[str, ...], **_: Any) -> Link:
        return Link(50, 0, trouble="network is down")

    monkeypatch.setattr(nodeactions, "measure", measure)
    done = await Bench(tmp_path).run("link-test", hardif="e2", mac=MAC)
    assert done.key == "link-silent"
    assert "network is down" in done.sentence


@pytest.mark.parametrize(("hardif", "mac"), [("e3", MAC), ("e2", "02:78:30:02:00:09")])
async def test_only_neighbours_of_this_moment_are_asked(tmp_path: Path, hardif: str, mac: str) -> None:
    assert (await Bench(tmp_path).refused("link-test", hardif=hardif, mac=mac)).key == "no-neighbour"


@pytest.mark.parametrize("name", ["restart-agent", "reboot"])
@pytest.mark.parametrize("where", ["no systemd", "no unit"])
async def test_where_nothing_would_start_it_again_it_is_refused_in_words(
    tmp_path: Path, name: str, where: str
) -> None:
    bench = Bench(tmp_path / "nowhere") if where == "no systemd" else Bench(tmp_path, {})
    error = await bench.refused(name)
    assert error.key == "no-systemd"
    assert "by hand" in error.sentence
    assert not bench.stopped.is_set()


async def test_a_restart_stops_the_agent_once_the_answer_is_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodeactions, "ANSWER_FIRST", 0.0)
    bench = Bench(tmp_path)
    running = asyncio.create_task(bench.run("restart-agent"))
    await asyncio.wait_for(bench.stopped.wait(), 5)
    assert not running.done()  # the next agent says that it is done
    running.cancel()


async def test_restarts_are_spaced_so_that_systemd_never_gives_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, uptime=100.0)
    error = await bench.refused("restart-agent")
    assert error.key == "too-young"
    assert not bench.stopped.is_set()
    assert 600 / LEAST_UPTIME < 5  # StartLimitBurst in StartLimitIntervalSec of the unit


async def test_a_reboot_that_systemd_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(words: tuple[str, ...], _within: float) -> tuple[int, str]:
        assert words == ("systemctl", "--no-wall", "reboot")
        return 1, "Access denied"

    monkeypatch.setattr(nodeactions, "ANSWER_FIRST", 0.0)
    monkeypatch.setattr(nodeactions, "_run", refused)
    error = await Bench(tmp_path).refused("reboot")
    assert "Access denied" in error.sentence
    assert "by hand" in error.sentence


async def test_a_support_bundle_is_made_by_a_process_of_its_own(tmp_path: Path) -> None:
    done = await Bench(tmp_path).run("support-bundle")
    parts = unpack(done.content)
    assert json.loads(parts["status.json"]) == {"node": "n1"}
    assert json.loads(parts["config.json"])["node"]["name"] == "n1"


async def test_a_support_bundle_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodeactions, "BUNDLE_S", 0.0)
    assert (await Bench(tmp_path).refused("support-bundle")).key == "timeout"


async def test_what_a_program_says_is_bounded_and_in_one_line() -> None:
    code, said = await nodeactions._run(("sh", "-c", "printf 'a\\nb%.0sx' $(seq 999); exit 3"), 5.0)
    assert code == 3
    assert "\n" not in said
    assert len(said) <= 200
    assert (await nodeactions._run(("/nowhere/systemctl",), 5.0))[0] == 1
    assert "no answer" in (await nodeactions._run(("sleep", "60"), 0.05))[1]
