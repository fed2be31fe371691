# SPDX-License-Identifier: Apache-2.0
"""Rules of the actions a signed-in person may ask for."""

import asyncio
from typing import Any

import pytest

from agent.web import notices
from agent.web.actions import CHECKS, ActionError, Actions, Done, Fields, RefusedError
from agent.web.limits import ACTIONS_KEPT, ACTIONS_PER_MINUTE, BUNDLE_KEPT

MAC = "02:78:30:02:00:01"


class Bench:
    """Actions over a clock and a runner that waits for `go`."""

    def __init__(self, kept: bytes = b"") -> None:
        self.now = 100.0
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None
        self.content = b""
        self.told: list[tuple[str, str, str]] = []
        self.kept = kept
        self.changes = 0
        self.actions = Actions(
            dict.fromkeys(CHECKS, self.run),
            kept=kept,
            keep=self.keep,
            changed=self.change,
            audit=lambda *row: self.told.append(row),
            clock=lambda: self.now,
            wall=lambda: 1e9 + self.now,
        )

    async def run(self, fields: Fields) -> Done:
        await self.go.wait()
        if self.error:
            raise self.error
        return Done("well", "All is well.", {"n": len(fields)}, self.content)

    def keep(self, raw: bytes) -> None:
        self.kept = raw

    def change(self) -> None:
        self.changes += 1

    async def ask(self, name: str, **fields: str) -> dict[str, Any]:
        self.actions.start(name, fields, "10.0.0.9")
        await self.actions.wait()
        return self.actions.listed(addresses=True)[0]


async def test_an_action_is_listed_while_it_runs_and_with_its_result_afterwards() -> None:
    bench = Bench()
    bench.go.clear()
    entry = bench.actions.start("resume", {}, "10.0.0.9")
    assert [row["state"] for row in bench.actions.listed()] == ["running"]
    bench.go.set()
    await bench.actions.wait()
    (row,) = bench.actions.listed(addresses=True)
    assert row == {
        "id": entry.id, "name": "resume", "at": 1e9 + 100.0, "by": "10.0.0.9", "state": "done",
        "sentence": "All is well.", "key": "well", "values": {"n": 0}, "download": "",
    }  # fmt: skip
    assert bench.changes == 2
    assert bench.told == [("10.0.0.9", "resume", "begun"), ("10.0.0.9", "resume", "done: All is well.")]


async def test_who_is_not_signed_in_does_not_learn_who_asked() -> None:
    bench = Bench()
    await bench.ask("resume")
    assert bench.actions.listed()[0]["by"] == ""


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (ActionError("no-neighbour", "It is no neighbour."), "no-neighbour"),
        (ValueError("inside"), "broken"),
        (TimeoutError(), "timeout"),
    ],
)
async def test_a_failure_is_said_in_words_and_the_next_one_runs(error: Exception, key: str) -> None:
    bench = Bench()
    bench.error = error
    row = await bench.ask("resume")
    assert (row["state"], row["key"]) == ("failed", key)
    assert row["sentence"].endswith(".")
    bench.error = None
    assert (await bench.ask("resume"))["state"] == "done"


async def test_what_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.web.actions.RUN_MAX", 0.01)
    bench = Bench()
    bench.go.clear()
    row = await bench.ask("resume")
    assert (row["state"], row["key"]) == ("failed", "timeout")


async def test_one_of_a_kind_runs_at_a_time() -> None:
    bench = Bench()
    bench.go.clear()
    bench.actions.start("link-test", {"hardif": "e2", "mac": MAC}, "a")
    with pytest.raises(RefusedError) as caught:
        bench.actions.start("link-test", {"hardif": "e2", "mac": MAC}, "b")
    assert (caught.value.notice, caught.value.status) == (notices.RUNNING, 409)
    bench.actions.start("resume", {}, "b")
    bench.go.set()
    await bench.actions.wait()


async def test_ten_a_minute_and_no_more_for_all_together() -> None:
    bench = Bench()
    for _ in range(ACTIONS_PER_MINUTE):
        await bench.ask("resume")
    with pytest.raises(RefusedError) as caught:
        bench.actions.start("pause", {}, "b")
    assert (caught.value.notice, caught.value.status) == (notices.TOO_MANY, 429)
    bench.now += 61
    assert (await bench.ask("pause"))["state"] == "done"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("pause", {"minutes": "0"}), ("pause", {"minutes": "1441"}), ("pause", {"minutes": "-1"}),
        ("pause", {"minutes": "1.5"}), ("pause", {"minutes": "٣"}), ("pause", {"minutes": ""}),
        ("link-test", {}), ("link-test", {"hardif": "e2", "mac": "x"}),
        ("link-test", {"hardif": "../../e2", "mac": MAC}), ("link-test", {"hardif": "e" * 16, "mac": MAC}),
    ],
)  # fmt: skip
async def test_fields_out_of_bounds_are_refused_with_the_mend(name: str, fields: dict[str, str]) -> None:
    bench = Bench()
    with pytest.raises(RefusedError, match="Mend") as caught:
        bench.actions.start(name, fields, "a")
    assert (caught.value.notice, caught.value.status) == (notices.BAD_INPUT, 400)
    assert bench.actions.listed() == []


async def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        Bench().actions.start("format-disk", {}, "a")
    assert caught.value.status == 404


async def test_the_newest_ten_are_kept_newest_first() -> None:
    bench = Bench()
    for _ in range(ACTIONS_KEPT + 3):
        bench.now += 61
        await bench.ask("resume")
    times = [row["at"] for row in bench.actions.listed()]
    assert len(times) == ACTIONS_KEPT
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("name", "state"), [("restart-agent", "done"), ("reboot", "done"), ("resume", "failed")]
)
async def test_what_was_under_way_when_the_agent_ended_is_told_by_the_next(name: str, state: str) -> None:
    first = Bench()
    first.go.clear()
    first.actions.start(name, {}, "a")
    (row,) = Bench(first.kept).actions.listed()
    assert (row["name"], row["state"]) == (name, state)
    assert row["sentence"]
    first.go.set()
    await first.actions.wait()


@pytest.mark.parametrize("raw", [b"{", b"[7]", b'[{"id": 1}]', b"\xff"])
async def test_a_damaged_list_is_begun_anew(raw: bytes) -> None:
    assert Bench(raw).actions.listed() == []


async def test_a_file_is_kept_for_ten_minutes_the_newest_only() -> None:
    bench = Bench()
    bench.content = b"one"
    one = await bench.ask("support-bundle")
    assert bench.actions.content(one["id"]) == b"one"
    assert one["download"] == f"/api/v1/support-bundle/{one['id']}"
    bench.content = b"two"
    two = await bench.ask("support-bundle")
    assert bench.actions.content(one["id"]) == b""
    assert bench.actions.content(two["id"]) == b"two"
    bench.now += BUNDLE_KEPT + 1
    assert bench.actions.content(two["id"]) == b""
    assert bench.actions.listed()[0]["download"] == ""


def test_every_notice_is_known_and_nothing_else() -> None:
    assert all(notices.known(key) == key for key in notices.ALL)
    assert notices.known("<script>") == ""
