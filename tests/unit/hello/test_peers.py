# SPDX-License-Identifier: Apache-2.0
"""What a table of peers believes, and what it forgets."""

from typing import Any

from agent.hello.message import (
    MAX_HEARD,
    MAX_INTENT_CHARS,
    MAX_INTENTS,
    Heard,
    HelloMessage,
    encode,
    mac_bytes,
)
from agent.hello.outgoing import FRESH_S, Outgoing
from agent.hello.peers import MAX_PEERS, PEER_TTL, News, Peers, eui64
from agent.readings import Peer

US = "02:78:30:02:00:01"
THEM = "02:78:30:02:00:02"
ADDRESS = eui64(THEM)


def hello(sequence: int = 100, *, mac: str = THEM, hears_us: bool = False, **rest: Any) -> HelloMessage:
    heard = (Heard(mac_bytes(US), 5),) if hears_us else ()
    return HelloMessage(
        version=1,
        node="n2",
        originator=mac_bytes("02:78:30:00:00:02"),
        mac=mac_bytes(mac),
        sequence=sequence,
        interval_ms=1000,
        heard=heard,
        **rest,
    )


def only(peers: Peers, now: float) -> Peer:
    (peer,) = peers.snapshot(now)
    return peer


def test_eui64_is_the_address_the_kernel_makes() -> None:
    assert eui64("02:78:30:02:00:01") == "fe80::78:30ff:fe02:1"


def test_a_newcomer_is_news_and_says_nothing_of_us_until_its_third_hello() -> None:
    peers = Peers("e1")
    assert peers.take(hello(1), ADDRESS, US, 0.0) == (News.NEW,)
    assert only(peers, 0.0).hears_us is None
    assert peers.take(hello(2), ADDRESS, US, 1.0) == ()
    assert only(peers, 1.0).hears_us is None
    assert peers.take(hello(3), ADDRESS, US, 2.0) == (News.SUSPECTS_US,)
    assert only(peers, 2.5) == Peer(
        node="n2",
        originator="02:78:30:00:00:02",
        hardif="e1",
        mac=THEM,
        address=ADDRESS,
        hello_age=0.5,
        hears_us=False,
        hello_streak=3,
        hello_interval_ms=1000,
    )


def test_a_suspicion_about_us_counts_at_once_and_so_does_its_end() -> None:
    peers = Peers("e1")
    peers.take(hello(1, hears_us=True), ADDRESS, US, 0.0)
    assert only(peers, 0.0).hears_us is True
    assert peers.take(hello(2, suspects=(mac_bytes(US),)), ADDRESS, US, 0.3) == (News.SUSPECTS_US,)
    assert peers.take(hello(3, suspects=(mac_bytes(US),)), ADDRESS, US, 0.4) == ()
    assert only(peers, 1.0).hears_us is False
    assert only(peers, 1.0).hears_us_age == 1.0
    assert peers.take(hello(4, hears_us=True), ADDRESS, US, 1.0) == (News.HEARS_US,)


def test_absence_from_a_partial_list_says_nothing() -> None:
    peers = Peers("e1")
    peers.take(hello(1, hears_us=True), ADDRESS, US, 0.0)
    for n in range(2, 9):
        peers.take(hello(n, partial=True), ADDRESS, US, float(n))
    assert only(peers, 8.0).hears_us is True


def test_late_and_repeated_hellos_change_nothing() -> None:
    peers = Peers("e1")
    peers.take(hello(100, hears_us=True), ADDRESS, US, 0.0)
    for late in (100, 99, 90):
        assert peers.take(hello(late, suspects=(mac_bytes(US),)), ADDRESS, US, 0.1) == ()
    assert only(peers, 0.1).hears_us is True
    assert only(peers, 0.1).hello_streak == 1


def test_a_peer_that_restarts_is_accepted_and_begins_anew() -> None:
    peers = Peers("e1")
    for n in range(100, 105):
        peers.take(hello(n, hears_us=True), ADDRESS, US, n - 100.0)
    peers.take(hello(3), ADDRESS, US, 5.0)
    assert only(peers, 5.0).hello_streak == 1
    assert only(peers, 5.0).hears_us is None
    assert only(peers, 5.0).hello_age == 0.0


