# SPDX-License-Identifier: Apache-2.0
"""The bookkeeping of `make test-all`: which parts there are, what is due, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.testall import __main__ as testall
from tools.testall import parts, record, tree
from tools.testall.record import Result

ONE, TWO, QUIET = (
    "tests/lab/test_unit.py::one",
    "tests/lab/test_unit.py::two[x]",
    "tests/lab/test_quiet.py::q",
)
PARTS = {"quiet": [QUIET], "unit": [ONE, TWO]}
HERE = "0123456789"


def passed(*tests: str, tree: str = HERE, outcome: str = "passed") -> Result:
    return Result(outcome, "2026-01-02 03:04", 61.0, tree, dict.fromkeys(tests, "passed"))


def test_a_part_is_a_file() -> None:
    assert parts.group([ONE, QUIET, TWO]) == PARTS


def test_files_of_one_name_are_told_apart_by_their_folder() -> None:
    told = parts.group(["tests/lab/test_bad.py::a", "tests/integration/test_bad.py::b", QUIET])
    assert sorted(told) == ["integration-bad", "lab-bad", "quiet"]


def test_everything_is_due_at_first() -> None:
    assert record.due(PARTS, {}, HERE) == PARTS


def test_what_passed_on_this_tree_is_not_due() -> None:
    assert record.due(PARTS, {"quiet": passed(QUIET), "unit": passed(ONE, TWO)}, HERE) == {}


@pytest.mark.parametrize("then", ["9876543210", f"{HERE}+1234abcd", ""])
def test_what_passed_on_another_tree_is_due(then: str) -> None:
    assert record.due(PARTS, {"quiet": passed(QUIET, tree=then), "unit": passed(ONE, TWO)}, HERE) == {
        "quiet": [QUIET]
    }


def test_without_git_everything_stays_due() -> None:
    assert record.due(PARTS, {"quiet": passed(QUIET, tree="")}, "") == PARTS


@pytest.mark.parametrize("outcome", ["failed", "timeout", "interrupted"])
def test_a_part_that_was_broken_off_goes_on_with_what_is_left(outcome: str) -> None:
    kept = {"quiet": passed(QUIET), "unit": passed(ONE, outcome=outcome)}
    assert record.due(PARTS, kept, HERE) == {"unit": [TWO]}


def test_a_failed_test_and_a_new_one_are_left() -> None:
    was = Result("failed", "", 1.0, HERE, {ONE: "failed"})
    assert record.due({"unit": [ONE, TWO]}, {"unit": was}, HERE) == {"unit": [ONE, TWO]}


def test_a_part_in_which_everything_was_skipped_has_not_passed() -> None:
    done = record.result([ONE], {ONE: "skipped"}, broken_off=None, at="", seconds=1.0, tree=HERE)
    assert done.outcome == "skipped"
    assert record.due({"unit": [ONE]}, {"unit": done}, HERE) == {"unit": [ONE]}


@pytest.mark.parametrize(
    ("ran", "broken_off", "outcome"),
    [
        ({ONE: "passed", TWO: "passed"}, None, "passed"),
        ({ONE: "passed", TWO: "skipped"}, None, "passed"),
        ({ONE: "passed", TWO: "failed"}, None, "failed"),
        ({ONE: "passed"}, None, "failed"),
        ({}, None, "failed"),
        ({ONE: "passed"}, "timeout", "timeout"),
        ({ONE: "passed", TWO: "passed"}, "interrupted", "interrupted"),
    ],
)
def test_a_part_has_passed_when_all_its_tests_came_to_a_good_end(
    ran: dict[str, str], broken_off: str | None, outcome: str
) -> None:
    done = record.result([ONE, TWO], ran, broken_off=broken_off, at="", seconds=1.0, tree=HERE)
    assert done.outcome == outcome


def test_a_part_that_went_on_counts_both_runs() -> None:
    before = passed(ONE, outcome="timeout")
    done = record.result(
        [ONE, TWO], {TWO: "passed"}, broken_off=None, at="", seconds=4.0, tree=HERE, before=before
    )
    assert (done.outcome, done.seconds) == ("passed", 65.0)


def test_a_test_that_is_no_longer_there_is_forgotten() -> None:
    before = Result("failed", "", 1.0, HERE, {"tests/lab/test_unit.py::gone": "failed"})
    done = record.result(
        [ONE], {ONE: "passed"}, broken_off=None, at="", seconds=1.0, tree=HERE, before=before
    )
    assert done.tests == {ONE: "passed"}
    assert done.outcome == "passed"


def test_what_is_saved_is_loaded_and_a_damaged_record_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "build" / "test-all.json"
    assert record.load(path) == {}
    record.save(path, {"quiet": passed(QUIET)})
    assert record.load(path) == {"quiet": passed(QUIET)}
    path.write_text('{"quiet": {')
    assert record.load(path) == {}
    assert [each.name for each in path.parent.iterdir()] == ["test-all.json.damaged"]


def test_the_table_tells_result_date_duration_and_tree() -> None:
    told = record.table(PARTS, {"quiet": passed(QUIET, tree="9876543210")}, HERE).splitlines()
    assert len({len(line) for line in told}) == 1
    cells = [cell.strip() for cell in told[2].split("|")[1:-1]]
    assert cells == ["quiet", "1", "1 passed", "2026-01-02 03:04", "1:01", "9876543210, not this one"]
    assert "never run" in told[3]


def test_the_table_tells_what_did_not_run() -> None:
    assert "timeout (1 not run, 1 passed)" in record.table(
        PARTS, {"unit": passed(ONE, outcome="timeout")}, HERE
    )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of our own and PARTS as what is collected."""
    monkeypatch.setattr(testall, "RECORD", tmp_path / "test-all.json")
    monkeypatch.setattr(testall, "LOCK", tmp_path / "test-all.lock")
    monkeypatch.setattr(parts, "collect", lambda _tree: PARTS)
    monkeypatch.setattr(tree, "state", lambda _tree: HERE)
    return tmp_path


@pytest.mark.usefixtures("desk")
def test_a_wrong_part_prints_the_list_and_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert testall.main(["moebius"]) == 2
    told = capsys.readouterr()
    assert "| quiet |" in told.out
    assert "no part 'moebius'; there are: quiet, unit" in told.err


@pytest.mark.usefixtures("desk")
def test_the_list_is_printed_and_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert testall.main(["list"]) == 0
    assert "never run" in capsys.readouterr().out
    assert not testall.RECORD.exists()


@pytest.fixture
def runs(desk: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs nothing; the parts that were asked for. `unit` fails at its first run."""
    asked: list[str] = []

    def part(every: list[str], tests: list[str], name: str) -> Result:
        outcome = "failed" if name == "unit" and name not in asked else "passed"
        asked.append(name)
        done = passed(*every, outcome=outcome) if outcome == "passed" else passed(outcome=outcome)
        record.save(testall.RECORD, {**record.load(testall.RECORD), name: done})
        return done

    assert desk.exists()
    monkeypatch.setattr(testall, "_part", part)
    return asked


def test_the_next_run_does_only_what_has_not_passed(runs: list[str]) -> None:
    assert testall.main([]) == 1
    assert runs == ["quiet", "unit"]
    assert testall.main([]) == 0
    assert runs == ["quiet", "unit", "unit"]
    assert testall.main([]) == 0
    assert runs == ["quiet", "unit", "unit"], "all have passed"
    assert testall.main(["quiet"]) == 0
    assert runs[-1] == "quiet", "a part that is named runs again"
