# SPDX-License-Identifier: Apache-2.0
"""Rules of the sessions."""

from agent.web.limits import SESSION_IDLE, SESSION_MAX, SESSIONS_MAX
from agent.web.sessions import Sessions, digest, same


def test_a_session_is_found_by_its_cookie_only() -> None:
    sessions = Sessions()
    cookie, session = sessions.begin("pin", 0.0)
    assert len(cookie) >= 43
    assert cookie != session.token
    assert sessions.get(cookie, "pin", 1.0) is session
    assert sessions.get("", "pin", 1.0) is None
    assert sessions.get(cookie[:-1], "pin", 1.0) is None


def test_a_session_ends_by_idleness_unless_a_person_does_something() -> None:
    sessions = Sessions()
    cookie, _ = sessions.begin("pin", 0.0)
    assert sessions.get(cookie, "pin", SESSION_IDLE, touch=True)
    assert sessions.get(cookie, "pin", SESSION_IDLE * 1.9)
    assert sessions.get(cookie, "pin", SESSION_IDLE * 2.1) is None
    assert len(sessions) == 0


def test_no_session_outlives_two_hours() -> None:
    sessions = Sessions()
    cookie, _ = sessions.begin("pin", 0.0)
    for at in range(0, int(SESSION_MAX), 600):
        assert sessions.get(cookie, "pin", float(at), touch=True)
    assert sessions.get(cookie, "pin", SESSION_MAX + 1, touch=True) is None


def test_another_pin_or_none_ends_sessions() -> None:
    for other in ("new", ""):
        sessions = Sessions()
        cookie, _ = sessions.begin("pin", 0.0)
        assert sessions.get(cookie, other, 1.0) is None
        assert sessions.get(cookie, "pin", 1.0) is None


def test_the_session_unused_for_longest_makes_room() -> None:
    sessions = Sessions()
    cookies = [sessions.begin("pin", float(at))[0] for at in range(SESSIONS_MAX)]
    sessions.get(cookies[0], "pin", 50.0, touch=True)
    newest, _ = sessions.begin("pin", 60.0)
    alive = [cookie for cookie in (*cookies, newest) if sessions.get(cookie, "pin", 61.0)]
    assert alive == [cookies[0], *cookies[2:], newest]


def test_signing_out_ends_it_once() -> None:
    sessions = Sessions()
    cookie, _ = sessions.begin("pin", 0.0)
    assert sessions.end(cookie)
    assert not sessions.end(cookie)
    assert sessions.get(cookie, "pin", 0.0) is None


def test_secrets_are_compared_whole_and_take_any_text() -> None:
    assert same("abc", "abc")
    assert not same("ab", "abc")
    assert not same("\ud800é", "abc")
    assert len(digest("\ud800")) == 64
