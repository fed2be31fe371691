# SPDX-License-Identifier: Apache-2.0
"""rekey-stuck: the key of an interface is older than it may get, or a neighbour follows no change of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import LinkFailure, SecuredInterface

JITTER: Final = 1.1  # of the period (linksec/keytimes.py: JITTER)
# A neighbour whose agent restarts is waited for (half a minute: linksec/audience.py, HOLD), then 6 s for
# those that do not confirm, then a kernel that is asked again.
SLACK_S: Final = 60.0
CUT_TIMES: Final = 3  # a neighbour that did not confirm once or twice was slow
REMEMBERED_S: Final = 3600.0  # linksec/history.py: KEEP
DEADLINE_S: Final = 15.0  # 1.5 s for the neighbours, the kernel, and the next reading
SECOND_TRY_S: Final = 120.0


class RekeyStuck:
    """Two forms. An interface with live neighbours whose key is a minute older than its period allows: no
    change was carried through, so whoever left or was expelled since may still read. It is changed at once,
    whoever does not follow is cut. And a neighbour that was cut three times within the hour because it
    confirmed no new key: each change costs the link with it, and only its own side can be mended.
    """

    id: ClassVar[str] = "rekey-stuck"
    title: ClassVar[str] = "Keys of a link are not changed"
    by_hand: ClassVar[str] = (
        "`x0 links` says which neighbour does not follow; look at its agent's log and load, restart its "
        "agent, then this one's (`systemctl restart x0-agent`)."
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset()

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: it is a matter of minutes."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        for one in _stuck(view):
            age, period = one.key_age or 0.0, sec.long(one.rekey_period)
            evidence = {
                "key": f"the key of {one.hardif} is in use for {sec.long(age)}, its period is {period}",
                "failures": _failed(one),
            }
            onset = view.now - (age - one.rekey_period * JITTER)
            found.append(Symptom(self.id, Subject.hardif(one.hardif), onset, evidence))
        for failure in _behind(view):
            who = f"{failure.peer} on {failure.hardif}"
            evidence = {
                "key": f"{who} was cut {failure.count} times as it confirmed no new key",
                "last": f"{sec.long(failure.age)} ago",
            }
            found.append(Symptom(self.id, sec.subject(view, failure), view.now - failure.first_age, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        return f"Keys are not changed as they should be: {symptom.evidence['key']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Of an interface: now; once more later. Nothing for a neighbour's own side."""
        hardif = diagnosis.subject.split("/")[1]
        if diagnosis.subject != Subject.hardif(hardif):
            return ()
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        return (
            Remedy("rekey-link", diagnosis.subject, {"hardif": hardif}, deadline=DEADLINE_S),
            Remedy("rekey-link", diagnosis.subject, {"hardif": hardif} | later, deadline=DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """A neighbour that follows again, or has not failed for the time it takes to fail twice, is well."""
        if view.snapshot.security is None:
            return State.GONE
        hardif = diagnosis.subject.split("/")[1]
        if diagnosis.subject == Subject.hardif(hardif):
            return State.PRESENT if any(one.hardif == hardif for one in _stuck(view)) else State.GONE
        behind = any(sec.subject(view, failure) == diagnosis.subject for failure in _behind(view))
        return State.PRESENT if behind else State.GONE


def _stuck(view: View) -> list[SecuredInterface]:
    """Interfaces whose key is too old though somebody is there to be given another."""
    found = sec.security(view)
    live = {link.hardif for link in sec.links(view) if link.state == "post-quantum" and not link.held}
    return [
        one
        for one in (found.interfaces if found else ())
        if one.hardif in live
        and one.rekey_period > 0
        and one.key_age is not None
        and one.key_age > one.rekey_period * JITTER + SLACK_S
    ]


def _behind(view: View) -> list[LinkFailure]:
    """Neighbours cut again and again at changes of the key, the last of them not long ago."""
    found = sec.security(view)
    periods = {one.hardif: one.rekey_period for one in (found.interfaces if found else ())}
    return [
        one
        for one in sec.failures(view, "rekey", REMEMBERED_S)
        if sec.proved(one)
        and one.count >= CUT_TIMES
        and one.age <= 2 * JITTER * periods.get(one.hardif, 0.0) + SLACK_S
    ][: sec.SHOWN_MAX]


def _failed(one: SecuredInterface) -> str:
    told = [f"{word} {one.failures[word]}" for word in ("kernel", "rekey") if one.failures.get(word)]
    return ", ".join(told) if told else "none counted"


FAULT: Fault = RekeyStuck()
