# SPDX-License-Identifier: Apache-2.0
"""MACsec's requests mean what they should, byte for byte; answers become readings; no key is shown."""

import copy
import errno
import logging
import pickle
import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, NetlinkFormatError, RefusedError
from agent.kernel.links import RTM_NEWLINK
from agent.kernel.macsec import CIPHER_GCM_AES_256, MAX_CHANNELS, Macsec
from agent.kernel.macsecrows import RxSaStats, Sa, Sci, SecY, secy
from agent.kernel.nlsocket import BUFFER
from agent.kernel.secret import Secret
from tests.unit.kernel import macsecanswers
from tests.unit.kernel.replay import Kernel, answer, done, error
from tests.unit.kernel.test_batadv import family

LO = 1  # the index of `lo`, which every namespace has; the told kernel takes it for a macsec interface
OWN, PEER = Sci("02:00:00:00:00:01"), Sci("02:00:00:00:00:02", 7)
KEY, KEY_ID = Secret(bytes(range(32))), bytes(range(100, 116))
FAMILY = 36
ROW = macsecanswers.secy(
    LO,
    OWN,
    encoding=2,
    transmit=macsecanswers.transmit_sa(1, 1, 900, b"a" * 16)
    + macsecanswers.transmit_sa(2, 2, 5, KEY_ID, encrypted=4),
    receive=macsecanswers.channel(1, PEER, macsecanswers.receive_sa(1, 3, 77, b"p" * 16, ok=76)),
)

Tree = dict[int, object]


def tree(raw: bytes) -> Tree:
    """Attributes as a dictionary; nests, which carry their flag, as dictionaries within."""
    found: Tree = {}
    at = 0
    while at < len(raw):
        length, kind = struct.unpack_from("=HH", raw, at)
        value = raw[at + 4 : at + length]
        found[kind & nl.NLA_TYPE_MASK] = tree(value) if kind & nl.NLA_F_NESTED else value
        at += (length + 3) & ~3
    return found


def asked(request: bytes) -> tuple[int, Tree]:
    """The command of a generic request, and its attributes."""
    return request[16], tree(request[20:])


@pytest.fixture
def macsec(kernel: Kernel) -> Macsec:
    kernel.will_say(*family())
    return Macsec()


def test_an_interface_is_made_with_every_safe_setting(kernel: Kernel) -> None:
    kernel.will_say(error(0))
    Macsec().create("macsec0", "lo", OWN, window=32)
    (request,) = kernel.asked
    assert struct.unpack_from("=H", request, 4) == (RTM_NEWLINK,)
    assert struct.unpack_from("=H", request, 6)[0] & (nl.NLM_F_CREATE | nl.NLM_F_EXCL) == 0x600
    assert tree(request[32:]) == {
        3: b"macsec0\0",
        5: struct.pack("=I", LO),
        18: {
            1: b"macsec\0",
            2: {
                1: bytes.fromhex("0200000000010001"),
                3: b"\x10",
                4: struct.pack("=Q", CIPHER_GCM_AES_256),
                5: struct.pack("=I", 32),
                7: b"\1",  # encrypt
                8: b"\1",  # protect
                9: b"\1",  # the channel's identifier in each frame
                12: b"\1",  # replay protection
                13: b"\2",  # strict
            },
        },
    }


def test_the_encoding_association_is_switched_by_rtnetlink(kernel: Kernel) -> None:
    kernel.will_say(error(0))
    Macsec().set_encoding_sa("lo", 3)
    (request,) = kernel.asked
    assert struct.unpack_from("=H", request, 4) == (RTM_NEWLINK,)
    assert not struct.unpack_from("=H", request, 6)[0] & nl.NLM_F_CREATE
    assert struct.unpack_from("=i", request, 20) == (LO,)
    assert tree(request[32:]) == {18: {1: b"macsec\0", 2: {6: b"\3"}}}


