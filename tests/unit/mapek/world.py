# SPDX-License-Identifier: Apache-2.0
"""A world in a test's hands: faults, actions and a mechanism that do what the test says, and remember it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.authz.authoriser import Authoriser
from agent.events import Decision, Diagnosis, Outcome, Remedy, Scope, Snapshot, Suspicion, Symptom
from agent.faults.base import State, View
from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Memory
from agent.mapek.healing import Healing
from agent.mapek.health import Health
from agent.mapek.limits import Limits
from agent.mapek.permit import Permit
from agent.mapek.plan import Planner
from agent.mapek.policy import HEAL, Policy
from agent.mapek.tick import Act, Tick, Undo
from agent.remedies.base import ActionError, Effector, UndoRecord

LINK = "hardif/e2/02:00:00:00:00:01"
SAME_HARDIF = "hardif/e2/02:00:00:00:00:09"
OTHER = "hardif/e3/02:00:00:00:00:02"
SERVICE = "service/broker"
ROOM = 4  # moves of a link in two minutes, where their bound is not what is tested


class World:
    """What is so, by (fault, subject)."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.states: dict[tuple[str, str], State] = {}
        self.signless: set[str] = set()  # faults that are there and show no sign
        self.suspected: list[Suspicion] = []
        self.refusals: dict[str, str] = {}
        self.neighbours: dict[str, str] = {}

    def breaks(self, fault: str, subject: str = LINK) -> None:
        self.states[fault, subject] = State.PRESENT

    def contained(self, fault: str, subject: str = LINK) -> None:
        self.states[fault, subject] = State.CONTAINED

    def mends(self, fault: str, subject: str = LINK) -> None:
        self.states.pop((fault, subject), None)

    def view(self, snapshot: Snapshot | None = None, detached: frozenset[str] = frozenset()) -> View:
        return View(
            now=self.now,
            snapshot=snapshot or Snapshot(at=self.now, wall=0.0),
            history=(),
            thresholds=Policy().thresholds,
            hardifs_wanted=(),
            primary="x0prim",
            mesh_name="bat0",
            services_wanted=(),
            detached=detached,
            last_neighbours=self.neighbours,
        )


class ScriptedFault:
    """Shows what the world says; its ladder is the rungs given: (action, args)."""

    title = "a fault"
    by_hand = "mend it"

    def __init__(
        self,
        world: World,
        name: str,
        rungs: Sequence[tuple[str, dict[str, str]]] = (("detach-hardif", {}),),
        explains: Sequence[str] = (),
        scope: Scope = Scope.NODE,
        deadline: float = 5.0,
    ) -> None:
        self.world = world
        self.id: Any = name
        self.rungs = rungs
        self.explains: Any = frozenset(explains)
        self.scope = scope
        self.deadline = deadline

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return [suspicion for suspicion in self.world.suspected if suspicion.fault == self.id]

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return [
            Symptom(fault, subject, view.now - 0.5, {"elp": "silent for 0.5 s"})
            for (fault, subject), state in self.world.states.items()
            if fault == self.id and state is State.PRESENT and fault not in self.world.signless
        ]

    def sentence(self, symptom: Symptom) -> str:
        return f"{self.id} hit {symptom.subject}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        hardif = diagnosis.subject.split("/")[1]
        return [
            Remedy(action, diagnosis.subject, {"hardif": hardif, **args}, self.scope, self.deadline)
            for action, args in self.rungs
        ]

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        return self.world.states.get((self.id, diagnosis.subject), State.GONE)


class ScriptedAction:
    """Changes the mechanism; refused and failing as the test says."""

    time_limit: Any = 1.0

    def __init__(
        self,
        world: World,
        name: str,
        *,
        undoable: bool = True,
        temporary: bool = False,
        cures: bool = False,
        fails: str = "",
    ) -> None:
        self.world = world
        self.id: Any = name
        self.title: Any = f"do {name}"
        self.undoable = undoable
        self.temporary = temporary
        self.cures = cures
        self.fails = fails
        self.undo_fails = 0

    def refusal(self, remedy: Remedy, view: View) -> str:
        return self.world.refusals.get(self.id, "")

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return (
            UndoRecord(self.id, {"mesh": "bat0", "hardif": remedy.args["hardif"]}) if self.undoable else None
        )

    def act(self, remedy: Remedy, effector: Effector) -> None:
        if self.undoable:
            effector.detach_hardif(remedy.args["hardif"])
        else:
            effector.restart_service(remedy.args["hardif"])
        if self.fails:
            raise ActionError(self.fails)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        if self.undo_fails:
            self.undo_fails -= 1
            raise ActionError("the kernel said no")
        effector.attach_hardif(record.args["mesh"], record.args["hardif"])


