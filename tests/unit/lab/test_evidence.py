# SPDX-License-Identifier: Apache-2.0
"""What is told of nodes that are waited for in vain."""

import json
from collections.abc import Iterator

from tools.lab import evidence
from tools.lab.client import Lab
from tools.lab.errors import LabError
from tools.lab.state import LabState

FAULT = {
    "fault": "link-dead",
    "subject": "hardif/e6",
    "state": "treated",
    "open": True,
    "sentence": "Nothing is heard on e6.",
    "decision": None,
    "onset_ago": 41.2,
}
STATUS = {
    "state": "healing",
    "verdict": {"sentence": "A fault is treated."},
    "faults": [FAULT, {**FAULT, "open": False, "subject": "hardif/e2"}],
    "errors": {"mesh": "no such family"},
}


class Dead(Lab):
    """Four nodes of which nothing but a long log is left."""

    def __init__(self, line: bytes) -> None:
        super().__init__(LabState("lab", "ring:4", True, 0.0, "", ()))
        self._line = line

    def page(self, node: str, path: str = "/") -> str:
        return f"file:///nowhere/{node}{path}"

    def log(
        self, node: str, unit: str = "agent", *, follow: bool = False, offset: int = 0
    ) -> Iterator[bytes]:
        if node == "n4":
            raise LabError("the machine is gone")
        yield from [self._line + b"\n"] * 50


def test_what_is_open_is_told_and_what_is_over_is_not() -> None:
    assert evidence.document(STATUS) == [
        "healing: A fault is treated.",
        "open for 41 s, treated: link-dead hardif/e6: Nothing is heard on e6.",
        "error of mesh: no such family",
    ]


def test_a_decision_says_more_than_the_diagnosis() -> None:
    decided = {**FAULT, "decision": {"sentence": "Held back: no other way."}}
    told = evidence.document({**STATUS, "faults": [decided]})
    assert told[1].endswith("hardif/e6: Held back: no other way.")


def test_log_lines_are_time_event_and_message() -> None:
    line = {"node": "n1", "event": "action", "message": "detach", "level": "info"}
    line["ts"] = "2026-01-02T03:04:05.678Z"
    assert evidence.log_line(json.dumps(line).encode()) == "03:04:05 action: detach"
    assert evidence.log_line(b"Traceback\xff") == "Traceback\N{REPLACEMENT CHARACTER}"


def test_however_much_there_is_to_tell_the_text_is_bounded_and_each_node_has_its_part() -> None:
    text = evidence.of(Dead(b"x" * 5000), ["n1", "n2", "n3", "n4"])
    assert evidence.TEXT_MAX / 2 < len(text) <= evidence.TEXT_MAX
    for node in ("n1:", "n2:", "n3:", "n4:"):
        assert node in text
    assert "the machine is gone" in text


def test_a_node_that_does_not_answer_says_so() -> None:
    assert "its page does not answer" in evidence.of(Dead(b"line"), ["n1"])
