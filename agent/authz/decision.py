# SPDX-License-Identifier: Apache-2.0
"""The answer to who may do what, with the rule it comes from."""

from __future__ import annotations

from typing import Literal

import msgspec

from agent.authz.subject import Subject

# Where a decision comes from: the built-in table, the configuration's rules, the state of the one who asks
# (revoked), or no rule at all.
Source = Literal["built-in", "policy", "standing", "none"]


class Decision(msgspec.Struct, frozen=True):
    """`rule` is "" where none speaks; `why`: the rule's reason, or what is wrong with who asks."""

    allowed: bool
    subject: Subject
    action: str
    resource: str
    source: Source
    rule: str = ""
    why: str = ""

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def label(self) -> str:
        """The rule as metrics and lists name it: built-in/NAME, policy/NAME, standing, none."""
        return f"{self.source}/{self.rule}" if self.rule else self.source

    @property
    def sentence(self) -> str:
        """For people."""
        may = "may" if self.allowed else "may not"
        said = f"{self.subject} {may} {self.action} {self.resource}"
        if self.source == "standing":
            return f"{said}: {self.why}"
        if self.source == "none":
            return f"{said}: no rule allows it, and what no rule allows is refused"
        where = "built-in rule" if self.source == "built-in" else "rule of the policy"
        reason = f" ({self.why})" if self.why else ""
        return f"{said}: the {where} {self.rule} {'allows' if self.allowed else 'denies'} it{reason}"


class Passed(msgspec.Struct, frozen=True):
    """A rule on that action that did not match, and why: for who wonders."""

    rule: str  # as Decision.label
    effect: str
    why: str
