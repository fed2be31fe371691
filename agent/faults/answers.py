# SPDX-License-Identifier: Apache-2.0
"""Who answers our echo requests, who is silent, and of whom silence tells nothing.

A node without IPv6, or with ICMPv6 filtered, never answers: its silence is no sign of a dead link, and its
return could not be noticed.
"""

from __future__ import annotations

from agent.faults import liveness as lv
from agent.faults.base import View, once
from agent.readings import Echo, Peer

# One-way asks for more than a dead link: the hint it starts from is anybody's, and no missing ELP agrees with
# it. Eight requests fit into the time; where a tenth is lost, five in a row are by chance once in 100,000.
ONE_WAY_REQUESTS = 5
ONE_WAY_SILENCE_S = 0.3
RTT_FACTOR = 3.0  # an echo is late only beyond so many round trips: a slow link is not a dead one
ANSWER_FRESH_S = 1.5  # a detached neighbour is asked twice a second at least


@once
def _echoes(view: View) -> dict[tuple[str, str], Echo]:
    return {(echo.hardif, echo.mac): echo for echo in view.snapshot.echoes}


def echo_of(view: View, hardif: str, mac: str) -> Echo | None:
    """Our echo probing of this neighbour."""
    return _echoes(view).get((hardif, mac))


def ever_answered(view: View, hardif: str, mac: str) -> bool:
    """Has this neighbour answered an echo request of ours since we run?

    Nothing less will do: a hello in its name is anybody's.
    """
    echo = echo_of(view, hardif, mac)
    return echo is not None and (echo.ever_answered or echo.answered > 0)


def mute(view: View, hardif: str, mac: str) -> bool:
    """Was it asked often enough now, and has it never answered? Who was not asked yet may answer."""
    echo = echo_of(view, hardif, mac)
    asked = echo is not None and echo.sent >= view.thresholds.echo_requests
    return asked and not ever_answered(view, hardif, mac)


def echo_silent(view: View, hardif: str, mac: str) -> bool:
    """Were enough echo requests sent since the last answer, long enough ago (longer on a slow link)?

    Never where the neighbour is not known to answer at all.
    """
    thresholds = view.thresholds
    silent = _unanswered(echo_of(view, hardif, mac), thresholds.echo_requests, thresholds.echo_silence_s)
    return silent and ever_answered(view, hardif, mac)


def echo_silent_alone(view: View, hardif: str, mac: str) -> bool:
    """The same where ELP is still heard, so that our echoes are the only check: more of them, for longer."""
    requests = max(ONE_WAY_REQUESTS, view.thresholds.echo_requests)
    seconds = max(ONE_WAY_SILENCE_S, view.thresholds.echo_silence_s)
    return _unanswered(echo_of(view, hardif, mac), requests, seconds) and ever_answered(view, hardif, mac)


def _unanswered(echo: Echo | None, requests: int, seconds: float) -> bool:
    if echo is None or echo.unanswered < requests:
        return False
    return echo.unanswered_for >= max(seconds, RTT_FACTOR * (echo.rtt_ms or 0.0) / 1000)


def answers_now(view: View, hardif: str, mac: str) -> bool:
    """Were our last echo requests to this neighbour answered? In both directions, then."""
    echo = echo_of(view, hardif, mac)
    return (
        echo is not None
        and echo.answer_age is not None
        and echo.answer_age <= ANSWER_FRESH_S
        and echo.streak >= view.thresholds.echo_requests
        and echo.unanswered_for < view.thresholds.echo_silence_s
    )


def answers_again(view: View, hardif: str, mac: str, since: float, wait: float) -> bool:
    """Has the link answered in both directions for `wait` seconds, later than `since` (monotonic)?

    An answered echo proves both directions; so does a hello that lists us. Any agent heard on the interface
    counts, so that a router that was exchanged does not leave the link detached.
    """
    return greeted(view, hardif, since, wait) or answers_itself(view, hardif, mac, since, wait)


def greeted(view: View, hardif: str, since: float, wait: float, but: str = "") -> bool:
    """Have any agent's hellos on this interface listed us for so long? Of one other than `but`, a MAC."""
    peers = (peer for peer in view.snapshot.peers if peer.hardif == hardif and peer.mac != but)
    return any(_greets(view, peer, since, wait) for peer in peers)


def answers_itself(view: View, hardif: str, mac: str, since: float, wait: float) -> bool:
    """The same of this one neighbour, where the interface has others."""
    echo = echo_of(view, hardif, mac)
    if echo is not None and echo.answer_age is not None and echo.streak >= view.thresholds.echo_requests:
        late = view.now - echo.answer_age - since >= wait
        if late and echo.streak_age >= wait and echo.unanswered_for < view.thresholds.echo_silence_s:
            return True
    peer = lv.peer_of(view, hardif, mac)
    return peer is not None and _greets(view, peer, since, wait)


def _greets(view: View, peer: Peer, since: float, wait: float) -> bool:
    """Have its hellos listed us for so long?"""
    if not lv.fresh(view, peer) or not peer.hears_us:
        return False
    lasted = (peer.hello_streak - 1) * lv.hello_s(peer, view.thresholds.hello_interval_s)
    return lasted >= wait and view.now - peer.hello_age - since >= wait
