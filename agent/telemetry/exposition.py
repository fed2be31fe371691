# SPDX-License-Identifier: Apache-2.0
"""The Prometheus text format, version 0.0.4. Own, as importing prometheus_client costs 5 MB of memory
(http.server, ssl, email) and none of its registries is needed. The tests check with promtool and its parser.
"""

from __future__ import annotations

from typing import Literal

Labels = tuple[tuple[str, str], ...]

SERIES_MAX = 512  # of one metric; a flood of strangers must not blow a scrape up
LABEL_MAX = 64  # characters of a label's value


class Metrics:
    """Collects samples in the order given and prints them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: set[str] = set()

    def add(
        self,
        name: str,
        kind: Literal["gauge", "counter"],
        help_text: str,
        samples: dict[Labels, float | int | None],
    ) -> None:
        """One metric; samples that are None are left out, and the metric where none is left."""
        assert name not in self._names, name
        known = [(labels, value) for labels, value in samples.items() if value is not None][:SERIES_MAX]
        if not known:
            return
        self._names.add(name)
        self._lines.append(f"# HELP {name} {help_text}")
        self._lines.append(f"# TYPE {name} {kind}")
        self._lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in known]

    def gauge(self, name: str, help_text: str, value: float | None, **labels: str) -> None:
        """One gauge with one sample."""
        self.add(name, "gauge", help_text, {tuple(labels.items()): value})

    def counter(self, name: str, help_text: str, value: float | None, **labels: str) -> None:
        """One counter with one sample."""
        self.add(name, "counter", help_text, {tuple(labels.items()): value})

    def text(self) -> str:
        """The exposition."""
        return "\n".join(self._lines) + "\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels) + "}" if labels else ""


def _escape(value: str) -> str:
    value = "".join(character if character.isprintable() else " " for character in value[:LABEL_MAX])
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, bool) else repr(value)