def test_associations_and_channels_are_added_as_the_family_wants_them(kernel: Kernel, macsec: Macsec) -> None:
    kernel.will_say(error(0), error(0), error(0))
    macsec.add_tx("lo", 1, KEY, KEY_ID)
    macsec.add_channel("lo", PEER)
    macsec.add_rx("lo", PEER, 2, KEY, KEY_ID, pn=0xC0000000)
    index = struct.pack("=I", LO)
    new = {1: b"\1", 2: b"\1", 3: struct.pack("=I", 1), 4: KEY.reveal(), 5: KEY_ID}
    sci = bytes.fromhex("0200000000020007")
    assert [asked(request) for request in kernel.asked[1:]] == [
        (4, {1: index, 3: new}),
        (1, {1: index, 2: {1: sci, 2: b"\1"}}),
        (7, {1: index, 2: {1: sci}, 3: new | {1: b"\2", 3: struct.pack("=I", 0xC0000000)}}),
    ]


def test_what_is_removed_is_made_inactive_first(kernel: Kernel, macsec: Macsec) -> None:
    kernel.will_say(*[error(0)] * 5)
    macsec.delete_tx("lo", 1)
    macsec.delete_rx("lo", PEER, 2)
    macsec.delete_channel("lo", PEER)
    index, sci = struct.pack("=I", LO), {1: PEER.packed}
    assert [asked(request) for request in kernel.asked[1:]] == [
        (6, {1: index, 3: {1: b"\1", 2: b"\0"}}),
        (5, {1: index, 3: {1: b"\1"}}),
        (9, {1: index, 2: sci, 3: {1: b"\2", 2: b"\0"}}),
        (8, {1: index, 2: sci, 3: {1: b"\2"}}),
        (2, {1: index, 2: sci}),
    ]


def test_removing_what_is_not_there_and_adding_a_channel_that_is_are_no_errors(
    kernel: Kernel, macsec: Macsec
) -> None:
    kernel.will_say(error(errno.ENODEV), error(errno.ENODEV), error(errno.ENODEV), error(errno.EEXIST))
    macsec.delete_tx("lo", 1)
    macsec.delete_rx("lo", PEER, 1)
    macsec.delete_channel("lo", PEER)
    macsec.add_channel("lo", PEER)
    kernel.will_say(error(errno.EBUSY), error(errno.EEXIST))
    with pytest.raises(RefusedError, match=r"removing transmit association 1 of lo: .*EBUSY"):
        macsec.delete_tx("lo", 1)
    with pytest.raises(RefusedError, match=r"adding receive association 1 of 02:00:00:00:00:02/7 to lo"):
        macsec.add_rx("lo", PEER, 1, KEY, KEY_ID)


def test_a_missing_interface_or_module_is_told(kernel: Kernel) -> None:
    for change in (
        lambda: Macsec().delete_tx("x0nobody", 1),
        lambda: Macsec().delete_channel("x0nobody", PEER),
        lambda: Macsec().create("macsec0", "x0nobody", OWN),
        lambda: Macsec().state("x0nobody"),
    ):
        with pytest.raises(InterfaceGoneError, match="x0nobody does not exist"):
            change()
    kernel.will_say(error(errno.ENOENT))
    with pytest.raises(FamilyMissingError, match="modprobe macsec"):
        Macsec().delete_tx("lo", 1)


def test_the_state_has_channels_associations_numbers_and_counters(kernel: Kernel, macsec: Macsec) -> None:
    kernel.will_say(answer(FAMILY, macsecanswers.secy(99, PEER)), answer(FAMILY, ROW), done())
    found = macsec.state("lo")
    assert (found.index, found.sci, found.cipher, found.icv_bytes) == (LO, OWN, CIPHER_GCM_AES_256, 16)
    assert (found.encoding_sa, found.validation, found.window) == (2, "strict", 64)
    assert found.encrypt
    assert found.protect
    assert found.include_sci
    assert found.replay_protect
    assert found.transmit == (
        Sa(1, True, 900, b"a" * 16),
        Sa(2, True, 5, KEY_ID, encrypted=4),
    )
    (channel,) = found.receive
    assert (channel.sci, channel.active) == (PEER, True)
    assert channel.sas == (Sa(3, True, 77, b"p" * 16, received=RxSaStats(76, 1, 2, 3, 4)),)
    assert (channel.delayed, channel.ok, channel.invalid, channel.late) == (4, 5, 6, 7)
    assert (channel.not_valid, channel.not_using_sa, channel.unused_sa) == (8, 9, 10)
    assert (found.out_encrypted, found.out_octets_encrypted) == (12, 14)
    assert (found.out_untagged, found.in_untagged, found.out_too_long, found.in_no_tag) == (21, 22, 23, 24)
    assert (found.in_bad_tag, found.in_unknown_sci, found.in_no_sci, found.in_overrun) == (25, 26, 27, 28)