class Mechanism:
    """An effector that remembers; `watch` is called before each change."""

    def __init__(self) -> None:
        self.detached: set[str] = set()
        self.did: list[str] = []
        self.watch: Callable[[str], None] = lambda what: None
        self.routing: Any = None  # no scripted action asks for it
        self.wifi: Any = None  # the same
        self.gateways: Any = None
        self.host: Any = None
        self.secured: Any = None

    def _do(self, what: str) -> None:
        self.watch(what)
        self.did.append(what)

    def attach_hardif(self, mesh: str, name: str) -> None:
        self._do(f"attach {name}")
        self.detached.discard(name)

    def detach_hardif(self, name: str) -> None:
        self._do(f"detach {name}")
        self.detached.add(name)

    def hardif_master(self, name: str) -> str | None:
        return "" if name in self.detached else "bat0"

    def set_ogm_interval(self, mesh: str, milliseconds: int) -> None:
        self._do(f"ogm {milliseconds}")

    def ogm_interval(self, mesh: str) -> int:
        return 1000

    def restart_service(self, name: str) -> None:
        self._do(f"restart {name}")


class Rig:
    """Healing with a pretended executor: acts end when the test says, or at once (`auto`)."""

    def __init__(
        self,
        faults: Callable[[World], Sequence[Any]] | None = None,
        actions: Callable[[World], Sequence[Any]] | None = None,
        policy: Policy | None = None,
        *,
        healthy: bool = True,
        auto: bool = True,
        authoriser: Authoriser | None = None,
    ) -> None:
        self.world = World()
        made: list[Any] = list(faults(self.world)) if faults else [ScriptedFault(self.world, "link-dead")]
        self.actions: list[Any] = list(actions(self.world) if actions else standard_actions(self.world))
        self.auto = auto
        self.events: list[tuple[str, str]] = []
        self.acts: list[Act] = []
        self.undos: list[Undo] = []
        self.decisions: list[Decision] = []
        self.outcomes: list[Outcome] = []
        self.open_seqs: dict[int, str] = {}
        self.setup = True
        self._seq = 0
        self._ids = 0
        self.memory = Memory()
        self.limits = Limits()
        self.health = Health(lambda: self.setup, lambda: None, was_healthy=healthy)
        self.healing = Healing(
            policy or Policy(mode=HEAL, moves_per_two_minutes=ROOM),
            Analyser(made),
            Planner(self.actions, Permit(self.actions, authoriser)),
            lambda event, sentence, fields: self.events.append((event, sentence)),
            self._id,
            memory=self.memory,
            limits=self.limits,
            health=self.health,
        )

    def _id(self) -> str:
        self._ids += 1
        return f"e{self._ids}"

    def tick(self, seconds: float = 0.25) -> Tick:
        """Time goes on, then one step."""
        self.world.now += seconds
        tick = self.healing.step(self.world.view())
        self.acts += tick.acts
        self.undos += tick.undos
        self.decisions += tick.decisions
        self.outcomes += tick.outcomes
        if self.auto:
            for act in tick.acts:
                self.acted(act)
            for undo in tick.undos:
                self.undone(undo)
        return tick

    def run(self, seconds: float, step: float = 0.25) -> None:
        """Ticks for so long."""
        for _ in range(round(seconds / step)):
            self.tick(step)

    def acted(self, act: Act, error: str = "") -> None:
        """The act ended."""
        action = next(action for action in self.actions if action.id == act.remedy.action)
        seq = None
        if action.undoable:
            self._seq += 1
            seq = self._seq
            self.open_seqs[seq] = act.diagnosis.id
        self.healing.acted(act.diagnosis.id, seq, error or action.fails, self.world.now)

    def undone(self, undo: Undo, error: str = "") -> None:
        """The undo ended."""
        seqs = () if error else undo.seqs
        for seq in seqs:
            del self.open_seqs[seq]
        self.healing.undone(undo.episode, seqs, error, self.world.now)

    def named(self, event: str) -> list[str]:
        """The sentences of these events."""
        return [sentence for name, sentence in self.events if name == event]

    def results(self) -> list[str]:
        """Of all outcomes."""
        return [outcome.result.value for outcome in self.outcomes]


def standard_actions(world: World) -> list[Any]:
    """One that holds, one that serves for a while, one that cannot be undone, a reboot."""
    return [
        ScriptedAction(world, "detach-hardif"),
        ScriptedAction(world, "hasten-ogms", temporary=True),
        ScriptedAction(world, "restart-service", undoable=False),
        ScriptedAction(world, "reboot", undoable=False),
    ]


def journal_path(folder: Path) -> Path:
    """As the agent names it."""
    return folder / "undo.journal"
