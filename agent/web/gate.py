# SPDX-License-Identifier: Apache-2.0
"""The page's questions to the authorisation: who a request is from, and may it have what it asks for?"""

from __future__ import annotations

from collections.abc import Callable

from microdot import Request, Response

from agent.authz.authoriser import Authoriser
from agent.authz.decision import Decision
from agent.authz.errors import AuthzError
from agent.authz.subject import PIN, READER
from agent.authz.watching import Watch
from agent.web import notices
from agent.web.actions import CHECKS, RefusedError

Ended = Callable[[], None]


class Gate:
    """Without an authoriser the built-in table holds."""

    def __init__(self, authoriser: Authoriser | None = None) -> None:
        self._authoriser = authoriser or Authoriser()

    def ask(self, request: Request, signed_in: bool, action: str, resource: str) -> Decision:
        """Counted."""
        subject = PIN if signed_in else READER
        return self._authoriser.decide(subject, action, resource, _address(request))

    def require(self, request: Request, signed_in: bool, action: str, resource: str) -> None:
        """RefusedError where it may not be."""
        decision = self.ask(request, signed_in, action, resource)
        if not decision.allowed:
            raise RefusedError(notices.DENIED, 403, words(decision))

    def private(self, request: Request, signed_in: bool) -> bool:
        """May this request see positions and keys? Asked with every page, so it is not counted."""
        subject = PIN if signed_in else READER
        return self._authoriser.look(subject, "page.read-private", "status", _address(request)).allowed

    def forbidden(self, request: Request) -> frozenset[str]:
        """Actions that even a signed-in person may not ask for from there."""
        address = _address(request)
        return frozenset(
            name for name in CHECKS if not self._authoriser.look(PIN, "page.act", name, address).allowed
        )

    def watch(self, request: Request, decision: Decision, cut: Ended) -> Watch | None:
        """`cut` when it is no longer allowed; at once, and None, where too much is open to be watched."""
        try:
            return self._authoriser.watch(decision, lambda _now: cut(), _address(request))
        except AuthzError:
            cut()
            return None


def refusal(decision: Decision) -> Response:
    """What a refused GET is answered."""
    return Response(f"{words(decision)}\n", 403)


def words(decision: Decision) -> str:
    """For the client: what, and how to mend it; not the table, which is the operator's."""
    asked = f"{decision.subject} {decision.action} {decision.resource}"
    why = f" ({decision.why})" if decision.why else ""
    return (
        f"this node's policy does not allow it{why}. "
        f"Mend: sign in where that is possible, or ask its operator (x0 policy why {asked})"
    )


def _address(request: Request) -> str:
    return str(request.client_addr[0])
