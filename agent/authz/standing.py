# SPDX-License-Identifier: Apache-2.0
"""What takes every right from who asks, whatever the rules say: being revoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.authz.subject import Subject

if TYPE_CHECKING:
    from agent.identity.revoked import Revoked  # not loaded where nobody has an identity

Standing = Callable[[Subject], str]  # why it has no rights now, "" where it has


def sound(_: Subject) -> str:
    """Of a node without an identity: nobody can be revoked."""
    return ""


def by_revocations(revoked: Callable[[], Revoked]) -> Standing:
    """Asked each time, so that a list counts from the moment it was taken. Look-ups, no signatures."""

    def judge(subject: Subject) -> str:
        if subject.kind != "member":
            return ""
        now = revoked()
        if subject.node and (entry := now.node(subject.node)):
            return f"node {subject.node} is revoked{_reason(entry.reason)}"
        if subject.key_id and (entry := now.key(subject.key_id)):
            return f"its key is revoked{_reason(entry.reason)}"
        if subject.issuer_key_id:
            if entry := now.certificate(subject.issuer_key_id, subject.serial):
                return f"its certificate is revoked{_reason(entry.reason)}"
            if entry := now.issuer(subject.issuer_key_id):
                return f"its issuer is revoked{_reason(entry.reason)}"
        return ""

    return judge


def _reason(text: str) -> str:
    return f" ({text})" if text else ""
