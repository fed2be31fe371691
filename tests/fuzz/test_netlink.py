# SPDX-License-Identifier: Apache-2.0
"""Whatever bytes come as netlink answers: a reading or a NetlinkFormatError, within bounded memory."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.kernel import batadvrows, linkrows, wifirows
from agent.kernel import netlink as nl
from agent.kernel.errors import KernelError, NetlinkFormatError
from agent.kernel.ethtool import decode as decode_statistics
from agent.kernel.events import link_changes, uevent
from agent.kernel.nlsocket import BUFFER, NetlinkSocket
from tests.unit.kernel.replay import Kernel, recorded

Decoder = Callable[[bytearray, int, int], object]
MAX_MEMORY = (
    8 << 20
)  # bytes at the peak for one answer of at most 32 KiB: 2,048 rows of 16 bytes and their readings

DECODERS: dict[str, Decoder] = {
    "batadv_hardifs": batadvrows.hardif(str),
    "batadv_neighbours": batadvrows.neighbour(str),
    "batadv_originators": batadvrows.originator(str),
    "batadv_gateways": batadvrows.gateway,
    "batadv_tt": batadvrows.count,
    "batadv_family_mesh": lambda b, s, e: batadvrows.mesh(bytes(b[s + 4 : e]), 5, str),
    "route_links": linkrows.link,
    "route_addresses": linkrows.address,
    "nl80211_interfaces": wifirows.radio,
    "nl80211_stations": wifirows.station,
    "nl80211_wiphys": wifirows.wiphy,
}
VECTORS = {name: [item for item in recorded(name) if isinstance(item, bytes)] for name in DECODERS}


def decoded(name: str, raw: bytes) -> list[object]:
    buffer = bytearray(raw)
    return [DECODERS[name](buffer, start, end) for _, _, _, start, end in nl.messages(buffer, len(buffer))]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real answer, cut off, with bytes overwritten, or with a piece of another inserted."""
    name = draw(st.sampled_from(sorted(VECTORS)))
    raw = bytearray(draw(st.sampled_from(VECTORS[name])))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(0, len(raw) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                del raw[place:]
            case 1:
                raw[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2:  # lengths are where the harm is
                raw[place & ~3 : (place & ~3) + 2] = draw(st.binary(min_size=2, max_size=2))
            case _:
                other = draw(st.sampled_from(VECTORS[draw(st.sampled_from(sorted(VECTORS)))]))
                start = draw(st.integers(0, len(other)))
                raw[place:place] = other[start : start + draw(st.integers(0, 64))]
    return name, bytes(raw[:BUFFER])


@settings(max_examples=600, deadline=None)
@given(damaged())
def test_a_damaged_answer_is_read_or_refused(case: tuple[str, bytes]) -> None:
    name, raw = case
    with contextlib.suppress(NetlinkFormatError):
        decoded(name, raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(DECODERS)), st.binary(max_size=512))
def test_random_bytes_as_a_row_are_read_or_refused(name: str, raw: bytes) -> None:
    with contextlib.suppress(NetlinkFormatError):
        DECODERS[name](bytearray(raw), 0, len(raw))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2048), st.binary(max_size=2048))
def test_random_notifications_and_statistics_are_read_or_refused(raw: bytes, more: bytes) -> None:
    assert len(uevent(raw)) <= 64
    for read in (lambda: link_changes(raw, len(raw)), lambda: decode_statistics(raw, more)):
        with contextlib.suppress(NetlinkFormatError):
            read()


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_an_answer_cut_off_anywhere_is_read_in_part_or_refused(name: str) -> None:
    for raw in VECTORS[name]:
        whole = len(decoded_or_none(name, raw) or [])
        for size in range(0, len(raw), 1 if len(raw) < 1500 else 97):
            part = decoded_or_none(name, raw[:size])
            assert part is None or len(part) <= whole or whole == 0


def decoded_or_none(name: str, raw: bytes) -> list[object] | None:
    try:
        return decoded(name, raw)
    except NetlinkFormatError:
        return None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(damaged().map(lambda case: case[1]), st.binary(max_size=256)), max_size=6),
    st.booleans(),
)
def test_a_socket_told_nonsense_fails_only_by_kernel_errors_and_recovers(
    said: list[bytes], table: bool
) -> None:
    kernel = Kernel()
    sock = NetlinkSocket(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NetlinkSocket, "_open", lambda _self, _what: kernel)
        kernel.will_say(list(said))
        with contextlib.suppress(KernelError):
            sock.dump(18, b"", linkrows.link) if table else sock.request(18, b"")
        kernel.answers = recorded("route_links")
        assert len(sock.dump(18, b"", linkrows.link)) == 5


@pytest.mark.parametrize(
    "piece", [nl.message(30, 2, 0, b""), nl.message(30, 2, 0, nl.attribute(1, b"") * 8188)]
)
def test_the_largest_nonsense_needs_bounded_memory(piece: bytes) -> None:
    raw = bytearray((piece * (BUFFER // len(piece)))[:BUFFER])
    tracemalloc.start()
    try:
        rows = [nl.attributes(raw, start, end) for _, _, _, start, end in nl.messages(raw, len(raw))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows
    assert peak < MAX_MEMORY
