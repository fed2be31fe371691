# SPDX-License-Identifier: Apache-2.0
"""The issuer's book: a use is spent once, a name belongs to one key, a kill loses nothing."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.identity.errors import AuthorityError, EnrolmentError, TokenError
from agent.identity.register import Node, Register

TOKEN = bytes(16)


def node(name: str, key: int, serial: str = "") -> Node:
    return Node(name, bytes([key]) * 32, serial, ("router",), 1000, 1000)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Register]:
    found = Register(tmp_path / "issuer" / "register.db")
    yield found
    found.close()


def test_a_token_is_used_up_by_as_many_nodes_as_it_says(book: Register) -> None:
    book.enrol(TOKEN, 2, node("n1", 1))
    book.enrol(TOKEN, 2, node("n2", 2))
    with pytest.raises(TokenError, match="2 of 2 uses") as caught:
        book.enrol(TOKEN, 2, node("n3", 3))
    assert caught.value.reason == "used-up"
    assert book.find("n3") is None
    assert book.spent(TOKEN) == 2


def test_a_node_that_asks_again_gets_the_use_it_has_spent(book: Register) -> None:
    for _ in range(3):
        book.enrol(TOKEN, 1, node("n1", 1))
    assert book.spent(TOKEN) == 1


def test_another_token_is_counted_apart(book: Register) -> None:
    book.enrol(TOKEN, 1, node("n1", 1))
    book.enrol(b"\1" * 16, 1, node("n2", 2))
    assert [each.name for each in book.nodes()] == ["n1", "n2"]


def test_two_nodes_with_one_name_are_detected_and_both_named(book: Register) -> None:
    book.enrol(TOKEN, 2, node("n1", 1, "A17"))
    with pytest.raises(
        EnrolmentError, match=r"0101010101010101 \(serial A17\).*0202020202020202 \(serial A18\)"
    ) as caught:
        book.enrol(TOKEN, 2, node("n1", 2, "A18"))
    assert caught.value.reason == "name-taken"
    assert book.spent(TOKEN) == 1


def test_one_key_does_not_enrol_under_two_names(book: Register) -> None:
    book.enrol(TOKEN, 2, node("n1", 1))
    with pytest.raises(EnrolmentError, match="enrolled as n1 and asks for the name n2"):
        book.enrol(TOKEN, 2, node("n2", 1))


def test_a_renewal_is_noted_for_nodes_known_here_only(book: Register) -> None:
    book.enrol(TOKEN, 1, node("n1", 1))
    book.renewed("n1", 2000)
    book.renewed("n9", 2000)
    found = book.find("n1")
    assert found is not None
    assert (found.enrolled, found.renewed, found.roles) == (1000, 2000, ("router",))
    assert len(book.nodes()) == 1


def test_what_was_spent_is_spent_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    code = (
        "import os, sys; from pathlib import Path; from agent.identity.register import Node, Register\n"
        f"book = Register(Path({str(path)!r}))\n"
        "book.enrol(bytes(16), 1, Node('n1', b'1' * 32, '', (), 1, 1))\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    book = Register(path)
    assert book.spent(TOKEN) == 1
    with pytest.raises(TokenError, match="used up"):
        book.enrol(TOKEN, 1, node("n2", 2))
    book.close()


def test_two_processes_cannot_spend_one_use_twice(tmp_path: Path) -> None:
    one, other = Register(tmp_path / "r.db"), Register(tmp_path / "r.db")
    one.enrol(TOKEN, 1, node("n1", 1))
    with pytest.raises(TokenError):
        other.enrol(TOKEN, 1, node("n2", 2))
    one.close()
    other.close()


def test_a_damaged_or_newer_book_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_bytes(b"not a database, at all" * 100)
    with pytest.raises(AuthorityError, match="restore a damaged one"):
        Register(tmp_path / "damaged.db")
    base = sqlite3.connect(tmp_path / "newer.db")
    base.execute("PRAGMA user_version=9")
    base.close()
    with pytest.raises(AuthorityError, match="version 9"):
        Register(tmp_path / "newer.db")
