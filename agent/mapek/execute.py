# SPDX-License-Identifier: Apache-2.0
"""Carries out what healing decided: announce, jitter, undo journal, act; and puts back what the journal
holds.

Order is the safety rule: the record is on disk (fsync) before anything is changed, and is marked done only
after the undo. Acting and undoing block in worker threads; the loop never waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from agent.mapek.journal import Journal
from agent.mapek.journalfile import JournalError
from agent.mapek.replay import undo_records
from agent.mapek.tick import Act, Undo
from agent.mapek.worker import Worker
from agent.remedies.base import Action, ActionError, Effector

MAX_WORKERS = 4  # actions at once; one that overran holds its worker until it returns
JITTER = 0.03  # s at most before a link or node is acted on: both ends seldom act in one moment, none waits
UNDO_LIMIT = 30.0  # s an undo may take before it is said to be stuck
GRACE = 0.5  # s beside an action's own time limit: journal, scheduling on a busy node

_log = logging.getLogger("agent.mapek.execute")


class Done(msgspec.Struct, frozen=True):
    """What an act came to."""

    seq: int | None  # its journal record
    error: str  # "" when it was done
    withdrawn: bool = False  # nothing was begun


class Executor:
    """Every method runs in the event loop. Results come through the two call-backs."""

    def __init__(
        self,
        actions: Sequence[Action],
        effector: Effector,
        journal: Journal,
        *,
        jitter: Callable[[], float],
        wall: Callable[[], float],
        forbidden: Callable[[Act], str],
        announce: Callable[[Act], None],
        before: Callable[[Act], None],
        acted: Callable[[str, Done], None],
        undone: Callable[[str, tuple[int, ...], str], None],
    ) -> None:
        """`jitter` gives 0..1. `before` runs in the worker just before the act and may raise to forbid it."""
        self._actions = {action.id: action for action in actions}
        self._effector = effector
        self._journal = journal
        self._jitter = jitter
        self._wall = wall
        self._forbidden = forbidden
        self._announce = announce
        self._before = before
        self._acted = acted
        self._undone = undone
        self._idle: list[Worker] = []
        self._workers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()  # episodes whose act is in a worker
        self.stuck: dict[str, str] = {}  # episode > the action that overran its limit and still runs

    def stopped(self) -> str:
        """Why nothing more can be carried out now, "" where it can."""
        if self._workers >= MAX_WORKERS and not self._idle:
            return f"all {MAX_WORKERS} workers are busy" + (
                f" ({', '.join(sorted(set(self.stuck.values())))} overran)" if self.stuck else ""
            )
        return ""

    def act(self, act: Act) -> None:
        """Begin it; `acted` is called once when it ended or was withdrawn."""
        self._spawn(self._do_act(act))

    def undo(self, undo: Undo) -> None:
        """Put records back; `undone` is called with those that were, and the first error."""
        self._spawn(self._do_undo(undo))

    async def drain(self, timeout: float) -> bool:
        """Waits for what is under way; False where something is still running after `timeout` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._tasks

    async def replay(self, only: set[int] | None = None) -> tuple[int, list[str]]:
        """Undoes the open records (of `only`, else all), newest first: how many, and what failed.

        Not those of an action that still runs: it may complete after its undo, so its record must stay open.
        The agent's end ends the action; then `agent.undo` (ExecStopPost) or the next start puts it back.
        """
        seqs = {entry.seq for entry in self._journal.open_records() if entry.episode not in self._running}
        seqs = seqs if only is None else seqs & only
        worker = self._take()
        try:
            call = worker.submit(lambda: undo_records(self._journal, self._actions, self._effector, seqs))
            put_back, errors = await call
        finally:
            self._give(worker)
        return len(put_back), errors

    def close(self) -> None:
        """Ends the idle workers."""
        for worker in self._idle:
            worker.close()
        self._idle.clear()

    async def _do_act(self, act: Act) -> None:
        seq: list[int] = []
        try:
            done = await self._carry_out(act, seq)
        except Exception as error:  # noqa: BLE001 - one that is never reported would stay under way for ever
            _log.exception("an act could not be begun", extra={"event": "action-lost", "fields": _about(act)})
            done = Done(seq[0] if seq else None, f"it could not be begun: {error!r}")
        self._acted(act.diagnosis.id, done)

    async def _carry_out(self, act: Act, seq: list[int]) -> Done:
        """What it came to; `seq` is given its journal record as soon as there is one."""
        episode, action = act.diagnosis.id, self._actions[act.remedy.action]
        if act.remedy.subject.startswith(("hardif/", "node/")):
            self._say(act)
            await asyncio.sleep(self._jitter() * JITTER)
        why = self._forbidden(act)
        if why:
            return Done(None, why, withdrawn=True)
        worker = self._take()
        error = ""
        try:
            self._running.add(episode)
            call = worker.submit(lambda: self._blocking_act(act, action, seq))
            done, _ = await asyncio.wait({call}, timeout=action.time_limit + GRACE)
            if not done:
                error = f"{action.id} took longer than its {action.time_limit:g} s"
                self.stuck[episode] = action.id
                _log.warning(
                    "%s; nothing else is done on %s until it returns",
                    error,
                    act.remedy.subject,
                    extra={"event": "action-stuck", "fields": _about(act)},
                )
                await asyncio.wait({call})
            failure = call.exception()
            if failure is not None:
                error = str(failure) if isinstance(failure, ActionError | JournalError) else repr(failure)
        finally:
            self.stuck.pop(episode, None)
            self._running.discard(episode)
            self._give(worker)
        # without a journal nothing was begun: the rung is not spent, it waits until the journal is mended
        withheld = bool(error and not seq and self._journal.trouble)
        return Done(seq[0] if seq else None, error, withdrawn=withheld)

    def _blocking_act(self, act: Act, action: Action, seq: list[int]) -> None:
        record = action.undo_record(act.remedy, self._effector)
        if record is not None:
            seq.append(self._journal.begin(record, act.diagnosis.id, self._wall()))
        self._before(act)
        action.act(act.remedy, self._effector)

    async def _do_undo(self, undo: Undo) -> None:
        put_back: Sequence[int] = ()
        try:
            put_back, errors = await self._put_back(undo)
        except Exception as error:  # noqa: BLE001 - as above: reported, it is tried again
            _log.exception("an undo could not be begun", extra={"event": "undo-lost", "fields": {}})
            errors = [f"it could not be begun: {error!r}"]
        self._undone(undo.episode, tuple(put_back), errors[0] if errors else "")

    async def _put_back(self, undo: Undo) -> tuple[Sequence[int], list[str]]:
        """Those put back, and what failed."""
        worker = self._take()
        try:
            call = worker.submit(
                lambda: undo_records(self._journal, self._actions, self._effector, set(undo.seqs))
            )
            done, _ = await asyncio.wait({call}, timeout=UNDO_LIMIT)
            if not done:
                self.stuck[undo.episode] = "undo"
                await asyncio.wait({call})
            failure = call.exception()
            return ((), [repr(failure)]) if failure is not None else call.result()
        finally:
            self.stuck.pop(undo.episode, None)
            self._give(worker)

    def _say(self, act: Act) -> None:
        try:
            self._announce(act)
        except Exception:  # noqa: BLE001 - who listens must not keep a node from healing itself
            _log.exception("announcing an intent failed", extra={"event": "announce-failed", "fields": {}})

    def _take(self) -> Worker:
        """An idle worker or a new one. Undoing is never refused one: it is what makes the node whole."""
        if self._idle:
            return self._idle.pop()
        worker = Worker(f"x0-act-{self._workers + 1}")
        self._workers += 1  # only now: a thread that could not be started is none
        return worker

    def _give(self, worker: Worker) -> None:
        if len(self._idle) < MAX_WORKERS:
            self._idle.append(worker)
        else:
            worker.close()
            self._workers -= 1

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _about(act: Act) -> dict[str, str]:
    return {"episode": act.diagnosis.id, "action": act.remedy.action}
