# SPDX-License-Identifier: Apache-2.0
"""Plain aligned tables, valid Markdown at once, so that a figure is copied into README as it stands."""

from __future__ import annotations


class Table:
    """A titled table with notes below."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: list[tuple[str, ...]] = []
        self._notes: list[str] = []

    def head(self, *names: str) -> None:
        """The first row."""
        self._rows.insert(0, names)

    def row(self, *cells: str) -> None:
        """One more row; as many cells as the head."""
        self._rows.append(cells)

    def note(self, text: str) -> None:
        """A line below the table."""
        self._notes.append(text)

    def text(self) -> str:
        """The whole as text."""
        widths = [max(len(row[i]) for row in self._rows) for i in range(len(self._rows[0]))]
        lines = [self._title, ""]
        for number, row in enumerate(self._rows):
            lines.append(
                "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            )
            if number == 0:
                lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join([*lines, "", *(f"- {note}" for note in self._notes)]).rstrip() + "\n"
