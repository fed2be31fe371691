# SPDX-License-Identifier: Apache-2.0
"""The one who is asked: may this subject do that? Table, standing, counts and what is open, together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from agent.authz.builtin import BUILT_IN
from agent.authz.decision import Decision, Passed
from agent.authz.standing import Standing, sound
from agent.authz.subject import Subject
from agent.authz.table import Table
from agent.authz.tally import Tally
from agent.authz.watching import Cut, Watch, Watching
from agent.configpolicy import Rule


class Authoriser:
    """Event loop only, but `look`, which any thread may call.

    `decide` when something is about to be done, `watch` for what stays open after it, `changed` when rights
    may have changed (an SVID was renewed, a revocation came); `reload` does it for the rules.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        standing: Standing = sound,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._standing, self._wall = standing, wall
        self._table = _table(rules)
        self._watching = Watching(self.look)
        self._heirs: list[Callable[[], None]] = []
        self.tally = Tally()

    @property
    def table(self) -> Table:
        """The rules in force."""
        return self._table

    @property
    def open(self) -> int:
        """What is watched now."""
        return len(self._watching)

    @property
    def cut(self) -> int:
        """How much was cut since the start."""
        return self._watching.cut

    def decide(self, subject: Subject, action: str, resource: str, address: str = "") -> Decision:
        """The decision, counted. `address`: the client's, where it comes by the page."""
        decision = self.look(subject, action, resource, address)
        self.note(decision)
        return decision

    def look(self, subject: Subject, action: str, resource: str, address: str = "") -> Decision:
        """The same, uncounted: for what is asked over and over, or only shown."""
        if subject.kind == "member" and (wrong := self._standing(subject)):
            return Decision(False, subject, action, resource, "standing", why=wrong)
        return self._table.decide(subject, action, resource, address)

    def note(self, decision: Decision) -> None:
        """Count a decision of `look` that was acted on."""
        self.tally.count(decision, self._wall())

    def passed(self, subject: Subject, action: str, resource: str, address: str = "") -> tuple[Passed, ...]:
        """The rules that do not speak here, for who wonders why."""
        return self._table.passed(subject, action, resource, address)

    def watch(self, decision: Decision, cut: Cut, address: str = "") -> Watch:
        """Keep an allowed decision under review; `cut` once where it holds no more. AuthzError: too many.

        What has ended by itself calls `close` of the watch.
        """
        if not decision.allowed:
            raise ValueError(f"nothing may be opened on a refusal: {decision.sentence}")
        return self._watching.add(decision.subject, decision.action, decision.resource, address, cut)

    def changed(self) -> int:
        """Rights may have changed: what is open is asked about again; how much of it was cut."""
        ended = self._watching.look()
        for tell in self._heirs:
            tell()
        return ended

    def on_change(self, tell: Callable[[], None]) -> None:
        """For who judges its own open things anew (agent/linksec: `recheck`). Must not block or raise."""
        self._heirs.append(tell)

    def reload(self, rules: Sequence[Rule]) -> int:
        """Other rules from now on; how much of what is open was cut."""
        self._table = _table(rules)
        return self.changed()

    def revise(self, standing: Standing) -> int:
        """Another judge of who asks: the node has an identity now. As `changed`."""
        self._standing = standing
        return self.changed()


def _table(rules: Sequence[Rule]) -> Table:
    return Table([*((rule, "policy") for rule in rules), *((rule, "built-in") for rule in BUILT_IN)])
