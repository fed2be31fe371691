# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the configuration is read again, checked as a whole, and taken over as far as can be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.config import Config, ConfigError, load
from agent.configchange import changed_sections, needs_restart, reload_sentence
from agent.telemetry import log as agent_log

log = logging.getLogger("x0.reload")

LOGGED_MAX = 20  # problems of one file that are logged; `x0 config check` shows all


class Reload:
    """`run` on SIGHUP. `error` is "" or says why the file was not taken over."""

    def __init__(self, path: Path, config: Config, take_over: Callable[[Config], None]) -> None:
        self._path, self._config, self._take_over = path, config, take_over
        self.error = ""

    def run(self) -> None:
        """Nothing is taken over of a file with a mistake."""
        try:
            new = load(self._path)
        except ConfigError as error:
            first = error.problems[0]
            self._refuse(len(error.problems), str(first).removeprefix(f"{first.file}:"))
            for problem in error.problems[:LOGGED_MAX]:
                log.error("%s", problem, extra={"event": "config-problem", "fields": {"key": problem.key}})
            return
        except OSError as error:
            self._refuse(1, f"0: {self._path}: {error.strerror or error}")
            return
        self.error = ""
        changed = changed_sections(self._config, new)
        late = needs_restart(changed)
        merged = _merge(self._config, new, [name for name in changed if name not in late])
        fields = {"changed": ", ".join(changed), "needs_restart": ", ".join(late)}
        log.info("%s", reload_sentence(changed), extra={"event": "configuration", "fields": fields})
        if merged != self._config:
            if merged.log != self._config.log:
                agent_log.setup(merged.log.level, merged.log.format, merged.node.name)
            self._config = merged
            self._take_over(merged)

    def _refuse(self, count: int, first: str) -> None:
        mistakes = f"{count} mistake{'s' if count > 1 else ''}"
        self.error = f"{self._path.name} has {mistakes}, the old one holds. Line {first}"
        log.error("%s", self.error, extra={"event": "reload-refused", "fields": {"mistakes": count}})


def _merge(old: Config, new: Config, names: list[str]) -> Config:
    """`old` with these sections (or `section.key`) of `new`."""
    changes: dict[str, Any] = {}
    for name in names:
        section, _, key = name.partition(".")
        if key:
            base = changes.get(section, getattr(old, section))
            changes[section] = msgspec.structs.replace(base, **{key: getattr(getattr(new, section), key)})
        else:
            changes[section] = getattr(new, section)
    return msgspec.structs.replace(old, **changes)
