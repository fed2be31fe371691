# SPDX-License-Identifier: Apache-2.0
"""Questions and answers: bounded, in step, and every failure named."""

import errno
import struct

import pytest

from agent.kernel import nlsocket
from agent.kernel.errors import (
    InterfaceGoneError,
    KernelError,
    NetlinkFormatError,
    NotPermittedError,
    RefusedError,
    TimedOutError,
    UnsteadyError,
)
from agent.kernel.netlink import NLM_F_DUMP_INTR
from agent.kernel.nlsocket import BUFFER, NetlinkSocket
from tests.unit.kernel.replay import Kernel, answer, done, error


def sock(clock: list[float] | None = None) -> NetlinkSocket:
    return NetlinkSocket(0, clock=(lambda: clock.pop(0)) if clock else lambda: 0.0)


def number(buffer: bytearray, start: int, _end: int) -> int:
    return int(struct.unpack_from("=I", buffer, start)[0])


def row(value: int, flags: int = 2) -> bytes:
    return answer(16, struct.pack("=I", value), flags)


def test_a_request_returns_the_answer_before_its_acknowledgement(kernel: Kernel) -> None:
    kernel.will_say(answer(16, b"data"), error(0))
    assert sock().request(18, b"") == b"data"


def test_an_acknowledgement_alone_is_none(kernel: Kernel) -> None:
    kernel.will_say(error(0))
    assert sock().request(16, b"") is None


def test_a_dump_is_read_over_several_parts_to_its_end(kernel: Kernel) -> None:
    kernel.will_say(row(1) + row(2), row(3), done())
    assert sock().dump(18, b"", number) == [1, 2, 3]


def test_rows_the_decoder_gives_none_for_are_left_out(kernel: Kernel) -> None:
    kernel.will_say(row(1), done())
    assert sock().dump(18, b"", lambda _b, _s, _e: None) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.EPERM, NotPermittedError),
        (errno.EACCES, NotPermittedError),
        (errno.ENODEV, InterfaceGoneError),
        (errno.EINVAL, RefusedError),
        (3999, RefusedError),
    ],
)
def test_an_errno_becomes_the_error_of_its_kind(kernel: Kernel, code: int, kind: type[KernelError]) -> None:
    kernel.will_say(error(code), done(code))
    s = sock()
    with pytest.raises(kind, match="asking"):
        s.request(18, b"", 0, "asking")
    with pytest.raises(kind) as caught:
        s.dump(18, b"", number)
    assert caught.value.errno == code
    assert kernel.opened == 1, "an errno is a complete answer: the socket stays open"


def test_the_kernels_own_words_stand_in_the_error(kernel: Kernel) -> None:
    kernel.will_say(error(errno.EINVAL, "MTU out of range"))
    with pytest.raises(RefusedError, match="the kernel says 'MTU out of range'"):
        sock().request(16, b"")


def test_answers_to_earlier_questions_are_skipped(kernel: Kernel) -> None:
    kernel.will_say(answer(16, b"late"), answer(16, b"good"), error(0))
    kernel.stale = 1
    assert sock().request(18, b"") == b"good"


def test_a_flood_of_answers_to_earlier_questions_ends(kernel: Kernel) -> None:
    for _ in range(2):
        kernel.stale = 10_000
        kernel.answers = [answer(16, b"late")] * 10_000
        with pytest.raises(TimedOutError, match="earlier questions"):
            sock().request(18, b"") if kernel.opened == 0 else sock().dump(18, b"", number)
        assert len(kernel.answers) > 9_000


def test_a_table_that_changed_while_it_was_read_is_read_again(kernel: Kernel) -> None:
    kernel.will_say(row(1, 2 | NLM_F_DUMP_INTR), done(), row(1) + row(2), done())
    assert sock().dump(18, b"", number) == [1, 2]


def test_a_table_that_never_holds_still_is_an_error_after_bounded_attempts(kernel: Kernel) -> None:
    kernel.will_say(*[row(1), done(flags=NLM_F_DUMP_INTR)] * 9)
    with pytest.raises(UnsteadyError, match="4 times"):
        sock().dump(18, b"", number)
    assert len(kernel.asked) == nlsocket.ATTEMPTS


def test_an_overflown_receive_buffer_is_asked_again(kernel: Kernel) -> None:
    kernel.will_say(OSError(errno.ENOBUFS, "full"), row(5), done())
    assert sock().dump(18, b"", number) == [5]
    kernel.will_say(OSError(errno.ENOBUFS, "full"))
    with pytest.raises(UnsteadyError, match="lost"):
        sock().request(18, b"")


def test_no_answer_is_a_timeout_and_the_next_question_gets_a_new_socket(kernel: Kernel) -> None:
    s = sock()
    with pytest.raises(TimedOutError, match="no answer from the kernel in 2 s"):
        s.dump(18, b"", number)
    kernel.will_say(row(1), done())
    assert s.dump(18, b"", number) == [1]
    assert kernel.opened == 2


def test_an_oversized_answer_is_refused(kernel: Kernel) -> None:
    kernel.will_say(answer(16, bytes(BUFFER)))
    with pytest.raises(NetlinkFormatError, match="at most 32768"):
        sock().request(18, b"")


def test_more_rows_than_a_mesh_can_have_are_refused(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nlsocket, "MAX_ROWS", 5)
    kernel.will_say(*[row(1) + row(2)] * 100)
    with pytest.raises(NetlinkFormatError, match="more than 5 rows"):
        sock().dump(18, b"", number)
    assert len(kernel.answers) == 97


def test_a_table_without_end_stops_at_its_deadline(kernel: Kernel) -> None:
    kernel.will_say(*[row(1)] * 100)
    with pytest.raises(TimedOutError, match="not complete in 6 s"):
        sock([0.0, 1.0, 7.0]).dump(18, b"", number)


def test_nonsense_closes_the_socket(kernel: Kernel) -> None:
    s = sock()
    kernel.will_say(b"\1\2\3\4\5\6\7\x08")
    with pytest.raises(NetlinkFormatError):
        s.dump(18, b"", number)
    kernel.will_say(answer(2, b"\1"))
    with pytest.raises(NetlinkFormatError, match="error message of 1 bytes"):
        s.request(18, b"")
    kernel.will_say(row(1), done())
    assert s.dump(18, b"", number) == [1]
    assert kernel.opened == 3


def test_a_socket_that_cannot_be_opened_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KernelError, match="opening a netlink socket"):
        NetlinkSocket(200).request(18, b"")
