# SPDX-License-Identifier: Apache-2.0
"""Rules of the lock-out."""

import random

import pytest

from agent.web.limits import (
    ADDRESSES_MAX,
    KNOWN_MAX,
    LOCK_ALL,
    LOCK_FIRST,
    LOCK_MAX,
    WRONG_ALL,
    WRONG_FORGOTTEN,
    WRONG_FREE,
)
from agent.web.lockout import LOOPBACK, Lockout

A, B = "10.77.0.5", "10.77.0.6"
HOUR = 3600.0


def locked(pin: str = "p1") -> Lockout:
    found = Lockout("boot")
    found.follow(pin)
    return found


def guess(lockout: Lockout, key: str, now: float, device: str = "") -> bool:
    """A wrong PIN as agent/web/access.py tries it; was it looked at?"""
    if lockout.wait(key, now, device) > 0:
        return False
    lockout.attempt(key, now, device)
    return True


def test_four_mistakes_lock_nobody_and_the_fifth_for_half_a_minute() -> None:
    lockout = locked()
    for number in range(WRONG_FREE - 1):
        assert guess(lockout, A, float(number))
        assert lockout.wait(A, float(number)) == 0
    assert guess(lockout, A, 10.0)
    assert lockout.wait(A, 10.0) == LOCK_FIRST
    assert lockout.wait(A, 10.0 + LOCK_FIRST) == 0
    assert lockout.wait(B, 10.0) == 0


def test_locks_double_up_to_a_quarter_of_an_hour() -> None:
    lockout, now = locked(), 0.0
    waits = []
    for _ in range(12):
        assert guess(lockout, A, now)
        waits.append(lockout.wait(A, now))
        now += waits[-1]
    assert waits[WRONG_FREE - 1 :] == [30, 60, 120, 240, 480, LOCK_MAX, LOCK_MAX, LOCK_MAX]


def test_guesses_during_a_lock_do_not_lengthen_it() -> None:
    lockout = locked()
    for _ in range(WRONG_FREE):
        guess(lockout, A, 0.0)
    assert not any(guess(lockout, A, at / 100) for at in range(2999))
    assert lockout.wait(A, LOCK_FIRST) == 0


def test_the_right_pin_ends_the_count_of_its_address() -> None:
    lockout = locked()
    for _ in range(WRONG_FREE - 1):
        guess(lockout, A, 0.0)
    lockout.attempt(A, 1.0)
    lockout.right(A, 1.0, "", "phone")
    assert all(guess(lockout, A, 2.0) for _ in range(WRONG_FREE))


def test_an_old_mistake_is_forgotten() -> None:
    lockout = locked()
    for _ in range(WRONG_FREE - 1):
        guess(lockout, A, 0.0)
    guess(lockout, A, WRONG_FORGOTTEN + 1)
    assert lockout.wait(A, WRONG_FORGOTTEN + 1) == 0


def many(lockout: Lockout, now: float) -> None:
    for number in range(WRONG_ALL):
        guess(lockout, f"10.0.0.{number}", now)


def test_many_addresses_lock_all_but_the_node_itself_and_known_devices() -> None:
    lockout = locked()
    lockout.attempt(A, 0.0)
    lockout.right(A, 0.0, "", "phone")
    many(lockout, 1.0)
    assert lockout.wait(B, 1.0) == lockout.wait(A, 1.0) == LOCK_ALL
    assert lockout.wait(LOOPBACK, 1.0) == 0
    assert lockout.wait(B, 1.0, "phone") == 0
    assert lockout.wait(B, 1.0, "another") == LOCK_ALL
    assert lockout.wait(B, 1.0 + LOCK_ALL) == 0


def test_a_known_device_that_guesses_is_locked_too() -> None:
    lockout = locked()
    lockout.right(A, 0.0, "", "phone")
    for _ in range(WRONG_FREE):
        assert guess(lockout, A, 1.0, "phone")
    assert lockout.wait(A, 1.0, "phone") == LOCK_FIRST
    assert lockout.wait(A, 1.0) == 0


