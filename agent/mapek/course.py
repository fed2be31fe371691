# SPDX-License-Identifier: Apache-2.0
"""The course of an episode: from phase to phase, by what the view shows and what the executor reports."""

from __future__ import annotations

from agent.events import Remedy, Result, Verdict
from agent.faults.base import State, View
from agent.mapek.analyse import Analyser
from agent.mapek.deciding import Deciding
from agent.mapek.episodes import Book, Episode, Memory, Phase, Rung, hold_down, steady_for
from agent.mapek.holding import void
from agent.mapek.limits import MOVE_WINDOW, Limits
from agent.mapek.plan import failed_cooldown
from agent.mapek.rollback import Rollback
from agent.mapek.standing import Standing
from agent.mapek.tick import Draft

CONTAINED_LOST = (
    2.0  # s a contained fault must show again before it is treated again: one odd reading is none
)
SIGNLESS = 10.0  # s without its sign after which a fault without a rung is none any more: no odd reading
CURED = "the fault is gone"
HOST = "host/"  # subjects of the machine, on which no traffic depends directly


class Course:
    """Moves open episodes on; the picture of the phases is in agent/mapek/episodes.py."""

    def __init__(
        self,
        analyser: Analyser,
        deciding: Deciding,
        rollback: Rollback,
        book: Book,
        memory: Memory,
        limits: Limits,
        standing: Standing,
        draft: Draft,
    ) -> None:
        self._analyser = analyser
        self._deciding = deciding
        self._rollback = rollback
        self._book = book
        self._memory = memory
        self._limits = limits
        self._standing = standing
        self._draft = draft

    def advance(self, episode: Episode, view: View) -> None:
        """What this view means for it."""
        if episode.phase is Phase.ACTING:
            return  # the executor will report
        if episode.held and not self._standing.health.setup_done():
            return  # a link put back before the primary would become the primary
        if episode.phase is Phase.UNDOING:
            self._rollback.again(episode, view.now)
            return
        if self._standing.observing and episode.held:  # switched over: observe holds nothing changed
            self._rollback.begin(episode, Result.GONE, "mode is observe now", view.now)
            return
        if name := void(episode, view):
            self._void(episode, name, view)
            return
        state = self._analyser.state(episode.diagnosis, view)
        if state is None:
            if episode.phase is Phase.VERIFYING:
                self._overdue(episode, view.now)
            return
        if state is State.NEEDED and episode.held:  # no hold-down: a doubtful way is better than none
            self._limits.moved(episode.diagnosis.subject, view.now)
            episode.healed_at = view.now
            why = "it answers again and no other way is left"
            self._rollback.begin(episode, Result.HEALED, why, view.now)
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

    # what the executor reports

    def acted(self, episode: Episode, remedy: Remedy, seq: int | None, error: str, now: float) -> None:
        """Its remedy's act ended; `seq` is its journal record, if any."""
        episode.acted_at = now if episode.acted_at is None else episode.acted_at
        if seq is not None:
            episode.held[seq] = remedy.action
        if not error:
            episode.phase = Phase.VERIFYING
            episode.deadline = now + remedy.deadline
            return
        self._draft.outcome(episode, remedy.action, Result.ERROR, error, now)
        if episode.held:
            self._rollback.begin(episode, Result.ERROR, "the action failed", now)
        else:
            _next_rung(episode)

    def withdrawn(self, episode: Episode, remedy: Remedy) -> None:
        """Its remedy was not begun: rung, budget and move are given back."""
        episode.used.discard(Rung.of(remedy))
        self._limits.withdrawn(remedy.action, remedy.subject, episode.begun_at)
        _next_rung(episode)
        episode.decided_as = ()

    def undone(self, episode: Episode, seqs: tuple[int, ...], error: str, now: float) -> None:
        """These records were put back; with all of them back it goes on as the undo was meant."""
        if not self._rollback.reported(episode, seqs, error, now):
            return
        action = episode.remedy.action if episode.remedy else ""
        if episode.undo_as is Result.ERROR:  # the outcome was said when the act failed
            _next_rung(episode)
        elif episode.undo_as is Result.CONTAINED:
            episode.phase = Phase.CONTAINED
        elif episode.undo_as is Result.FAILED:
            self._draft.outcome(episode, action, Result.FAILED, f"{episode.undo_why}; put back", now)
            _next_rung(episode)
        elif episode.undo_why == CURED:
            self._end(episode, episode.undo_as, CURED, now)
        else:
            self._end(episode, episode.undo_as, f"{episode.undo_why}; put back", now)

    # from phase to phase

    def _void(self, episode: Episode, name: str, view: View) -> None:
        """Its undo changes nothing any more, but closes the record."""
        why = f"{name} is in {view.mesh_name} again without our doing"
        self._draft.say(
            "note", f"{why} (made anew, or attached by somebody): what held it out is void", episode
        )
        self._rollback.begin(episode, Result.GONE, why, view.now)

    def _gone(self, episode: Episode, view: View) -> None:
        if episode.held and self._rollback.cured(episode):  # no containment: a relapse of it may wait
            episode.healed_at = view.now
            self._rollback.begin(episode, Result.HEALED, CURED, view.now)
        elif episode.held:
            self._contain(episode, view)
            if episode.phase is Phase.CONTAINED:
                self._contained(episode, State.GONE, view)
        elif episode.spent:
            self._end(episode, Result.GONE, "somebody mended it, or it passed by itself", view.now)
        elif episode.acted_at is not None:
            episode.healed_at = view.now
            self._end(episode, Result.HEALED, CURED, view.now)
        else:
            self._end(episode, Result.GONE, "the fault went away by itself", view.now)

    def _contain(self, episode: Episode, view: View) -> None:
        episode.phase = Phase.CONTAINED
        episode.lost_at = None
        episode.asked = False
        if episode.contained_at is None:
            episode.contained_at = view.now
            machine = episode.diagnosis.subject.startswith(HOST)
            why = "it is held in check" if machine else "traffic no longer depends on it"
            if episode.relapses:
                why += f"; {self._held_out(episode, view.now)}"
            self._draft.outcome(episode, _acted_by(episode), Result.CONTAINED, why, view.now)
        if any(self._rollback.serves_for_now(action) for action in episode.held.values()):
            self._rollback.begin(episode, Result.CONTAINED, "it has served", view.now)

    def _contained(self, episode: Episode, state: State, view: View) -> None:
        now = view.now
        if state is not State.GONE:
            self._waver(episode, now)
        if state is State.PRESENT:
            episode.lost_at = now if episode.lost_at is None else episode.lost_at
            if not episode.held or now - episode.lost_at >= CONTAINED_LOST:
                episode.phase, episode.lost_at = Phase.DECIDING, None
            return
        episode.lost_at = None
        if state is not State.GONE:
            return
        if not episode.held:
            result = Result.GONE if episode.acted_at is None or episode.spent else Result.HEALED
            self._end(episode, result, "the cause is gone", now)
            return
        episode.well_at = now if episode.well_at is None else episode.well_at
        if self._may_return(episode, now):
            self._limits.moved(_held_subject(episode), now, _acted_by(episode))
            episode.healed_at = now
            self._rollback.begin(episode, Result.HEALED, "the cause is gone", now)

    def _may_return(self, episode: Episode, now: float) -> bool:
        """Was it out long enough, and well long enough for how often it was moved lately?"""
        policy = self._standing.policy
        hold = hold_down(episode.relapses, policy.thresholds.reattach_after_s, policy.cooldown_max)
        since = episode.acted_at if episode.contained_at is None else episode.contained_at
        if now - (since or now) < hold:
            return False
        well = now - (episode.well_at or now)
        steady = well >= steady_for(episode.wavers, policy.cooldown_max)
        if episode.wavers and not steady:
            return False
        return self._room(episode, now, steady=steady and not episode.relapses)

    def _room(self, episode: Episode, now: float, *, steady: bool = False) -> bool:
        most = self._standing.policy.moves_per_two_minutes
        action, subject = _acted_by(episode), _held_subject(episode)
        return self._limits.may_return(action, subject, now, most, steady=steady)

    def _waver(self, episode: Episode, now: float) -> None:
        """It was well and no longer is: it comes and goes, which is said the first time."""
        if episode.well_at is None or not episode.held:
            return
        episode.well_at = None
        episode.wavers += 1
        if episode.wavers == 1 and not episode.relapses:
            why = self._held_out(episode, now)
            self._draft.outcome(episode, _acted_by(episode), Result.CONTAINED, why, now)

    def _held_out(self, episode: Episode, now: float) -> str:
        policy, longest = self._standing.policy, self._standing.policy.cooldown_max
        wait = steady_for(episode.wavers, longest) if episode.wavers else 0.0
        if episode.relapses:
            hold = hold_down(episode.relapses, policy.thresholds.reattach_after_s, longest)
            wait = max(wait, hold)
        kept = f"it comes and goes: kept so until it has been well for {wait:.0f} s"
        if not episode.relapses or self._room(episode, now):
            return kept
        return f"{kept}, and for {MOVE_WINDOW:.0f} s after the last move"

    def _overdue(self, episode: Episode, now: float) -> None:
        if now < episode.deadline or episode.remedy is None:
            return
        why = f"not verified within {episode.remedy.deadline:g} s"
        if episode.held:
            self._rollback.begin(episode, Result.FAILED, why, now)
        else:
            self._draft.outcome(episode, episode.remedy.action, Result.FAILED, why, now)
            _next_rung(episode)

    def _decide(self, episode: Episode, view: View) -> None:
        root = self._deciding.root_of(episode, view)
        if root is not None and episode.acted_at is None:
            self._end(episode, Result.GONE, f"explained by {root.diagnosis.fault}", view.now)
            return
        waits = episode.spent or (episode.asked and episode.acted_at is None)
        if waits and view.now - episode.seen_at >= SIGNLESS:
            # remembered as failed: if it is back before its wait is over, the rest of that is waited for
            self._end(episode, Result.GONE, "its sign shows no more", view.now, remember=False)
            return
        plan = self._deciding.decide(episode, root, view)
        decision = plan.decision
        if decision.verdict is Verdict.ACT and decision.remedy is not None:
            self._act(episode, decision.remedy, view.now)
        elif decision.reason == "exhausted":
            self._exhausted(episode, view.now)

    def _act(self, episode: Episode, remedy: Remedy, now: float) -> None:
        episode.phase, episode.remedy, episode.begun_at = Phase.ACTING, remedy, now
        episode.used.add(Rung.of(remedy))
        episode.subjects.add(remedy.subject)
        episode.retry_at = None
        self._limits.acted(remedy.action, remedy.subject, now)
        self._draft.act(episode, remedy)

    def _exhausted(self, episode: Episode, now: float) -> None:
        """A person is asked; it goes on watching, and is opened anew after a while (Opening)."""
        episode.asked = True
        if episode.held:
            self._rollback.begin(episode, Result.FAILED, "no rung is left", now)
        elif not episode.spent:
            why = "every rung was tried once; a person should look"
            self._draft.outcome(episode, "", Result.FAILED, why, now)
            wait = failed_cooldown(episode.relapses + 1, episode.diagnosis.subject, self._standing.policy)
            episode.retry_at, episode.resumed = now + wait, False
            self._memory.ended(episode, now)

    def _end(self, episode: Episode, result: Result, why: str, now: float, *, remember: bool = True) -> None:
        episode.result = result
        self._draft.outcome(episode, _acted_by(episode), result, why, now)
        if remember and episode.acted_at is not None:
            self._memory.ended(episode, now)
        self._book.close(episode, now)


def _next_rung(episode: Episode) -> None:
    episode.phase, episode.remedy = Phase.DECIDING, None


def _held_subject(episode: Episode) -> str:
    return episode.remedy.subject if episode.remedy else episode.diagnosis.subject


def _acted_by(episode: Episode) -> str:
    """The action in hand, "" where none was carried out yet."""
    return episode.remedy.action if episode.remedy and episode.acted_at is not None else ""
