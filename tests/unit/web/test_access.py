# SPDX-License-Identifier: Apache-2.0
"""Rules of signing in."""

import asyncio
from pathlib import Path

import pytest

from agent.web import access, notices, pin
from agent.web.actions import RefusedError
from agent.web.limits import PIN_WAITING_MAX, WRONG_FREE

PIN, WRONG = "482913", "482914"
WHO = "10.0.0.9"


class Door:
    """Access over files in a folder and a clock of its own; the hash is a cheap one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, set_pin: bool = True) -> None:
        monkeypatch.setattr(pin, "N", 2)
        self.folder, self.now = folder, 1000.0
        self.told: list[tuple[str, str, str]] = []
        if set_pin:
            pin.store(folder / "pin", pin.make(PIN))
        self.access = self.open()

    def open(self) -> access.Access:
        """As at a start of the agent."""
        return access.Access(
            self.folder / "pin", self.folder / "state" / access.NAME, "boot",
            lambda *row: self.told.append(row), lambda: self.now,
        )  # fmt: skip

    async def refused(self, text: str, who: str = WHO, device: str = "") -> RefusedError:
        with pytest.raises(RefusedError) as caught:
            await self.access.sign_in(who, device, text)
        return caught.value


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(tmp_path, monkeypatch)


async def test_the_right_pin_opens_a_session(door: Door) -> None:
    made = await door.access.sign_in(WHO, "", PIN)
    session = door.access.session(made.cookie)
    assert session is not None
    assert session.token == made.token
    assert door.told == [(WHO, "sign-in", "signed in")]


async def test_a_wrong_pin_is_refused_and_told(door: Door) -> None:
    error = await door.refused(WRONG)
    assert (error.notice, error.status) == (notices.WRONG_PIN, 403)
    assert door.told == [(WHO, "wrong-pin", "refused")]
    assert len(door.access.sessions) == 0


async def test_without_a_pin_nobody_signs_in_and_is_told_how_to_set_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(tmp_path, monkeypatch, set_pin=False)
    assert not door.access.pin_set()
    for text in ("", "0000", PIN):
        error = await door.refused(text)
        assert error.notice == notices.NO_PIN
        assert "x0 pin set" in error.sentence


async def test_a_pin_file_that_others_can_read_lets_nobody_in(door: Door) -> None:
    (door.folder / "pin").chmod(0o644)
    assert (await door.refused(PIN)).notice == notices.BAD_PIN_FILE
    assert not door.access.pin_set()


async def test_while_locked_even_the_right_pin_is_not_looked_at_and_afterwards_it_is(door: Door) -> None:
    for _ in range(WRONG_FREE - 1):
        assert (await door.refused(WRONG)).notice == notices.WRONG_PIN
    error = await door.refused(WRONG)
    assert (error.notice, error.status) == (notices.LOCKED, 429)
    assert (await door.refused(PIN)).retry == 30
    assert door.access.locked_for(WHO, "") == 30
    door.now += 30
    assert (await door.access.sign_in(WHO, "", PIN)).cookie


async def test_a_known_device_signs_in_while_strangers_are_locked(door: Door) -> None:
    known = (await door.access.sign_in(WHO, "", PIN)).device
    for number in range(30):
        await door.refused(WRONG, who=f"10.0.1.{number}")
    assert (await door.refused(PIN)).notice == notices.LOCKED
    assert (await door.access.sign_in(WHO, known, PIN)).cookie


async def test_a_restart_of_the_agent_forgives_nothing_and_knows_its_devices(door: Door) -> None:
    known = (await door.access.sign_in(WHO, "", PIN)).device
    for number in range(30):
        await door.refused(WRONG, who=f"10.0.1.{number}")
    door.access = door.open()
    assert door.access.pin_set()
    assert (await door.refused(PIN)).notice == notices.LOCKED
    assert (await door.access.sign_in(WHO, known, PIN)).cookie


async def test_an_attempt_is_on_disk_before_its_answer_is_known(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bool] = []
    state = door.folder / "state" / access.NAME

    def matches(_pin: pin.Pin, _text: str) -> bool:
        written.append(WHO in state.read_text())
        return False

    monkeypatch.setattr(pin, "matches", matches)
    await door.refused(WRONG)
    assert written == [True]
    assert state.stat().st_mode & 0o777 == 0o600


async def test_a_new_pin_ends_sessions_and_locks(door: Door) -> None:
    made = await door.access.sign_in(WHO, "", PIN)
    for _ in range(WRONG_FREE):
        await door.refused(WRONG)
    pin.store(door.folder / "pin", pin.make("779134"))
    assert door.access.session(made.cookie) is None
    assert (await door.access.sign_in(WHO, "", "779134")).cookie


async def test_clearing_the_pin_ends_sessions(door: Door) -> None:
    made = await door.access.sign_in(WHO, "", PIN)
    pin.clear(door.folder / "pin")
    assert door.access.session(made.cookie) is None


async def test_one_pin_is_checked_at_a_time_and_few_wait(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = most = 0

    def matches(_pin: pin.Pin, _text: str) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        at_once -= 1
        return False

    monkeypatch.setattr(pin, "matches", matches)
    answers = await asyncio.gather(
        *(door.access.sign_in(f"10.0.2.{n}", "", WRONG) for n in range(50)), return_exceptions=True
    )
    kinds = [error.notice for error in answers if isinstance(error, RefusedError)]
    assert most == 1
    assert kinds.count(notices.BUSY) == 50 - PIN_WAITING_MAX
    assert kinds.count(notices.WRONG_PIN) == PIN_WAITING_MAX


async def test_a_disk_that_cannot_be_written_keeps_nobody_out_and_counts_hold(door: Door) -> None:
    (door.folder / "state").write_text("no folder")
    for _ in range(WRONG_FREE):
        await door.refused(WRONG)
    assert (await door.refused(PIN)).notice == notices.LOCKED
    door.now += 30
    assert (await door.access.sign_in(WHO, "", PIN)).cookie


async def test_signing_out_is_told_once(door: Door) -> None:
    made = await door.access.sign_in(WHO, "", PIN)
    door.access.sign_out(WHO, made.cookie)
    door.access.sign_out(WHO, made.cookie)
    assert door.told[1:] == [(WHO, "sign-out", "signed out")]
    assert door.access.session(made.cookie) is None