def test_the_right_pin_as_the_last_of_many_locks_nobody() -> None:
    lockout = locked()
    for number in range(WRONG_ALL - 1):
        guess(lockout, f"10.0.0.{number}", 1.0)
    lockout.attempt(B, 2.0)
    assert lockout.wait(A, 2.0) > 0
    lockout.right(B, 2.0, "", "phone")
    assert lockout.wait(A, 2.0) == 0


def test_whoever_has_however_many_addresses_gets_few_guesses_in_a_day() -> None:
    lockout, now, looked_at = locked(), 0.0, 0
    numbers = iter(range(10**9))
    while now < 24 * HOUR:
        looked_at += guess(lockout, f"fd00::{next(numbers):x}", now)
        now += 1.0
    assert looked_at < 24 * 120


def test_one_address_gets_few_guesses_in_a_day() -> None:
    lockout = locked()
    assert sum(guess(lockout, A, at * 1.0) for at in range(int(24 * HOUR))) < 110


def test_addresses_and_known_devices_are_bounded() -> None:
    lockout, now = locked(), 0.0
    for number in range(ADDRESSES_MAX * 3):
        now += HOUR
        lockout.attempt(f"a{number}", now)
        lockout.right(f"b{number}", now, "", f"phone {number}")
    assert len(lockout.dump(now)) < 64 * 1024
    assert not lockout.knows("phone 0")
    assert lockout.knows(f"phone {ADDRESSES_MAX * 3 - 1}")
    assert sum(lockout.knows(f"phone {number}") for number in range(ADDRESSES_MAX * 3)) == KNOWN_MAX


def test_a_restart_of_the_agent_forgives_nothing() -> None:
    before = locked()
    for _ in range(WRONG_FREE):
        guess(before, A, 100.0)
    after = Lockout("boot", before.dump(105.0), 110.0)
    after.follow("p1")
    assert after.wait(A, 110.0) == LOCK_FIRST - 10.0


def test_what_is_left_of_a_lock_holds_after_a_reboot() -> None:
    before = locked()
    before.right(A, 4000.0, "", "phone")
    many(before, 5000.0)
    after = Lockout("another boot", before.dump(5100.0), 20.0)
    after.follow("p1")
    assert after.wait(A, 20.0) == LOCK_ALL - 100.0
    assert after.wait(A, 20.0 + LOCK_ALL) == 0
    assert after.knows("phone")


def test_another_pin_begins_anew() -> None:
    lockout = locked()
    many(lockout, 0.0)
    lockout.right(A, 0.0, "", "phone")
    lockout.follow("p2")
    assert lockout.wait(A, 0.0) == 0
    assert not lockout.knows("phone")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"counts": 7}', b"\xff" * 100, b'{"saved": 1e999}'])
def test_a_damaged_file_begins_anew(raw: bytes) -> None:
    assert Lockout("boot", raw, 5.0).wait(A, 5.0) == 0


def test_a_file_from_the_future_locks_nobody_longer_than_a_lock_lasts() -> None:
    raw = (
        b'{"boot":"boot","pin":"p","until":1e12,"counts":{"10.77.0.5":{"wrong":9,"last":1e12,"until":1e12}}}'
    )
    lockout = Lockout("boot", raw, 5.0)
    lockout.follow("p")
    assert lockout.wait(A, 5.0) <= max(LOCK_MAX, LOCK_ALL)


def test_no_history_of_guesses_locks_an_address_for_ever() -> None:
    dice = random.Random(7)
    lockout, now = locked(), 0.0
    for _ in range(2000):
        now += dice.expovariate(1 / 20)
        guess(lockout, dice.choice((A, B, LOOPBACK, f"10.1.{dice.randrange(99)}.1")), now)
        assert lockout.wait(A, now + max(LOCK_MAX, LOCK_ALL)) == 0
