# SPDX-License-Identifier: Apache-2.0
"""What is read from ping's output: losses, gaps, and that nothing else is taken for an answer."""

from tools.lab.ping import SEQUENCES, read

INTERVAL = 0.1
START = 1_000_000.0


def answer(number: int, at: float, more: str = "") -> str:
    return f"[{at:.6f}] 64 bytes from 10.77.0.5: icmp_seq={number % SEQUENCES} ttl=64 time=0.5 ms{more}"


def silence(number: int, at: float) -> str:
    return f"[{at:.6f}] no answer yet for icmp_seq={number % SEQUENCES}"


def flow(numbers: range, lost: range, shift: int = 0) -> str:
    """A flow of one request every interval; a lost one is told when the next is sent."""
    lines = []
    for number in numbers:
        at = START + number * INTERVAL
        lines.append(silence(number + shift, at + INTERVAL) if number in lost else answer(number + shift, at))
    return "\n".join(lines)


def test_no_output_is_an_empty_report() -> None:
    report = read("PING 10.77.0.5 (10.77.0.5) 56(84) bytes of data.\n", INTERVAL)
    assert (report.sent, report.lost, report.longest_gap, report.rtt_ms) == (0, 0, None, None)


def test_a_flow_without_loss_has_no_gap() -> None:
    report = read(flow(range(1, 101), range(0)), INTERVAL)
    assert (report.sent, report.received, report.lost, report.gaps) == (100, 100, 0, ())


def test_a_cut_is_one_gap_from_the_last_answer_to_the_next() -> None:
    report = read(flow(range(1, 101), range(20, 50)), INTERVAL)
    gap = report.longest_gap
    assert gap is not None
    assert report.lost == 30
    assert gap.start == START + 19 * INTERVAL
    assert gap.end == START + 50 * INTERVAL


def test_one_lost_ping_is_a_loss_and_no_gap() -> None:
    report = read(flow(range(1, 101), range(20, 21)), INTERVAL)
    assert (report.lost, report.gaps) == (1, ())


def test_a_cut_that_lasts_is_an_open_gap_up_to_the_last_line() -> None:
    report = read(flow(range(1, 51), range(20, 51)), INTERVAL)
    gap = report.longest_gap
    assert gap is not None
    assert gap.end is None
    assert round(gap.seconds, 3) == round(32 * INTERVAL, 3)


def test_silence_before_the_first_answer_counts_from_the_first_line() -> None:
    report = read(flow(range(1, 51), range(1, 30)), INTERVAL)
    gap = report.longest_gap
    assert gap is not None
    assert gap.start == START + 2 * INTERVAL


def test_sequence_numbers_go_on_over_their_sixteen_bits() -> None:
    text = flow(range(1, SEQUENCES + 101), range(SEQUENCES + 1, SEQUENCES + 11))
    report = read(text, INTERVAL)
    assert (report.sent, report.lost) == (SEQUENCES + 100, 10)


def test_a_duplicate_is_counted_once_as_an_answer() -> None:
    text = "\n".join([answer(1, START), answer(1, START + 0.01, " (DUP!)"), answer(2, START + INTERVAL)])
    report = read(text, INTERVAL)
    assert (report.sent, report.received, report.duplicates) == (2, 2, 1)


def test_an_answer_that_comes_late_is_no_loss() -> None:
    text = "\n".join(
        [answer(1, START), silence(2, START + 0.2), answer(3, START + 0.2), answer(2, START + 0.25)]
    )
    assert read(text, INTERVAL).lost == 0


def test_an_unreachable_notice_is_no_answer() -> None:
    text = answer(1, START) + f"\n[{START + 0.1:.6f}] From 10.77.0.1 icmp_seq=2 Destination Host Unreachable"
    report = read(text, INTERVAL)
    assert (report.sent, report.received, report.lost) == (2, 1, 1)


def test_a_half_written_last_line_is_passed_over() -> None:
    assert read(flow(range(1, 11), range(0)) + "\n[1000001.2", INTERVAL).sent == 10


def test_gaps_after_a_moment_leave_earlier_ones_out() -> None:
    text = flow(range(1, 201), range(20, 80)) + "\n"
    report = read(text.replace(answer(150, START + 15), silence(150, START + 15.1)), INTERVAL)
    assert report.gap_after(START + 10) is None
    assert report.gap_after(START + 5) == report.longest_gap
