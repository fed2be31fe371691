# SPDX-License-Identifier: Apache-2.0
"""What the loop knows beyond this run: outcomes, success rates, relapses, budget, pauses, the first healthy
state.

Times are kept as (boot id, monotonic seconds). Those of a former boot are taken as the moment this boot
began (0), which is cautious and needs no wall clock.
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Result
from agent.mapek.episodes import MAX_MEMORIES, Memory, Relapse
from agent.mapek.limits import MAX_KEPT, Limits
from agent.store import Record, Store, StoreError

MAX_RATES = 256  # pairs of fault and action: the catalogue has fewer
MAX_COUNTED = 256  # episodes whose try is counted already; more are never open at once

_T = TypeVar("_T")


class Rate(msgspec.Struct, frozen=True):
    """How an action fared against a fault."""

    tried: int = 0
    worked: int = 0  # contained or healed

    @property
    def share(self) -> float:
        """Of all tries those that worked; with one of each assumed, so that nothing is certain at once."""
        return (self.worked + 1) / (self.tried + 2)


class _When(msgspec.Struct, frozen=True):
    boot: str
    at: float


class _Pause(msgspec.Struct, frozen=True):
    boot: str
    at: float
    seconds: float


class _Relapse(msgspec.Struct, frozen=True):
    fault: str
    subject: str
    count: int
    contained: bool
    boot: str
    ended: float
    healed: bool = False
    failed: bool = False


class _RateRow(msgspec.Struct, frozen=True):
    fault: str
    action: str
    tried: int
    worked: int


class Knowledge:
    """Over a Store, for one boot (`boot_id`: /proc/sys/kernel/random/boot_id)."""

    def __init__(self, store: Store, boot_id: str) -> None:
        self.store = store
        self.boot_id = boot_id
        rows = self._load("rates", list[_RateRow], [])[:MAX_RATES]
        self.rates = {(row.fault, row.action): Rate(row.tried, row.worked) for row in rows}
        self._counted: deque[tuple[str, str]] = deque(maxlen=MAX_COUNTED)

    def record_decision(self, diagnosis: Diagnosis, decision: Decision, wall: float) -> None:
        """A decision with its diagnosis' evidence."""
        body = {"diagnosis": diagnosis, "decision": decision}
        self._add(Record(wall, "decision", diagnosis.id, msgspec.json.encode(body)))

    def record_outcome(self, outcome: Outcome, wall: float) -> None:
        """An outcome; counts for the success rate of its action."""
        self._add(Record(wall, "outcome", outcome.diagnosis, msgspec.json.encode(outcome)))
        if not outcome.action:
            return
        key = (outcome.fault, outcome.action)
        if (outcome.diagnosis, outcome.action) in self._counted:  # contained, then healed: one try
            return
        if key not in self.rates and len(self.rates) >= MAX_RATES:
            return
        self._counted.append((outcome.diagnosis, outcome.action))
        worked = outcome.result not in (Result.FAILED, Result.ERROR)
        rate = self.rates.get(key, Rate())
        self.rates[key] = Rate(rate.tried + 1, rate.worked + worked)
        rows = [_RateRow(fault, action, r.tried, r.worked) for (fault, action), r in self.rates.items()]
        self._save("rates", rows)

    def outcomes(self, limit: int = 20) -> tuple[Outcome, ...]:
        """The newest outcomes, newest first, also of former runs."""
        found: list[Outcome] = []
        for record in self.store.records(limit * 4):
            if record.kind == "outcome" and len(found) < limit:
                try:
                    found.append(msgspec.json.decode(record.body, type=Outcome))
                except msgspec.DecodeError:  # a row of another version or a damaged one
                    continue
        return tuple(found)

    # limits and relapses

    def load_limits(self) -> Limits:
        """Budget and last reboot as former runs left them."""
        limits = Limits()
        reboot = next(iter(self._load("reboot", list[_When], [])), None)
        actions, apart = self._times("actions"), self._times("actions-apart")
        limits.load(actions, None if reboot is None else self._here(reboot.boot, reboot.at), apart)
        return limits

    def save_action(self, limits: Limits, now: float, *, reboot: bool) -> None:
        """An action begins: the budget must know it even if the agent dies now. Call before acting."""
        self._save_actions(limits)
        if reboot:
            self._save("reboot", [_When(self.boot_id, now)])

    def save_withdrawn(self, limits: Limits) -> None:
        """An action was not begun after all: the next run must not count it either."""
        self._save_actions(limits)
        reboot = limits.rebooted()
        self._save("reboot", [] if reboot is None else [_When(self.boot_id, reboot)])

    def load_memory(self) -> Memory:
        """Relapses as former runs left them."""
        memory = Memory()
        memory.load(
            (
                row.fault,
                row.subject,
                Relapse(row.count, self._here(row.boot, row.ended), row.contained, row.healed, row.failed),
            )
            for row in self._load("relapses", list[_Relapse], [])[-MAX_MEMORIES:]
        )
        return memory

    def save_memory(self, memory: Memory) -> None:
        """After an episode ended, or has no rung left."""
        self._save(
            "relapses",
            [
                _Relapse(
                    fault,
                    subject,
                    relapse.count,
                    relapse.contained,
                    self.boot_id,
                    relapse.ended,
                    relapse.healed,
                    relapse.failed,
                )
                for fault, subject, relapse in memory.items()
            ],
        )

    # pauses and the first healthy state

    def pause_until(self, now: float) -> float:
        """Monotonic end of a technician's pause, 0.0 where there is none. A reboot starts it again."""
        pause = next(iter(self._load("pause", list[_Pause], [])), None)
        if pause is None:
            return 0.0
        until = self._here(pause.boot, pause.at) + pause.seconds
        return until if until > now else 0.0

    def save_pause(self, now: float, seconds: float) -> None:
        """Healing is paused from now on for so long."""
        self._save("pause", [_Pause(self.boot_id, now, seconds)])

    def clear_pause(self) -> None:
        """Healing goes on."""
        self.store.delete("pause")

    def was_healthy(self) -> bool:
        """Was the node healthy once in this boot?"""
        return self._load("healthy", str, "") == self.boot_id

    def save_healthy(self) -> None:
        """It is."""
        self._save("healthy", self.boot_id)

    def _times(self, key: str) -> list[float]:
        return [self._here(when.boot, when.at) for when in self._load(key, list[_When], [])][-MAX_KEPT:]

    def _save_actions(self, limits: Limits) -> None:
        for key, times in (("actions", limits.actions()), ("actions-apart", limits.apart())):
            self._save(key, [_When(self.boot_id, at) for at in times])

    def _here(self, boot: str, at: float) -> float:
        return at if boot == self.boot_id else 0.0

    def _load(self, key: str, kind: type[_T], otherwise: _T) -> _T:
        raw = self.store.get(key)
        if raw is None:
            return otherwise
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            self.store.notes.append(f"value {key} in {self.store.path} is unreadable ({error}); forgotten")
            return otherwise

    def _save(self, key: str, value: object) -> None:
        try:
            self.store.put(key, msgspec.json.encode(value))
        except StoreError as error:
            self.store.notes.append(str(error))

    def _add(self, record: Record) -> None:
        try:
            self.store.add(record)
        except StoreError as error:
            self.store.notes.append(str(error))
