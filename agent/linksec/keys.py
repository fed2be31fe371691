# SPDX-License-Identifier: Apache-2.0
"""The life of our own key on one interface, pure: whom it is given, when it is used, when it goes.

One secure association key (SAK) sends to all neighbours of an interface. Receivers add a new one first; the
sender changes over when each live neighbour has confirmed, or cuts those who have not by a deadline; the
old one goes 3 s later. **No packet is ever sent under a number that a live, confirmed neighbour has not
got.** Each key is random and made here, so none is used again after a reboot (the nonce of GCM is channel
and packet number).

Values in, `Action`s out: whoever carries them out reports `switched` or `failed`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from agent.kernel.macsec import KEY_BYTES, MAX_PN
from agent.kernel.macsecrows import KEY_ID_BYTES, MAX_AN
from agent.kernel.secret import Secret
from agent.linksec import keytimes as times
from agent.linksec.audience import Audience
from agent.linksec.errors import Reason
from agent.linksec.inherited import NOTHING, OwnKey
from agent.linksec.keyactions import Action, ChangeOver, Cut, Give, Remove, Sak, Tell


class _Next:
    """The key that comes."""

    __slots__ = ("deadline", "sak", "switching", "urgent")

    def __init__(self, sak: Sak, deadline: float, *, urgent: bool) -> None:
        self.sak, self.deadline, self.urgent = sak, deadline, urgent
        self.switching = False  # the kernel was told; it may send under it from now on


class SakLife:
    """One interface's sender. Every method takes the monotonic time and gives what must be done, in order.

    `inherited`: what an earlier run of the agent left in the kernel. Its key and who has it are not known
    here, so it is replaced once the neighbours of then are back, and gone after SETTLE whatever happens.
    """

    def __init__(
        self,
        now: float,
        *,
        random: Callable[[int], bytes],
        jitter: Callable[[], float],
        period: float = times.PERIOD,
        inherited: OwnKey = NOTHING,
    ) -> None:
        self._random, self._jitter, self._period = random, jitter, period
        self._audience = Audience()
        self._current: Sak | None = None
        self._next: _Next | None = None
        # association number > when it is removed
        self._leaving: dict[int, float] = dict.fromkeys(inherited.others, now)
        self._inherited = inherited.sending  # the association of a key of an earlier run that is sent under
        self._expected = inherited.neighbours
        waits = self._inherited is not None and self._expected
        self._settle_until = now + times.SETTLE if waits else now
        self._pn = 1
        self._rekey_at = float("inf")
        self._urgent = False  # another change is owed as soon as one may begin
        self._quiet_until = now  # after a refusal of the kernel
        self._now = now
        self.rekeys = 0
        self.used_since = now  # when the current key came into use
        self._begin(now, urgent=False)

    # -- what is

    @property
    def current(self) -> Sak | None:
        """The key in use, None before the first."""
        return self._current

    def in_use(self) -> set[bytes]:
        """Identifiers of the keys that are sent under, or will be."""
        coming = {self._next.sak.key_id} if self._next is not None else set()
        return coming | ({self._current.key_id} if self._current is not None else set())

    def live(self, peer: str) -> bool:
        """Has it confirmed every key that may be sent under at this moment?"""
        return self._audience.has_all(peer, self._required())

    def peers(self) -> tuple[str, ...]:
        """Everybody with a channel or held."""
        return self._audience.names()

    def next_due(self) -> float:
        """When `tick` has something to do next (s); what is due already waits for something else."""
        due = [*self._leaving.values(), *self._audience.held_until(), self._quiet_until]
        if self._inherited is not None:
            due.append(self._settle_until)
        if self._next is None:
            due.append(self._rekey_at)
        elif not self._next.switching:
            due.append(self._next.deadline)
        return min((at for at in due if at > self._now), default=float("inf"))

    # -- what happens

    def joined(self, peer: str, instance: bytes, now: float) -> list[Action]:
        """A channel to this peer was confirmed (for the first time, or anew)."""
        if not self._audience.joined(peer, instance):
            return [Cut(peer, Reason.FULL)]
        given: list[Action] = []
        for sak in (self._current, self._next.sak if self._next else None):
            if sak is not None:
                self._audience.offer(sak.key_id, (peer,))
                given.append(Give(peer, sak, self._pn if sak is self._current else 1))
        return given + self._advance(now)

    def confirmed(self, peer: str, key_id: bytes, now: float) -> list[Action]:
        """The peer can receive under this key. An answer to a key given up is passed over."""
        if not self._audience.confirmed(peer, key_id):
            return []
        told: list[Action] = []
        if self._current is not None and key_id == self._current.key_id:
            # it came late and may hold what an earlier run sent under
            told.append(Tell(peer, key_id, times.RETIRE))
        return told + self._advance(now)

    def lost(self, peer: str, now: float) -> list[Action]:
        """Its channel ended without a reason against it: its kernel works on, its agent is waited for."""
        if peer not in self._audience:
            return []
        if not self.live(peer):
            self._audience.removed(peer)
            return [Cut(peer, Reason.CLOSED), *self._advance(now)]
        self._audience.lost(peer, now)
        return self._advance(now)

    def removed(self, peer: str, now: float) -> list[Action]:
        """It is no neighbour any more."""
        if peer not in self._audience:
            return []
        self._audience.removed(peer)
        return self._advance(now)

    def expel(self, peers: Collection[str], key_ids: Collection[bytes], now: float) -> list[Action]:
        """These are trusted no more: they go, and every key they were given is replaced at once.

        `key_ids`: keys of ours that others were given who are no neighbours now and trusted no more either.
        All in one call, so that none of them is given the key that comes.
        """
        had = set(key_ids)
        for peer in peers:
            had |= self._audience.removed(peer)
        change = self._next
        if change is not None and change.sak.key_id in had:
            self._urgent = True
            if not change.switching:
                self._give_up(change.sak)  # never used: another takes its place
        elif self._current is not None and self._current.key_id in had:
            if change is not None and change.switching:
                change.urgent = True  # what comes is unknown to them; what was goes the sooner
            else:
                self._urgent = True
        # who has the key of an earlier run is not known, so that goes in any case
        self._settle_until = min(self._settle_until, now + times.CONFIRM_URGENT)
        return self._advance(now)

    def packet_number(self, pn: int, now: float) -> list[Action]:
        """The kernel's next packet number under the current key."""
        self._pn = max(self._pn, min(pn, MAX_PN))
        if pn >= times.PN_URGENT:
            self._urgent = True
        elif pn >= times.PN_LIMIT:
            self._rekey_at = min(self._rekey_at, now)
        return self._advance(now)

    def rekey(self, now: float, *, urgent: bool = False) -> list[Action]:
        """Change the key now, for a reason of the caller's."""
        if urgent:
            self._urgent = True
        else:
            self._rekey_at = min(self._rekey_at, now)
        return self._advance(now)

    def switched(self, key_id: bytes, now: float) -> list[Action]:
        """The kernel sends under this key."""
        change = self._next
        if change is None or change.sak.key_id != key_id:
            return []
        retire = times.RETIRE_URGENT if change.urgent else times.RETIRE
        before, self._current, self._next = self._current, change.sak, None
        if before is not None:
            self.rekeys += 1
            self._leaving[before.an] = now + retire
        if self._inherited is not None:
            self._leaving[self._inherited] = now + retire
            self._inherited = None
        self._pn, self.used_since = 1, now
        self._rekey_at = now + self._period * (1 + times.JITTER * (2 * self._jitter() - 1))
        self._audience.only(key_id)
        told: list[Action] = [Tell(name, key_id, retire) for name in self._audience.having(key_id)]
        return told + self._advance(now)

    def failed(self, key_id: bytes, now: float) -> list[Action]:
        """The kernel refused it and sends under the one before. Another key is tried after RETRY."""
        change = self._next
        if change is None or change.sak.key_id != key_id:
            return []
        self._give_up(change.sak)
        self._quiet_until = now + times.RETRY
        if change.urgent:
            self._urgent = True
        else:
            self._rekey_at = now
        return [Remove(change.sak.an), *self._advance(now)]

    def tick(self, now: float) -> list[Action]:
        """Whatever the time demands."""
        done: list[Action] = []
        for an in [an for an, at in self._leaving.items() if at <= now]:
            del self._leaving[an]
            done.append(Remove(an))
        done += [Cut(name, Reason.CLOSED) for name in self._audience.overdue(now)]
        done += self._advance(now)
        switching = self._next is not None and self._next.switching
        if self._inherited is not None and now >= self._settle_until and not switching:
            done.append(
                Remove(self._inherited)
            )  # nobody took a key of ours: better silent than under that one
            self._inherited = None
        return done

    # -- inside

    def _required(self) -> set[bytes]:
        """The keys that may be sent under at this moment."""
        required = set()
        if self._current is not None:
            required.add(self._current.key_id)
        if self._next is not None and self._next.switching:
            required.add(self._next.sak.key_id)
        return required

    def _advance(self, now: float) -> list[Action]:
        """Begin a change that is due; go through with one whose time has come."""
        self._now = now
        done: list[Action] = []
        none = self._current is None and self._next is None  # all numbers were taken, or it was given up
        due = none or self._urgent or (now >= self._rekey_at and not self._audience.held_until())
        if self._next is None and now >= self._quiet_until and due:
            done += self._begin(now, urgent=self._urgent)
        change = self._next
        # the one under way will do, but soon
        if change is not None and self._urgent and not change.switching:
            change.urgent, self._urgent = True, False
            change.deadline = min(change.deadline, now + times.CONFIRM_URGENT)
        if change is None or change.switching or not self._ready(change, now):
            return done
        if self._current is not None or now >= change.deadline:
            # a live one that would hear nothing more; one that is just joining goes on
            for name in filter(self.live, self._audience.lacking(change.sak.key_id)):
                self._audience.removed(name)
                done.append(Cut(name, Reason.REKEY))
        change.switching = True
        return [*done, ChangeOver(change.sak)]

    def _begin(self, now: float, *, urgent: bool) -> list[Action]:
        an = self._free_number()
        if an is None:
            return []  # three changes within RETIRE: the next removal frees one
        sak = Sak(an, self._random(KEY_ID_BYTES), Secret(self._random(KEY_BYTES)))
        wait = times.CONFIRM_URGENT if urgent else times.CONFIRM
        self._next = _Next(sak, now + wait, urgent=urgent)
        self._urgent = False
        present = self._audience.present()
        self._audience.offer(sak.key_id, present)
        return [Give(name, sak, 1) for name in present]

    def _give_up(self, sak: Sak) -> None:
        """Forget the key that was to come; neighbours replace it by the next one offered."""
        self._next = None
        self._audience.void(sak.key_id)

    def _free_number(self) -> int | None:
        """The number after the current one, or the first behind it that is free."""
        sending = self._current.an if self._current is not None else self._inherited
        start = 0 if sending is None else sending + 1
        taken = {*self._leaving, *(() if sending is None else (sending,))}
        numbers: Iterator[int] = ((start + step) % (MAX_AN + 1) for step in range(MAX_AN + 1))
        return next((an for an in numbers if an not in taken), None)

    def _ready(self, change: _Next, now: float) -> bool:
        """May it be changed over to now?"""
        have = len(self._audience.having(change.sak.key_id))
        if self._current is None:
            gathering = self._inherited is not None and have < self._expected and now < self._settle_until
            return have > 0 and not gathering
        lacking = set(filter(self.live, self._audience.lacking(change.sak.key_id)))
        if not lacking:
            return True
        if now < change.deadline:
            return False
        return change.urgent or lacking <= set(self._audience.present())
