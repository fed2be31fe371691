# SPDX-License-Identifier: Apache-2.0
"""May this node's loop use a remedy? Asked before it is chosen, and again before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.authz.authoriser import Authoriser
from agent.authz.decision import Decision
from agent.authz.steady import Steady
from agent.authz.subject import SELF
from agent.events import Remedy, Scope
from agent.remedies.base import Action

ACT: Final = "remedy.act"
WIDTH: Final = (Scope.NODE, Scope.NEIGHBOURS, Scope.MESH)  # each reaches beyond the one before


class Permit:
    """Without an authoriser the built-in table holds. Putting things back is never asked about."""

    def __init__(self, actions: Sequence[Action], authoriser: Authoriser | None = None) -> None:
        self._actions = {action.id: action for action in actions}
        self._authoriser = authoriser or Authoriser()
        self._steady = Steady(self._authoriser, all_changes=False)

    def refusal(self, remedy: Remedy) -> str:
        """Why it may not be chosen, "" where it may."""
        return _words(self._steady.ask(SELF, ACT, self._resource(remedy)), self._reach(remedy))

    def forbidden(self, remedy: Remedy) -> str:
        """The same in the moment it is begun; counted."""
        return _words(self._authoriser.decide(SELF, ACT, self._resource(remedy)), self._reach(remedy))

    def _resource(self, remedy: Remedy) -> str:
        return f"{self._reach(remedy).value}/{remedy.action}"

    def _reach(self, remedy: Remedy) -> Scope:
        """As far as its ladder says, or as it reaches by its nature."""
        return max(remedy.scope, reach_of(self._actions.get(remedy.action)), key=WIDTH.index)


def reach_of(action: Action | None) -> Scope:
    """How far what it does is felt (an action's own `reach`): this node alone, unless it says more."""
    found: Scope = getattr(action, "reach", Scope.NODE)
    return found


def _words(decision: Decision, reach: Scope) -> str:
    if decision.allowed:
        return ""
    if not decision.rule:
        return f"standing policy leaves to a vote what concerns {reach.value}"
    reason = f" ({decision.why})" if decision.why else ""
    return f"the rule {decision.rule} of the policy denies it{reason}"