def test_the_sequence_number_wraps_without_a_restart() -> None:
    peers = Peers("e1")
    peers.take(hello(0xFFFF_FFFF), ADDRESS, US, 0.0)
    peers.take(hello(0), ADDRESS, US, 1.0)
    assert only(peers, 1.0).hello_streak == 2


def test_a_gap_of_two_intervals_breaks_the_streak() -> None:
    peers = Peers("e1")
    peers.take(hello(1), ADDRESS, US, 0.0)
    peers.take(hello(2), ADDRESS, US, 1.9)
    assert only(peers, 1.9).hello_streak == 2
    peers.take(hello(4), ADDRESS, US, 4.0)
    assert only(peers, 4.0).hello_streak == 1


def test_announcements_between_hellos_make_no_link_last_longer() -> None:
    peers = Peers("e1")
    for number in range(21):
        peers.take(hello(number, hears_us=True), ADDRESS, US, number * 0.05)
    assert only(peers, 1.0).hello_streak == 2, "one second of a hello a second, however many were said"


def test_the_sender_s_own_hello_interval_is_told() -> None:
    peers = Peers("e1")
    peers.take(out(Outgoing(1), [], mac=THEM, interval=60.0), ADDRESS, US, 0.0)
    assert only(peers, 100.0).hello_interval_ms == 60_000
    assert only(peers, 100.0).hello_streak == 1, "not silent: it speaks once a minute"


def test_a_silent_peer_is_reported_gone_once_and_forgotten_later() -> None:
    peers = Peers("e1")
    peers.take(hello(1), ADDRESS, US, 0.0)
    assert peers.expire(2.4) == []
    assert [e.message.node for e in peers.expire(2.6)] == ["n2"]
    assert peers.expire(3.0) == []
    assert only(peers, 3.0).hello_streak == 0
    assert peers.heard(3.0) == []
    assert peers.take(hello(2), ADDRESS, US, 4.0) == (News.NEW,)
    peers.expire(4.1 + PEER_TTL)
    assert peers.snapshot(400.0) == ()


def test_a_full_table_never_displaces_a_live_peer_but_a_silent_one() -> None:
    peers = Peers("e1")
    for n in range(MAX_PEERS):
        peers.take(hello(1, mac=f"02:00:00:00:01:{n:02x}"), "fe80::1", US, n / 1000)
    assert peers.take(hello(1), ADDRESS, US, 1.0) == ()
    assert len(peers.snapshot(1.0)) == MAX_PEERS
    assert peers.take(hello(1), ADDRESS, US, 10.0) == (News.NEW,)
    assert len(peers.snapshot(10.0)) == MAX_PEERS
    assert "02:00:00:00:01:00" not in {p.mac for p in peers.snapshot(10.0)}


def test_our_own_hello_coming_back_is_no_peer() -> None:
    peers = Peers("e1")
    assert peers.take(hello(1, mac=US), ADDRESS, US, 0.0) == ()
    assert peers.snapshot(0.0) == ()


def test_who_says_hello_with_our_address_is_no_peer_but_a_twin() -> None:
    peers = Peers("e1")
    assert peers.twin(0.0) is None
    peers.take(hello(1, mac=US), ADDRESS, US, 1.0)
    twin = peers.twin(3.5)
    assert twin is not None
    assert (twin.node, twin.originator, twin.hardif, twin.mac, twin.age) == (
        "n2",
        "02:78:30:00:00:02",
        "e1",
        US,
        2.5,
    )
    assert peers.snapshot(3.5) == ()


def test_a_live_peer_is_not_usurped_from_an_address_that_is_not_of_its_mac() -> None:
    peers = Peers("e1")
    peers.take(hello(1, hears_us=True), ADDRESS, US, 0.0)
    peers.take(hello(50, suspects=(mac_bytes(US),)), "fe80::bad", US, 0.5)
    assert only(peers, 0.5).hears_us is True
    assert peers.address(THEM) == ADDRESS


