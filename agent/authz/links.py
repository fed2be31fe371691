# SPDX-License-Identifier: Apache-2.0
"""May a node whose certificate is good be our neighbour? For linksec.trust.verifier."""

from __future__ import annotations

from collections.abc import Callable

from agent.authz.authoriser import Authoriser
from agent.authz.subject import Proof, member


def permit(authoriser: Authoriser) -> Callable[[Proof], str]:
    """(what a chain proved) > why it may not, "" where it may. Counted."""

    def judge(proof: Proof) -> str:
        decision = authoriser.decide(member(proof), "link.secure", "link")
        return "" if decision.allowed else decision.sentence

    return judge
