# SPDX-License-Identifier: Apache-2.0
"""An undo journal that goes on in memory where its own place cannot be written: a full or failed card must
not keep links from being healed.

The spare lies in the runtime directory (a tmpfs), which ends with the boot, as does what most records undo.
Once there, it is where this boot's journal is: a later run and `python -m agent.undo` look there first.
"""

from __future__ import annotations

from pathlib import Path

from agent.mapek.journal import NAME, Journal
from agent.mapek.journalfile import JournalBusyError, JournalError, JournalFile


def spare_of(control_socket: str) -> Path:
    """Where the spare lies: beside the control socket."""
    return Path(control_socket).parent / NAME


class SpareJournal(Journal):
    """As Journal; `trouble` only where neither place can be written."""

    def __init__(self, path: Path, spare: Path) -> None:
        super().__init__(path)
        self._own, self._spare = self._file, spare

    def open(self, boot: str = "") -> None:
        """As Journal.open, of the spare where there is one."""
        if self._spare.exists():
            self._file = JournalFile(self._spare)
            super().open(boot)
            return
        try:
            super().open(boot)
        except JournalBusyError:
            raise
        except JournalError as error:  # not even its lock: the records there are read all the same
            self._take_all(self._read())
            self._drop_other_boots()
            self._move(str(error))
            return
        if self.trouble:
            self._move(self.trouble)

    def close(self) -> None:
        """Gives both locks back."""
        super().close()
        self._own.close()

    def _append(self, line: bytes) -> None:
        try:
            super()._append(line)
        except JournalError as error:
            if self._file is not self._own or not self._own.locked:
                raise
            self._move(str(error))
            super()._append(line)

    def _move(self, why: str) -> None:
        """The open records into the spare. JournalError where that fails, too: then all is as before."""
        self._file = spare = JournalFile(self._spare)
        try:
            spare.lock()
            self._rewrite()
        except (OSError, JournalError) as error:
            spare.close()
            self._file = self._own
            if isinstance(error, JournalBusyError):
                raise
            raise JournalError(f"{why}; nor can {self._spare} be written: {error}") from error
        self._own.end_writing()  # its lock is held on: nobody else may take it for free
        self.notes.append(f"{why}; the undo journal goes on in memory, {self._spare}")
