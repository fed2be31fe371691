# SPDX-License-Identifier: Apache-2.0
"""Store and knowledge on a real file: bounded, outliving restarts, never in the agent's way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import store as module
from agent.events import Decision, Diagnosis, Outcome, Result, Verdict
from agent.mapek.episodes import Episode, Memory
from agent.mapek.knowledge import Knowledge
from agent.mapek.limits import HOUR, Limits
from agent.store import MAX_VALUE, Record, Store, StoreError

DIAGNOSIS = Diagnosis("e1", "link-dead", "hardif/e2", 1.0, 2.0, {"elp": "silent"})


def knowledge(folder: Path, boot: str = "boot-1") -> Knowledge:
    return Knowledge(Store(folder / "k.db"), boot)


def outcome(result: Result, episode: str = "e1", action: str = "detach-hardif") -> Outcome:
    return Outcome(episode, "link-dead", "hardif/e2", action, result, "so", 3.0, 1.0)


def test_values_and_records_outlive_the_agent(tmp_path: Path) -> None:
    store = Store(tmp_path / "k.db")
    store.put("a", b"1")
    store.put("b", b"2")
    store.delete("b")
    store.add(Record(1.0, "outcome", "e1", b"{}"))
    store.close()
    again = Store(tmp_path / "k.db")
    assert (again.get("a"), again.get("b")) == (b"1", None)
    assert again.records() == (Record(1.0, "outcome", "e1", b"{}"),)
    again.close()


def test_writes_wait_for_a_flush_and_are_seen_before_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "k.db")
    store.put("a", b"1")
    store.add(Record(1.0, "x", "e", b"{}"))
    assert store.pending() == 2
    assert store.get("a") == b"1"
    assert len(store.records()) == 1
    with sqlite3.connect(tmp_path / "k.db") as base:
        assert base.execute("SELECT count(*) FROM records").fetchone() == (0,)
    base.close()
    assert store.flush()
    assert store.pending() == 0
    store.close()


def test_an_unchanged_value_costs_no_write(tmp_path: Path) -> None:
    store = Store(tmp_path / "k.db")
    store.put("a", b"1")
    store.flush()
    store.put("a", b"1")
    assert store.pending() == 0
    store.close()


@given(st.binary(min_size=1, max_size=4096))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_any_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k.db"
    for old in tmp_path.iterdir():
        old.unlink()
    content = b"damage" * 100 + content  # SQLite takes a file shorter than its header for a new one
    path.write_bytes(content)
    store = Store(path)
    store.put("a", b"1")
    assert store.flush(), store.trouble
    store.close()
    assert "begun anew" in store.notes[0]
    assert (tmp_path / "k.db.broken-1").read_bytes() == content
    again = Store(path)
    assert again.get("a") == b"1"
    again.close()


def test_damaged_files_kept_are_bounded(tmp_path: Path) -> None:
    for _ in range(6):
        (tmp_path / "k.db").write_bytes(b"damage" * 100)
        Store(tmp_path / "k.db").close()
    assert len(list(tmp_path.glob("*.broken-*"))) == module.MAX_BROKEN


def test_a_file_of_a_later_version_is_kept_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "k.db") as base:
        base.execute("PRAGMA user_version=99")
    base.close()
    store = Store(tmp_path / "k.db")
    assert "schema version 99" in store.notes[0]
    store.close()


def test_a_disk_that_cannot_be_written_is_said_once_and_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    store = Store(blocked / "k.db")
    assert "make the state directory writable" in store.trouble
    store.put("a", b"1")
    for _ in range(3):
        assert not store.flush()
    assert len(store.notes) == 1
    assert store.get("a") == b"1"
    blocked.unlink()
    assert store.flush()
    assert not store.trouble
    store.close()


def test_a_full_disk_keeps_the_newest_in_memory_and_writes_them_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "k.db")

    def full(base: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_write", full)
        for number in range(module.MAX_QUEUED + 5):
            store.add(Record(float(number), "x", "e", b"{}"))
        assert not store.flush()
        assert "disk is full" in store.trouble
        assert store.pending() == module.MAX_QUEUED
    assert store.flush()
    assert store.records(1)[0].wall == module.MAX_QUEUED + 4
    store.close()


def test_records_are_bounded_by_count_and_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 300)
    store = Store(tmp_path / "k.db")
    for number in range(800):
        store.add(Record(1e9 + number, "x", "e", b"{}"))
    store.flush()
    assert len(store.records(5000)) == 300
    for number in range(100):
        store.add(Record(9e9 + number, "x", "e", b"{}"))
    store.flush()
    assert len(store.records(5000)) == module.MIN_RECORDS  # a jump of the clock does not erase everything
    store.close()


def test_oversized_values_and_records_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "k.db")
    with pytest.raises(StoreError):
        store.put("a", b"x" * (MAX_VALUE + 1))
    with pytest.raises(StoreError):
        store.add(Record(0.0, "x", "e", b"x" * (MAX_VALUE + 1)))
    store.close()


def test_success_counts_once_for_an_episode_that_was_contained_and_then_healed(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    known.record_outcome(outcome(Result.CONTAINED), 1.0)
    known.record_outcome(outcome(Result.HEALED), 2.0)
    known.record_outcome(outcome(Result.FAILED, "e2"), 3.0)
    known.record_outcome(outcome(Result.GONE, "e3", ""), 4.0)
    known.store.close()
    rate = knowledge(tmp_path).rates["link-dead", "detach-hardif"]
    assert (rate.tried, rate.worked, rate.share) == (2, 1, 0.5)


def test_decisions_stand_with_their_evidence(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    known.record_decision(DIAGNOSIS, Decision("e1", Verdict.WAIT, None, "why", 2.0), 1.0)
    assert b'"elp":"silent"' in known.store.records()[0].body
    known.store.close()


def test_the_budget_outlives_the_agent_and_another_boot_is_taken_cautiously(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    limits = known.load_limits()
    for at in (5000.0, 5001.0):
        limits.acted("reboot", "node/a", at)
    known.save_action(limits, 5001.0, reboot=True)
    known.store.close()
    same = knowledge(tmp_path).load_limits()
    assert same.budget_left(30, 5002.0) == 28
    assert same.reboot_wait(21600.0, 5002.0) == 21599.0
    other = knowledge(tmp_path, "boot-2").load_limits()
    assert other.budget_left(30, 60.0) == 28
    assert other.budget_left(30, HOUR + 1) == 30
    assert other.reboot_wait(21600.0, 60.0) == 21540.0


def test_what_is_kept_for_the_links_is_kept_after_a_restart_of_the_agent(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    limits = known.load_limits()
    for at in (5000.0, 5001.0, 5002.0):
        limits.acted("shrink-own-files", "host/disk", at)
    limits.withdrawn("shrink-own-files", "host/disk", 5002.0)
    known.save_action(limits, 5002.0, reboot=False)
    known.store.close()
    same = knowledge(tmp_path).load_limits()
    assert (same.budget_left(30, 5003.0), same.budget_left(30, 5003.0, "host/disk")) == (28, 13)


def test_that_no_rung_helped_is_known_after_a_restart_of_the_agent(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    memory = Memory()
    episode = Episode(DIAGNOSIS, 2)
    episode.retry_at = 700.0
    memory.ended(episode, 100.0)
    known.save_memory(memory)
    known.store.close()
    last = knowledge(tmp_path).load_memory().last("link-dead", "hardif/e2", 200.0)
    assert last is not None
    assert (last.failed, last.contained) == (True, False)


def test_an_action_that_was_withdrawn_is_not_counted_by_the_next_run_either(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    limits = known.load_limits()
    for at in (5000.0, 5001.0):
        limits.acted("reboot", "node/a", at)
        known.save_action(limits, at, reboot=True)
    limits.withdrawn("reboot", "node/a", 5001.0)
    known.save_withdrawn(limits)
    known.store.close()
    same = knowledge(tmp_path).load_limits()
    assert same.budget_left(30, 5002.0) == 29
    assert same.reboot_wait(21600.0, 5002.0) == 21598.0


def test_relapses_outlive_the_agent(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    memory = Memory()
    episode = Episode(DIAGNOSIS, 2)
    memory.ended(episode, 100.0)
    known.save_memory(memory)
    known.store.close()
    last = knowledge(tmp_path).load_memory().last("link-dead", "hardif/e2", 200.0)
    assert last is not None
    assert last.count == 2


def test_relapses_are_forgotten_after_a_quiet_hour(tmp_path: Path) -> None:
    memory = Memory()
    memory.ended(Episode(DIAGNOSIS, 2), 100.0)
    assert memory.by_subject(100.0 + HOUR) == {"hardif/e2": 2}
    assert memory.by_subject(101.0 + HOUR) == {}
    assert memory.last("link-dead", "hardif/e2", 101.0 + HOUR) is None


def test_a_pause_starts_again_after_a_reboot(tmp_path: Path) -> None:
    known = knowledge(tmp_path)
    known.save_pause(1000.0, 900.0)
    known.store.close()
    assert knowledge(tmp_path).pause_until(1100.0) == 1900.0
    assert knowledge(tmp_path).pause_until(2000.0) == 0.0
    assert knowledge(tmp_path, "boot-2").pause_until(60.0) == 900.0


@pytest.mark.parametrize("key", ["rates", "actions", "reboot", "relapses", "pause", "healthy"])
@pytest.mark.parametrize("value", [b"", b"\xff", b"{}", b"[1]", b'[{"boot":1}]', b"null"])
def test_unreadable_values_are_forgotten_and_said(tmp_path: Path, key: str, value: bytes) -> None:
    store = Store(tmp_path / "k.db")
    store.put(key, value)
    known = Knowledge(store, "boot-1")
    assert isinstance(known.load_limits(), Limits)
    assert known.load_memory().items() == ()
    assert known.pause_until(1.0) == 0.0
    assert not known.was_healthy()
    assert any("unreadable" in note for note in store.notes)
    store.close()


def test_a_store_that_shrinks_keeps_its_values_and_the_newest_records(tmp_path: Path) -> None:
    store = Store(tmp_path / "k.db")
    store.put("a", b"1")
    for number in range(900):
        store.add(Record(float(number), "outcome", f"e{number}", b"x" * 2000))
    store.flush()
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    freed = store.shrink()
    assert freed > 1_000_000
    assert before - sum(path.stat().st_size for path in tmp_path.iterdir()) >= freed
    kept = store.records(limit=1000)
    assert len(kept) == module.MIN_RECORDS
    assert kept[0].episode == "e899"
    store.add(Record(900.0, "outcome", "e900", b"{}"))
    assert store.flush()
    store.close()
    again = Store(tmp_path / "k.db")
    assert again.get("a") == b"1"
    assert again.records(limit=1)[0].episode == "e900"
    again.close()


def test_a_store_that_cannot_be_opened_has_nothing_to_give_up(tmp_path: Path) -> None:
    (tmp_path / "k.db").mkdir()
    store = Store(tmp_path / "k.db")
    assert store.shrink() == 0
    store.close()
