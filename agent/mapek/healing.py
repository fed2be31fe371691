# SPDX-License-Identifier: Apache-2.0
"""One tick of healing: view in, what to do out. No clock, no I/O, no thread: every safety rule is tested
here.

The executor carries out what a Tick asks for and reports with `acted`, `withdrawn` and `undone`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Suspicion, Symptom, Verdict
from agent.faults.base import State, View
from agent.mapek.analyse import Analyser, Cause, related
from agent.mapek.episodes import Book, Episode, Memory, Phase, Rung, hold_down
from agent.mapek.health import Health
from agent.mapek.limits import Limits
from agent.mapek.plan import Gate, Planner, relapse_cooldown
from agent.mapek.policy import OBSERVE, Policy

CONTAINED_LOST = (
    2.0  # s a contained fault must show again before it is treated again: one odd reading is none
)
UNDO_BACKOFF = 1.0  # s after the first undo that failed, doubled each time
UNDO_BACKOFF_MAX = 60.0  # s; an undo is never given up
SUSPICION_QUIET = 5.0  # s without a sign after which a suspicion is new again
MAX_SUSPICIONS = 256  # remembered, so that a flood of them is bounded

Emit = Callable[[str, str, dict[str, object]], None]  # event name, sentence, fields


class Act(msgspec.Struct, frozen=True):
    """Carry this out."""

    diagnosis: Diagnosis
    remedy: Remedy


class Undo(msgspec.Struct, frozen=True):
    """Put these journal records back, the newest first."""

    episode: str
    seqs: tuple[int, ...]


class Tick(msgspec.Struct, frozen=True):
    """What follows from one view."""

    acts: tuple[Act, ...] = ()
    undos: tuple[Undo, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()  # every one that holds
    fresh: tuple[Suspicion, ...] = ()  # those that are new
    decisions: tuple[Decision, ...] = ()  # new ones
    outcomes: tuple[Outcome, ...] = ()


class Healing:
    """Analyse, plan and the life of the episodes."""

    def __init__(
        self,
        policy: Policy,
        analyser: Analyser,
        planner: Planner,
        emit: Emit,
        new_id: Callable[[], str],
        *,
        memory: Memory,
        limits: Limits,
        health: Health,
    ) -> None:
        self.policy = policy
        self.analyser = analyser
        self.planner = planner
        self.book = Book()
        self.memory = memory
        self.limits = limits
        self.health = health
        self.paused_until = 0.0
        self.stopped = ""  # why nothing can be carried out now, from the executor
        self._emit = emit
        self._new_id = new_id
        self._suspected: dict[tuple[str, str], float] = {}
        self._acts: list[Act] = []
        self._undos: list[Undo] = []
        self._decisions: list[Decision] = []
        self._outcomes: list[Outcome] = []

    def step(self, view: View) -> Tick:
        """Everything that follows from this view, in one go: a diagnosis is acted on in its own tick."""
        suspicions = self.analyser.suspicions(view)
        fresh = self._fresh(suspicions, view.now)
        symptoms = self.analyser.symptoms(view)
        self.health.look(view, symptoms)
        for cause in self.analyser.causes(symptoms, view):
            self._take(cause, view)
        for episode in tuple(self.book.open.values()):
            self._advance(episode, view)
        tick = Tick(
            tuple(self._acts),
            tuple(self._undos),
            tuple(suspicions),
            tuple(fresh),
            tuple(self._decisions),
            tuple(self._outcomes),
        )
        for done in (self._acts, self._undos, self._decisions, self._outcomes):
            done.clear()
        return tick

    def may_act(self, now: float) -> str:
        """Why nothing may be begun now, "" where it may."""
        return self._closed(now)[1]

    def relapses(self, now: float) -> dict[str, int]:
        """View.relapses: by subject, counting those under treatment."""
        counts = self.memory.by_subject(now)
        for episode in self.book.open.values():
            for subject in episode.subjects if episode.relapses else ():
                counts[subject] = max(counts.get(subject, 0), episode.relapses)
        return counts

    def treated(self) -> dict[str, str]:
        """View.episodes: subject > fault of what is under treatment."""
        treated: dict[str, str] = {}
        for episode in self.book.open.values():
            for subject in (*sorted(episode.subjects), episode.diagnosis.subject):
                treated[subject] = episode.diagnosis.fault
        return treated

    # what the executor reports

    def acted(self, episode_id: str, seq: int | None, error: str, now: float) -> None:
        """The act ended; `seq` is its journal record, if any."""
        episode = self.book.open.get(episode_id)
        if episode is None or episode.remedy is None:
            return
        episode.acted_at = now if episode.acted_at is None else episode.acted_at
        if seq is not None:
            episode.held[seq] = episode.remedy.action
        if not error:
            episode.phase = Phase.VERIFYING
            episode.deadline = now + episode.remedy.deadline
            return
        self._outcome(episode, episode.remedy.action, Result.ERROR, error, now)
        if episode.held:
            self._undo(episode, Result.ERROR, "the action failed", now)
        else:
            episode.phase, episode.remedy = Phase.DECIDING, None

    def withdrawn(self, episode_id: str, now: float) -> None:
        """Nothing was done: acting was forbidden (paused, reloaded) between the decision and the act.

        Rung, budget and move are given back.
        """
        episode = self.book.open.get(episode_id)
        if episode is not None and episode.remedy is not None:
            episode.used.discard(Rung.of(episode.remedy))
            self.limits.withdrawn(episode.remedy.action, episode.remedy.subject, episode.begun_at)
            episode.phase, episode.remedy, episode.decided_as = Phase.DECIDING, None, ()

    def undone(self, episode_id: str, seqs: tuple[int, ...], error: str, now: float) -> None:
        """These records were put back; with an error the others were not and are tried again."""
        episode = self.book.open.get(episode_id)
        if episode is None:
            return
        episode.undo_running = False
        wanted = self._wanted(episode)
        episode.held = {seq: action for seq, action in episode.held.items() if seq not in seqs}
        if set(wanted) - set(seqs):
            wait = min(UNDO_BACKOFF_MAX, UNDO_BACKOFF * 2.0 ** min(episode.undo_failures, 8))
            episode.undo_failures += 1
            episode.undo_at = now + wait
            self._emit(
                "undo-failed", f"putting back failed, next try in {wait:.0f} s: {error}", _about(episode)
            )
            return
        episode.undo_failures = 0
        action = episode.remedy.action if episode.remedy else ""
        if episode.undo_as is Result.ERROR:  # the outcome was said when the act failed
            episode.phase, episode.remedy = Phase.DECIDING, None
        elif episode.undo_as is Result.CONTAINED:
            episode.phase = Phase.CONTAINED
        elif episode.undo_as is Result.FAILED:
            self._outcome(episode, action, Result.FAILED, f"{episode.undo_why}; put back", now)
            episode.phase, episode.remedy = Phase.DECIDING, None
        else:
            self._end(episode, episode.undo_as, f"{episode.undo_why}; put back", now)

    # from a cause to an episode

    def _take(self, cause: Cause, view: View) -> None:
        symptom = cause.symptom
        if self.book.find(symptom.fault, symptom.subject) is not None:
            return
        near = [
            episode
            for episode in self.book.open.values()
            if any(related(subject, symptom.subject, view) for subject in episode.subjects)
        ]
        for episode in near:
            if self.analyser.explains(symptom.fault, episode.diagnosis.fault):
                self._reclassify(episode, symptom, cause, view)
                return
        if any(self.analyser.explains(episode.diagnosis.fault, symptom.fault) for episode in near):
            return  # an open episode is the root of it, even while its own sign does not show
        last = self.memory.last(symptom.fault, symptom.subject, view.now)
        episode = Episode(self._diagnose(self._new_id(), symptom, cause, view), last.count + 1 if last else 0)
        if self.book.add(episode):
            self._emit("diagnosis", episode.diagnosis.sentence, _about(episode))

    def _diagnose(self, name: str, symptom: Symptom, cause: Cause, view: View) -> Diagnosis:
        return Diagnosis(
            id=name,
            fault=symptom.fault,
            subject=symptom.subject,
            onset=symptom.onset,
            at=view.now,
            evidence=symptom.evidence,
            explains=tuple(sorted({other.fault for other in cause.explained})),
            sentence=self.analyser.sentence(symptom),
        )

    def _reclassify(self, episode: Episode, symptom: Symptom, cause: Cause, view: View) -> None:
        """The same episode under a better name: its rungs stay used, its records stay its own."""
        before = episode.diagnosis
        better = self._diagnose(before.id, symptom, cause, view)
        episode.diagnosis = msgspec.structs.replace(
            better,
            onset=min(before.onset, better.onset),
            evidence={**before.evidence, **better.evidence},
            explains=tuple(sorted({*better.explains, before.fault})),
        )
        episode.subjects.add(symptom.subject)
        episode.decided_as = ()
        last = self.memory.last(symptom.fault, symptom.subject, view.now)
        episode.relapses = max(episode.relapses, last.count + 1 if last else 0)
        self._emit(
            "reclassified",
            f"{before.fault} on {before.subject} is {better.fault}: {better.sentence}",
            {**_about(episode), "was": before.fault},
        )

    # the life of an episode

    def _advance(self, episode: Episode, view: View) -> None:
        if episode.phase is Phase.ACTING:
            return  # the executor will report
        if episode.phase is Phase.UNDOING:
            self._undo_again(episode, view.now)
            return
        if self.policy.mode == OBSERVE and episode.held:  # switched over: observe holds nothing changed
            self._undo(episode, Result.GONE, "mode is observe now", view.now)
            return
        state = self.analyser.state(episode.diagnosis, view)
        if state is None:
            if episode.phase is Phase.VERIFYING:
                self._overdue(episode, view.now)
            return
        if state is State.NEEDED and episode.held:  # no hold-down: a doubtful way is better than none
            self.limits.moved(episode.diagnosis.subject, view.now)
            episode.healed_at = view.now
            self._undo(episode, Result.HEALED, "it answers again and no other way is left", view.now)
            return
        if state is State.NEEDED:
            state = State.CONTAINED  # another episode holds it, and gives it back
        if episode.phase is Phase.CONTAINED:
            self._contained(episode, state, view)
        elif state is State.GONE:
            self._gone(episode, view)
        elif state is State.CONTAINED:
            self._contain(episode, view)
        elif episode.phase is Phase.VERIFYING:
            self._overdue(episode, view.now)
        else:
            self._decide(episode, view)

    def _gone(self, episode: Episode, view: View) -> None:
        if episode.held:
            self._contain(episode, view)
            if episode.phase is Phase.CONTAINED:
                self._contained(episode, State.GONE, view)
        elif episode.acted_at is not None:
            episode.healed_at = view.now
            self._end(episode, Result.HEALED, "the fault is gone", view.now)
        else:
            self._end(episode, Result.GONE, "the fault went away by itself", view.now)

    def _contain(self, episode: Episode, view: View) -> None:
        episode.phase = Phase.CONTAINED
        episode.lost_at = None
        if episode.contained_at is None:
            episode.contained_at = view.now
            action = episode.remedy.action if episode.remedy and episode.acted_at is not None else ""
            self._outcome(episode, action, Result.CONTAINED, "traffic no longer depends on it", view.now)
        if any(self.planner.temporary(action) for action in episode.held.values()):
            self._undo(episode, Result.CONTAINED, "it has served", view.now)

    def _contained(self, episode: Episode, state: State, view: View) -> None:
        now = view.now
        if state is State.PRESENT:
            episode.lost_at = now if episode.lost_at is None else episode.lost_at
            if not episode.held or now - episode.lost_at >= CONTAINED_LOST:
                episode.phase, episode.lost_at = Phase.DECIDING, None
            return
        episode.lost_at = None
        if state is not State.GONE:
            return
        if not episode.held:
            self._end(
                episode,
                Result.GONE if episode.acted_at is None else Result.HEALED,
                "the cause is gone",
                now,
            )
            return
        longest = self.policy.cooldown_max
        hold = hold_down(episode.relapses, self.policy.thresholds.reattach_after_s, longest)
        held_since = episode.acted_at if episode.contained_at is None else episode.contained_at
        subject = episode.remedy.subject if episode.remedy else episode.diagnosis.subject
        if now - (held_since or now) >= hold and self.limits.may_return(
            subject, now, self.policy.moves_per_two_minutes
        ):
            self.limits.moved(subject, now)
            episode.healed_at = now
            self._undo(episode, Result.HEALED, "the cause is gone", now)

    def _overdue(self, episode: Episode, now: float) -> None:
        if now < episode.deadline or episode.remedy is None:
            return
        why = f"not verified within {episode.remedy.deadline:g} s"
        if episode.held:
            self._undo(episode, Result.FAILED, why, now)
        else:
            self._outcome(episode, episode.remedy.action, Result.FAILED, why, now)
            episode.phase, episode.remedy = Phase.DECIDING, None

    def _decide(self, episode: Episode, view: View) -> None:
        root = self._root_of(episode, view)
        if root is not None and episode.acted_at is None:
            self._end(episode, Result.GONE, f"explained by {root.diagnosis.fault}", view.now)
            return
        ladder = self.analyser.ladder(episode.diagnosis, view)
        closed_as, closed = self._closed(view.now)
        last = self.memory.last(episode.diagnosis.fault, episode.diagnosis.subject, view.now)
        blocker = self.book.blocker(episode, [remedy.subject for remedy in ladder])
        gate = Gate(
            closed_as=closed_as,
            closed=closed,
            cooling_until=relapse_cooldown(episode.relapses, last.contained, last.ended, self.policy)
            if last
            else 0.0,
            explained_by=root.diagnosis.sentence if root else "",
            blocked_by=blocker.diagnosis.fault if blocker else "",
            stopped=self.stopped,
        )
        plan = self.planner.decide(episode, ladder, view, self.policy, self.limits, gate)
        decision = plan.decision
        if plan.kind != episode.decided_as:
            episode.decided_as = plan.kind
            episode.decision = decision
            episode.decisions.append(decision)
            self._decisions.append(decision)
            self._emit("decision", decision.sentence, {**_about(episode), **_remedy(decision)})
        if decision.verdict is Verdict.ACT and decision.remedy is not None:
            self._act(episode, decision.remedy, view.now)
        elif plan.kind[-1] == "exhausted" and episode.used:
            self._exhausted(episode, view.now)

    def _act(self, episode: Episode, remedy: Remedy, now: float) -> None:
        episode.phase, episode.remedy, episode.begun_at = Phase.ACTING, remedy, now
        episode.used.add(Rung.of(remedy))
        episode.subjects.add(remedy.subject)
        self.limits.acted(remedy.action, remedy.subject, now)
        self._acts.append(Act(episode.diagnosis, remedy))
        self._emit("action", f"begins: {remedy.action} on {remedy.subject}", _about(episode))

    def _exhausted(self, episode: Episode, now: float) -> None:
        if episode.held:
            self._undo(episode, Result.FAILED, "no rung is left", now)
        else:
            self._end(episode, Result.FAILED, "every rung was tried once; a person should look", now)

    def _undo(self, episode: Episode, result: Result, why: str, now: float) -> None:
        episode.phase = Phase.UNDOING
        episode.undo_as, episode.undo_why, episode.undo_at = result, why, now
        self._undo_again(episode, now)

    def _undo_again(self, episode: Episode, now: float) -> None:
        if not episode.undo_running and now >= episode.undo_at:
            episode.undo_running = True
            self._undos.append(Undo(episode.id, self._wanted(episode)))

    def _wanted(self, episode: Episode) -> tuple[int, ...]:
        """The records to put back now, newest first: once contained only what served to get there."""
        seqs = tuple(reversed(episode.held))
        if episode.undo_as is not Result.CONTAINED:
            return seqs
        return tuple(seq for seq in seqs if self.planner.temporary(episode.held[seq]))

    def _end(self, episode: Episode, result: Result, why: str, now: float) -> None:
        action = episode.remedy.action if episode.remedy and episode.acted_at is not None else ""
        episode.result = result
        self._outcome(episode, action, result, why, now)
        if episode.acted_at is not None:
            self.memory.ended(episode, now)
        self.book.close(episode, now)

    # small questions

    def _root_of(self, episode: Episode, view: View) -> Episode | None:
        for other in self.book.open.values():
            if other is episode or not self.analyser.explains(other.diagnosis.fault, episode.diagnosis.fault):
                continue
            if self.analyser.explains(episode.diagnosis.fault, other.diagnosis.fault):
                continue  # each explains the other: neither may wait for the other
            if related(other.diagnosis.subject, episode.diagnosis.subject, view):
                return other
        return None

    def _closed(self, now: float) -> tuple[str, str]:
        if self.policy.mode == OBSERVE:
            return "observe", "mode is observe"
        if now < self.paused_until:
            return "paused", f"healing is paused for another {self.paused_until - now:.0f} s"
        if not self.health.was_healthy:
            return "unhealthy", f"the node was not healthy yet since it started: {self.health.reason}"
        return "", ""

    def _fresh(self, suspicions: list[Suspicion], now: float) -> list[Suspicion]:
        fresh = []
        for suspicion in suspicions[:MAX_SUSPICIONS]:
            key = (suspicion.fault, suspicion.subject)
            if now - self._suspected.pop(key, -SUSPICION_QUIET - 1.0 + now) > SUSPICION_QUIET:
                fresh.append(suspicion)
                self._emit("suspicion", suspicion.why, {"fault": key[0], "subject": key[1]})
            self._suspected[key] = now
        while len(self._suspected) > MAX_SUSPICIONS:
            del self._suspected[next(iter(self._suspected))]
        return fresh

    def _outcome(self, episode: Episode, action: str, result: Result, why: str, now: float) -> None:
        diagnosis = episode.diagnosis
        outcome = Outcome(
            diagnosis=diagnosis.id,
            fault=diagnosis.fault,
            subject=diagnosis.subject,
            action=action,
            result=result,
            sentence=f"{diagnosis.fault} on {diagnosis.subject} {result.value}: {why}"
            + (f" ({action})" if action else ""),
            at=now,
            after_onset=max(0.0, now - diagnosis.onset),
            evidence=diagnosis.evidence,
        )
        episode.outcomes.append(outcome)
        self._outcomes.append(outcome)
        fields: dict[str, object] = {"result": result.value, "action": action}
        self._emit(
            "outcome",
            outcome.sentence,
            {**_about(episode), **fields, "after_onset": round(outcome.after_onset, 3)},
        )


def _about(episode: Episode) -> dict[str, object]:
    diagnosis = episode.diagnosis
    return {
        "episode": diagnosis.id,
        "fault": diagnosis.fault,
        "subject": diagnosis.subject,
        "phase": episode.phase.value,
        "relapses": episode.relapses,
        **{f"seen {key}": value for key, value in list(diagnosis.evidence.items())[:8]},
    }


def _remedy(decision: Decision) -> dict[str, object]:
    remedy = decision.remedy
    about: dict[str, object] = {"verdict": decision.verdict.value}
    if remedy is not None:
        about |= {"action": remedy.action, "on": remedy.subject}
    return about
