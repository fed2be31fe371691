# SPDX-License-Identifier: Apache-2.0
"""Grace, rotation and the time floor: what is decided from times alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.identity.grace import Standing, allowance, standing
from agent.identity.limits import DAY, GRACE, GRACE_MAX, SKEW, SVID_LIFE, YEAR
from agent.identity.moment import Moment
from agent.identity.rotation import RETRY_MAX, due, retry_after
from agent.identity.timefloor import EARLIEST, LATEST, MAX_STEP, SIGNED_STEP, WRITE_EVERY, TimeFloor
from tests.unit.identity.mesh import NOW

BEGIN, END = NOW, NOW + SVID_LIFE


@pytest.mark.parametrize(
    ("at", "trusted", "grace", "found"),
    [
        (BEGIN, True, 0, Standing.VALID),
        (BEGIN - SKEW, True, 0, Standing.VALID),
        (BEGIN - SKEW - 1, True, 0, Standing.EARLY),
        (END, True, 0, Standing.VALID),
        (END + 1, True, 0, Standing.EXPIRED),
        (END + 1, True, DAY, Standing.GRACE),
        (END + DAY, True, DAY, Standing.GRACE),
        (END + DAY + 1, True, DAY, Standing.EXPIRED),
        (BEGIN - 10 * YEAR, False, 0, Standing.DEFERRED),
        (BEGIN, False, 0, Standing.DEFERRED),
        (END + 1, False, 0, Standing.EXPIRED),
        (END + 1, False, DAY, Standing.GRACE),
    ],
)
def test_standing(at: float, trusted: bool, grace: float, found: Standing) -> None:
    assert standing(BEGIN, END, Moment(at, trusted), grace) is found


def test_grace_is_for_a_mesh_without_an_issuer_only_and_bounded() -> None:
    assert allowance(GRACE, issuer_reachable=True) == 0
    assert allowance(GRACE, issuer_reachable=False) == GRACE
    assert allowance(1000 * YEAR, issuer_reachable=False) == GRACE_MAX
    assert allowance(-5, issuer_reachable=False) == 0


@given(st.floats(0, 1, exclude_max=True), st.floats(60, 90 * DAY))
def test_a_node_renews_about_the_middle_of_its_life(chance: float, life: float) -> None:
    assert 0.399 * life <= due(NOW, NOW + life, chance) - NOW <= 0.601 * life


def test_renewals_of_a_mesh_enrolled_at_once_are_spread_over_a_fifth_of_the_life() -> None:
    times = [due(BEGIN, END, number / 100) for number in range(100)]
    assert max(times) - min(times) > 0.19 * SVID_LIFE


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_tries_are_never_further_apart_than_an_hour_and_a_quarter(failures: int, chance: float) -> None:
    assert 20 < retry_after(failures, chance) <= RETRY_MAX * 1.25


def test_tries_grow_apart() -> None:
    waits = [retry_after(failures, 0.5) for failures in range(1, 12)]
    assert waits[0] == 30
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_MAX


class Run:
    """A node's process: its floor and the seconds that pass in it."""

    def __init__(self, path: Path) -> None:
        self.seconds = 1000.0
        self.floor = TimeFloor(path, lambda: self.seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "time-floor"


@pytest.fixture
def run(path: Path) -> Run:
    """A node whose clock said NOW before it was switched off and on again."""
    TimeFloor(path).saw_clock(NOW)
    return Run(path)


def test_a_clock_of_1970_is_not_trusted_and_the_floor_stands_in(run: Run) -> None:
    assert run.floor.moment(12.0, trusted=True) == Moment(NOW, trusted=False)
    assert run.floor.moment(NOW + 60, trusted=True) == Moment(NOW + 60)


def test_an_untrusted_clock_says_nothing_however_far_ahead(run: Run) -> None:
    assert run.floor.moment(NOW + 10 * YEAR, trusted=False) == Moment(NOW, trusted=False)


def test_the_floor_never_falls_and_a_clock_ten_years_ahead_does_not_lift_it(run: Run) -> None:
    for at in (NOW - 1, NOW + 10 * YEAR, LATEST + 1, float("nan")):
        run.floor.saw_clock(at)
    assert run.floor.at == NOW
    run.floor.saw_clock(NOW + MAX_STEP)
    assert run.floor.at == NOW + MAX_STEP


def test_a_clock_that_climbs_step_by_step_gets_no_further_than_one_step_and_the_time_that_passed(
    run: Run,
) -> None:
    for step in range(1, 20):
        run.seconds += 1.0
        run.floor.saw_clock(NOW + step * 399 * DAY)
    assert run.floor.at == NOW + 399 * DAY
    run.seconds += 30 * DAY
    run.floor.saw_clock(NOW + MAX_STEP + 30 * DAY)
    assert run.floor.at == NOW + MAX_STEP + 30 * DAY


def test_one_issuer_does_not_end_the_mesh_s_time(path: Path, run: Run) -> None:
    """It signs times up to the end of its own certificate, as often as it likes."""
    end = NOW + 2 * YEAR
    for at in (NOW + DAY, NOW + YEAR, end, end, end + 1, LATEST, float("inf"), float("nan")):
        run.floor.saw_signed(at, end)
    assert run.floor.at == NOW + SIGNED_STEP
    assert TimeFloor(path).at == NOW + SIGNED_STEP


def test_a_signed_time_after_its_signer_s_end_says_nothing(run: Run) -> None:
    run.floor.saw_signed(NOW + DAY, NOW + DAY - 1)
    assert run.floor.at == NOW


def test_a_signed_time_ahead_of_a_trusted_clock_says_nothing(run: Run) -> None:
    run.floor.saw_clock(NOW + 60)
    run.seconds += 10
    run.floor.saw_signed(NOW + 60 + 10 + SKEW + 1, NOW + YEAR)
    assert run.floor.at == NOW + 60
    run.floor.saw_signed(NOW + 60 + 10 + SKEW, NOW + YEAR)
    assert run.floor.at == NOW + 70 + SKEW


def test_a_clock_that_is_set_after_a_lie_is_trusted_all_the_same(run: Run) -> None:
    run.floor.saw_signed(NOW + YEAR, NOW + 2 * YEAR)
    assert run.floor.moment(12.0, trusted=True) == Moment(NOW + SIGNED_STEP, trusted=False)
    assert run.floor.moment(NOW + 60, trusted=True) == Moment(NOW + 60)


def test_signed_times_lift_a_node_without_a_clock_over_its_runs(path: Path) -> None:
    for start in range(3):
        Run(path).floor.saw_signed(NOW, NOW + YEAR)
        assert TimeFloor(path).at == EARLIEST + (start + 1) * SIGNED_STEP


def test_the_first_floor_is_when_this_was_written(path: Path) -> None:
    assert TimeFloor(path).moment(0, trusted=True) == Moment(EARLIEST, trusted=False)
    assert TimeFloor(path).trouble == ""


def test_the_card_is_written_once_an_hour_of_progress_and_at_once_for_signed_times(path: Path) -> None:
    floor = TimeFloor(path)
    floor.saw_clock(EARLIEST + WRITE_EVERY - 1)
    assert not path.exists()
    floor.saw_clock(EARLIEST + WRITE_EVERY)
    assert TimeFloor(path).at == EARLIEST + WRITE_EVERY
    floor.saw_signed(EARLIEST + WRITE_EVERY + 5, LATEST)
    assert TimeFloor(path).at == EARLIEST + WRITE_EVERY + 5


@pytest.mark.parametrize(
    "content",
    [b"", b"soon", b"-5 -5", b"9" * 40, b"\xff", b"1" * 100, b"99999999999 99999999999", b"1800000000"],
)
def test_a_damaged_floor_is_begun_anew_and_said(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    floor = TimeFloor(path)
    assert floor.at == EARLIEST
    assert "time-floor" in floor.trouble


def test_a_floor_that_cannot_be_written_is_kept_in_memory_and_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    floor = TimeFloor(blocked / "time-floor")
    floor.saw_clock(NOW)
    assert floor.at == NOW
    assert "cannot be written" in floor.trouble
