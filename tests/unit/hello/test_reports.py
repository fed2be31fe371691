# SPDX-License-Identifier: Apache-2.0
"""Reports live for a short time and never without bound."""

from agent.hello.message import ReportMessage, mac_bytes
from agent.hello.report import MAX_REPORTS, REPORT_TTL, Reports, own_limit
from agent.readings import Report

SUBJECT, ABOUT = "02:78:30:02:00:01", "02:78:30:02:00:02"


def report(node: str = "n2", sequence: int = 1) -> ReportMessage:
    return ReportMessage(
        version=1,
        node=node,
        sequence=sequence,
        kind="link-dead",
        subject=mac_bytes(SUBJECT),
        about=mac_bytes(ABOUT),
    )


def test_a_repeat_is_no_news_but_the_same_said_again_later_is() -> None:
    reports = Reports()
    assert reports.take(report(), 0.0)
    assert not reports.take(report(), 0.05)
    assert reports.take(report(sequence=2), 5.0)
    assert reports.snapshot(6.0) == (Report("n2", "link-dead", SUBJECT, ABOUT, 1.0),)


def test_reports_expire() -> None:
    reports = Reports()
    reports.take(report(), 0.0)
    assert reports.snapshot(REPORT_TTL + 0.1) == ()


def test_the_oldest_report_makes_room() -> None:
    reports = Reports()
    for n in range(MAX_REPORTS + 10):
        reports.take(report(f"n{n}"), n / 1000)
    nodes = [r.node for r in reports.snapshot(1.0)]
    assert len(nodes) == MAX_REPORTS
    assert nodes[0] == "n10"


def test_a_flood_of_reports_is_bounded_per_source_and_in_total() -> None:
    reports = Reports()
    assert sum(reports.admit("fe80::1", t / 1000) for t in range(1000)) <= 30
    assert sum(reports.admit(f"fe80::2:{n:x}", 1.0) for n in range(1000)) <= 200


def test_our_own_reports_are_bounded() -> None:
    bucket = own_limit(0.0)
    assert sum(bucket.take(0.0) for _ in range(100)) == 8
    assert bucket.take(0.6)
