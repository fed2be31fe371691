# SPDX-License-Identifier: Apache-2.0
"""The undo journal and reboots: what the kernel forgot by itself is not put back."""

from __future__ import annotations

from pathlib import Path

from agent.mapek.journal import Journal
from agent.remedies.base import UndoRecord
from tests.integration.mapek.test_journal import DETACH, opened, seqs
from tests.unit.mapek.world import journal_path


def test_a_reboot_has_undone_what_was_done_before_it(tmp_path: Path) -> None:
    journal = Journal(journal_path(tmp_path))
    journal.open("boot-1")
    journal.begin(DETACH, "e1", 1.0)
    journal.begin(UndoRecord("hasten-ogms", {"mesh": "bat0", "milliseconds": "1000"}), "e1", 1.0)
    other = journal.begin(UndoRecord("some-file", {"path": "x"}), "e2", 1.0)
    journal.close()
    journal = Journal(journal_path(tmp_path))
    journal.open("boot-2")
    assert seqs(journal) == [other]
    assert journal.detached() == frozenset()
    assert "the reboot has undone" in journal.notes[0]
    journal.close()
    assert seqs(opened(tmp_path)) == [other], "on disk, too"


def test_a_restart_of_the_agent_is_no_reboot(tmp_path: Path) -> None:
    journal = Journal(journal_path(tmp_path))
    journal.open("boot-1")
    journal.begin(DETACH, "e1", 1.0)
    journal.close()
    for boot in ("boot-1", ""):  # without an id (agent/undo.py) everything is put back
        journal = Journal(journal_path(tmp_path))
        journal.open(boot)
        assert seqs(journal) == [1]
        assert not journal.notes
        journal.close()


def test_a_record_of_an_older_agent_has_no_boot_id_and_is_put_back(tmp_path: Path) -> None:
    line = '{"begin":7,"record":{"action":"detach-hardif","args":{"hardif":"e2"}},"episode":"e","at":1.0}\n'
    journal_path(tmp_path).write_text(line)
    journal = Journal(journal_path(tmp_path))
    journal.open("boot-2")
    assert seqs(journal) == [7]
    assert journal.open_records()[0].boot == ""
    journal.close()
