# SPDX-License-Identifier: Apache-2.0
"""A neighbour's keys at our end: at most four, confirmed once the kernel has them, removed when it says
so."""

from __future__ import annotations

import pytest

from agent.kernel.secret import Secret
from agent.linksec.errors import ChannelError
from agent.linksec.keyactions import Sak
from agent.linksec.messages import Active, Offer
from agent.linksec.received import Confirm, Forget, Install, Received


def offer(an: int, name: str) -> Offer:
    return Offer(an, name.encode() * 16, bytes([an]) * 32, 1)


def install(one: Offer) -> Install:
    return Install(Sak(one.an, one.key_id, Secret(one.key)), one.pn)


def test_a_key_is_confirmed_only_once_the_kernel_has_it() -> None:
    ours = Received()
    before = ours.any
    assert ours.offered(offer(0, "a")) == [install(offer(0, "a"))]
    assert not before
    assert ours.offered(offer(0, "a")) == [], "not yet"
    assert ours.installed(b"a" * 16) == [Confirm(b"a" * 16)]
    assert ours.any
    assert ours.offered(offer(0, "a")) == [Confirm(b"a" * 16)], "said again, installed once"


def test_what_was_before_the_active_key_goes_after_its_time_and_nothing_else() -> None:
    ours = Received()
    for an, name in enumerate("abc"):
        ours.offered(offer(an, name))
        ours.installed(name.encode() * 16)
    ours.active(Active(b"b" * 16, 3000), 10.0)
    assert ours.next_due() == 13.0
    assert ours.tick(12.9) == []
    assert ours.tick(13.0) == [Forget(0)]
    ours.active(Active(b"c" * 16, 0), 20.0)
    assert ours.tick(20.0) == [Forget(1)]


def test_a_key_that_comes_is_kept_though_its_channel_was_made_anew_before_it_is_used() -> None:
    ours = Received()
    for an, name in ((0, "a"), (1, "b")):
        ours.offered(offer(an, name))
        ours.installed(name.encode() * 16)
    for an, name in ((0, "a"), (1, "b")):  # the channel was made anew: both are offered again
        assert ours.offered(offer(an, name)) == [Confirm(name.encode() * 16)]
    ours.active(Active(b"a" * 16, 0), 1.0)
    assert ours.tick(100.0) == []


def test_a_new_key_under_an_old_number_takes_its_place_and_the_old_time_is_void() -> None:
    ours = Received()
    for an, name in ((0, "a"), (1, "b")):
        ours.offered(offer(an, name))
        ours.installed(name.encode() * 16)
    ours.active(Active(b"b" * 16, 3000), 0.0)
    assert ours.offered(offer(0, "c")) == [install(offer(0, "c"))]
    assert ours.tick(100.0) == []
    assert ours.installed(b"a" * 16) == [], "the kernel's answer to what was replaced is passed over"


def test_a_peer_cannot_send_under_a_key_it_never_gave() -> None:
    ours = Received()
    ours.offered(offer(0, "a"))
    with pytest.raises(ChannelError):
        ours.active(Active(b"a" * 16, 0), 0.0)
    with pytest.raises(ChannelError):
        ours.active(Active(b"x" * 16, 0), 0.0)


def test_what_an_earlier_run_left_is_kept_until_the_peer_has_moved_on() -> None:
    ours = Received({2: b"a" * 16, 1: b"o" * 16})
    assert ours.any
    assert ours.offered(offer(2, "a")) == [Confirm(b"a" * 16)], "its packet numbers go on"
    ours.active(Active(b"a" * 16, 1000), 5.0)
    assert ours.tick(6.0) == [Forget(1)]