def test_a_new_intent_is_news_once() -> None:
    peers = Peers("e1")
    peers.take(hello(1, hears_us=True), ADDRESS, US, 0.0)
    assert peers.take(hello(2, hears_us=True, intents=("reboot",)), ADDRESS, US, 0.1) == (News.INTENT,)
    assert peers.take(hello(3, hears_us=True, intents=("reboot",)), ADDRESS, US, 0.2) == ()


def test_an_intent_said_together_with_other_news_is_news_too() -> None:
    peers = Peers("e1")
    assert peers.take(hello(1, intents=("a",)), ADDRESS, US, 0.0) == (News.NEW, News.INTENT)
    suspected = hello(2, suspects=(mac_bytes(US),), intents=("a", "detach-hardif hardif/e1"))
    assert peers.take(suspected, ADDRESS, US, 0.1) == (News.SUSPECTS_US, News.INTENT)
    assert peers.take(hello(3, hears_us=True, intents=("b",)), ADDRESS, US, 0.2) == (
        News.HEARS_US,
        News.INTENT,
    )


def test_the_sender_s_elp_interval_is_told_or_unknown() -> None:
    peers = Peers("e1")
    for number, (told, known) in enumerate(((0, None), (500, 500), (1, 20), (60_000, 10_000))):
        peers.take(out(Outgoing(number), [], mac=THEM, elp_ms=told), ADDRESS, US, float(number))
        assert only(peers, float(number)).elp_interval_ms == known


def test_one_source_cannot_use_up_the_rate_of_another() -> None:
    peers = Peers("e1")
    flood = sum(peers.admit("fe80::bad", t / 1000) for t in range(2000))
    assert flood <= 50
    assert peers.admit(ADDRESS, 2.0)


def test_a_flood_from_changing_addresses_is_bounded_in_total() -> None:
    peers = Peers("e1")
    assert sum(peers.admit(f"fe80::{n:x}", 1.0) for n in range(1, 5000)) <= 400


def out(outgoing: Outgoing, heard: list[tuple[str, float]], **rest: Any) -> HelloMessage:
    told: dict[str, Any] = {"node": "n1", "originator": US, "mac": US, "interval": 1.0} | rest
    return outgoing.message(heard=heard, **told)


def test_neighbours_are_listed_once_with_their_youngest_age_and_old_ones_not() -> None:
    message = out(Outgoing(0), [(THEM, 0.4), (THEM, 0.1), ("02:00:00:00:00:09", FRESH_S + 1)])
    assert message.heard == (Heard(mac_bytes(THEM), 100),)
    assert message.partial is False


def test_a_suspect_is_not_listed_as_heard() -> None:
    message = out(Outgoing(0), [(THEM, 0.1)], suspects=[THEM])
    assert message.heard == ()
    assert message.suspects == (mac_bytes(THEM),)


def test_too_many_neighbours_take_turns_until_all_were_listed() -> None:
    outgoing = Outgoing(0)
    crowd = [(f"02:00:00:00:01:{n:02x}", 0.1) for n in range(100)]
    seen: set[bytes] = set()
    for _ in range(3):
        message = out(outgoing, crowd)
        assert message.partial
        assert len(message.heard) == MAX_HEARD
        seen |= {h.mac for h in message.heard}
    assert len(seen) == 100


def test_sequence_numbers_follow_and_wrap() -> None:
    outgoing = Outgoing(0xFFFF_FFFE)
    assert [out(outgoing, []).sequence for _ in range(2)] == [0xFFFF_FFFF, 0]


def test_of_too_many_intents_the_newest_are_said() -> None:
    said = out(Outgoing(0), [], intents=[f"act {number}" for number in range(MAX_INTENTS + 2)]).intents
    assert said == tuple(f"act {number}" for number in range(2, MAX_INTENTS + 2))


def test_long_intents_are_cut_to_what_others_accept() -> None:
    assert out(Outgoing(0), [], intents=["x" * 200]).intents == ("x" * MAX_INTENT_CHARS,)


def test_what_receivers_would_refuse_is_put_into_their_form_before_it_is_said() -> None:
    message = out(Outgoing(0), [], health="Not healthy at all: 3 faults", intents=["d\x1bé", ""])
    assert encode(message)
    assert (message.health, message.intents) == ("nothealthyatallf", ("d??", "?"))