def test_a_row_the_first_dump_had_no_room_for_is_asked_for_again(kernel: Kernel, macsec: Macsec) -> None:
    kernel.will_say(done(), answer(FAMILY, ROW), done())
    assert macsec.state("lo").index == LO
    kernel.will_say(done(), done())
    with pytest.raises(InterfaceGoneError, match="it is no macsec interface"):
        macsec.state("lo")


def test_the_largest_interface_we_make_fits_one_answer() -> None:
    sas = b"".join(macsecanswers.receive_sa(n + 1, n, 1, KEY_ID) for n in range(4))
    channels = b"".join(
        macsecanswers.channel(n + 1, Sci("02:00:00:00:00:02", n + 1), sas) for n in range(MAX_CHANNELS)
    )
    sends = b"".join(macsecanswers.transmit_sa(n + 1, n, 1, KEY_ID) for n in range(4))
    row = macsecanswers.secy(LO, OWN, transmit=sends, receive=channels)
    assert len(row) < BUFFER - 320  # the kernel keeps 320 of its 32 KiB for itself
    assert len(secy(row, 0, len(row)).receive) == MAX_CHANNELS


@pytest.mark.parametrize(
    "row",
    [
        b"\0\1\0\0",
        macsecanswers.secy(LO, OWN)[:60],
        macsecanswers.secy(LO, OWN, encoding=4),
        macsecanswers.secy(LO, OWN, transmit=macsecanswers.transmit_sa(1, 7, 1, KEY_ID)),
        macsecanswers.secy(LO, OWN, transmit=macsecanswers.transmit_sa(1, 1, 1, b"short")),
        macsecanswers.secy(LO, OWN, receive=nl.nested(1, nl.u8(2, 1))),
        b"\0\1\0\0" + nl.u32(1, LO),
    ],
)
def test_nonsense_is_refused(row: bytes) -> None:
    with pytest.raises(NetlinkFormatError):
        secy(row, 0, len(row))


def test_every_truncation_is_read_in_part_or_refused() -> None:
    for size in range(len(ROW)):
        try:
            assert isinstance(secy(ROW, 0, size), SecY)
        except NetlinkFormatError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.add_tx("lo", 4, KEY, KEY_ID),
        lambda m: m.add_tx("lo", -1, KEY, KEY_ID),
        lambda m: m.add_tx("lo", 1, Secret(b"short"), KEY_ID),
        lambda m: m.add_tx("lo", 1, KEY, b"short"),
        lambda m: m.add_rx("lo", PEER, 1, KEY, KEY_ID, pn=0),
        lambda m: m.add_channel("lo", Sci("02:00:00:00:00:02", 0)),
        lambda m: m.create("macsec0", "lo", OWN, window=0),
        lambda m: m.set_encoding_sa("lo", 4),
    ],
)
def test_what_macsec_cannot_mean_never_reaches_the_kernel(kernel: Kernel, change: object) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        change(Macsec())  # type: ignore[operator]
    assert not kernel.asked


def test_keys_are_in_no_text_pickle_or_error(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    raw = KEY.reveal()
    caplog.set_level(logging.DEBUG)
    kernel.will_say(*family(), error(errno.EINVAL, "wrong key"))
    with pytest.raises(RefusedError) as caught:
        Macsec().add_tx("lo", 1, KEY, KEY_ID)
    for text in (repr(KEY), str(KEY), f"{KEY}", str(caught.value), repr(caught.value), caplog.text):
        assert raw.hex() not in text
        assert repr(raw)[2:20] not in text
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    with pytest.raises(TypeError):
        copy.copy(KEY)
    with pytest.raises(TypeError):
        hash(KEY)
    assert Secret(raw) == KEY
    assert Secret(b"other") != KEY
