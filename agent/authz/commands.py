# SPDX-License-Identifier: Apache-2.0
"""`x0 policy` at the agent: the table in force, and why somebody may or may not do something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.authz.authoriser import Authoriser
from agent.authz.decision import Decision
from agent.authz.errors import AuthzError
from agent.authz.subject import Subject, parse
from agent.control import ControlError, Handler
from agent.policyterms import ACTIONS, SUBJECTS, TEXT_MAX, near


def handlers(authoriser: Authoriser) -> dict[str, Handler]:
    """The two handlers by name."""

    async def do_policy(_args: dict[str, Any]) -> Any:
        return shown(authoriser)

    async def do_why(args: dict[str, Any]) -> Any:
        try:
            return why(authoriser, args)
        except AuthzError as error:
            raise ControlError(error.what, error.mend) from None

    return {"policy": do_policy, "policy-why": do_why}


def permit(authoriser: Authoriser) -> Callable[[str, str], str]:
    """For agent/control.py: (kind of peer, command) > why it is refused, "" where it is not."""

    def judge(kind: str, command: str) -> str:
        decision = authoriser.decide(Subject(kind), "control.call", command)
        return "" if decision.allowed else decision.sentence

    return judge


def shown(authoriser: Authoriser) -> dict[str, Any]:
    """Rules, words, counts and the newest refusals."""
    return {
        "rules": [
            {
                "rule": ready.label,
                "effect": ready.rule.effect,
                "subjects": list(ready.rule.subjects),
                "actions": list(ready.rule.actions),
                "resources": list(ready.rule.resources),
                "networks": list(ready.rule.networks),
                "svid": ready.rule.svid,
                "why": ready.rule.why,
            }
            for ready in authoriser.table.rules
        ],
        "subjects": dict(SUBJECTS),
        "actions": {name: {"what": term.what, "resource": term.resource} for name, term in ACTIONS.items()},
        "decisions": [
            {**dict(labels), "count": count} for labels, count in authoriser.tally.series().items()
        ],
        "refused": [
            {"sentence": one.decision.sentence, "count": one.count, "last": round(one.last, 3)}
            for one in authoriser.tally.refusals()
        ],
        "open": authoriser.open,
        "cut": authoriser.cut,
    }


def why(authoriser: Authoriser, args: dict[str, Any]) -> dict[str, Any]:
    """One decision explained; AuthzError where the question makes no sense. It counts nowhere."""
    action, resource = _text(args, "action"), _text(args, "resource")
    if action not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise AuthzError(
            f"there is no action {action[:40]!r}", near(action, list(ACTIONS), f"the actions are {known}")
        )
    roles = args.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise AuthzError("roles that are no list of words", 'send them as ["router", "gateway"]')
    subject = parse(_text(args, "subject"), roles)
    address = str(args.get("address") or "")[:TEXT_MAX]
    asked = (subject, action, resource, address)
    decision = authoriser.look(*asked)
    return {
        **told(decision),
        "remarks": _remarks(decision, address),
        "others": [
            {"rule": one.rule, "effect": one.effect, "why": one.why} for one in authoriser.passed(*asked)
        ],
    }


def told(decision: Decision) -> dict[str, Any]:
    """A decision as a document."""
    return {
        "allowed": decision.allowed,
        "subject": str(decision.subject),
        "action": decision.action,
        "resource": decision.resource,
        "rule": decision.label,
        "why": decision.why,
        "sentence": decision.sentence,
    }


def _remarks(decision: Decision, address: str) -> list[str]:
    """What makes the answer another than it looks like."""
    term, found = ACTIONS[decision.action], []
    if decision.subject.kind not in term.askers:
        who = ", ".join(sorted(term.askers))
        found.append(f"only {who} can come to ask for {decision.action}: this question never comes up")
    if term.known and decision.resource not in term.known:
        found.append(f"there is no {decision.resource} to ask for; there are {', '.join(term.known)}")
    if term.addressed and not address:
        found.append("no address was given: rules that deny networks were taken to match, others not")
    return found


def _text(args: dict[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value or len(value) > TEXT_MAX:
        raise AuthzError(f"a question without {name}", f"name it in 1 to {TEXT_MAX} characters")
    return value
