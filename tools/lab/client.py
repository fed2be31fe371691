# SPDX-License-Identifier: Apache-2.0
"""A running lab, for tests, benchmarks and the command line. Synchronous; a short connection per request."""

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.lab import faults, ping, state
from tools.lab.connection import Connection
from tools.lab.errors import LabError, MachineError, UsageError
from tools.lab.faults.base import Target
from tools.lab.guest import frames
from tools.lab.nodeconfig import address
from tools.lab.routes import Routes
from tools.lab.state import LabState, Machine
from tools.lab.topology import Topology, parse

REQUEST_S = 60.0  # a request without a program of the caller's; TCG on a crowded host is slow
PAGE_S = 5.0
TRAFFIC = "traffic-"  # prefix of the tasks that are flows


@dataclass(frozen=True)
class Completed:
    """What a program in a node did. A signal counts as 128 + its number."""

    exit: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Injection:
    """A fault in force. `at`: seconds since 1970, on the clock of `ping -D`; `until` None: for good."""

    fault: str
    node: str
    peer: str | None
    at: float
    took_ms: float
    until: float | None


class Lab:
    """Requests to a running lab by its name. Every method raises MachineError when a machine died."""

    def __init__(self, lab_state: LabState) -> None:
        self.state = lab_state

    @classmethod
    def open(cls, name: str = "lab") -> "Lab":
        """Return the running lab of that name. Raises NoLabError."""
        return cls(state.load(name))

    @cached_property
    def topology(self) -> Topology:
        """The lab's topology."""
        return parse(self.state.topology)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes' names."""
        return self.topology.names

    def exec(
        self,
        node: str | None,
        *argv: str,
        stdin: bytes | None = None,
        check: bool = True,
        timeout: float | None = REQUEST_S,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program in a node (None: the machine) and wait. Raises LabError if it fails and `check`."""
        output: dict[int, list[bytes]] = {frames.STDOUT: [], frames.STDERR: []}
        request = {
            "op": "exec",
            "node": node,
            "argv": list(argv),
            "stdin": stdin is not None,
            "env": dict(env or {}),
        }
        with self.connect(node, request, timeout) as link:
            if stdin is not None:
                with contextlib.suppress(ConnectionError):  # the answer says why it is not wanted
                    for start in range(0, len(stdin), frames.CHUNK):
                        link.send(frames.pack(frames.STDIN, stdin[start : start + frames.CHUNK]))
                    link.send(frames.pack(frames.STDIN, b""))
            for channel, payload in link.frames():
                output[channel].append(payload)
        out, err = (
            b"".join(output[channel]).decode(errors="replace") for channel in (frames.STDOUT, frames.STDERR)
        )
        done = Completed(int(link.answer["exit"]), out, err)
        if check and done.exit:
            raise LabError(f"{node}: {' '.join(argv)} ended with {done.exit}: {(err or out).strip()[-2000:]}")
        return done

    def json(self, node: str | None, *argv: str) -> Any:
        """Run a program that prints JSON and return it decoded."""
        return json.loads(self.exec(node, *argv).stdout)

    def log(
        self, node: str, unit: str = "agent", *, follow: bool = False, offset: int = 0
    ) -> Iterator[bytes]:
        """Yield the parts of a node's log; with `follow` it never ends by itself."""
        self.topology.number(node)
        path = f"/run/x0-lab/{node}/log/{unit}.log"
        request = {"op": "log", "path": path, "follow": follow, "offset": offset}
        with self.connect(node, request, None if follow else REQUEST_S) as link:
            for _, payload in link.frames():
                yield payload

    def inject(
        self, fault: str, node: str, peer: str | None = None, seconds: float | None = None
    ) -> Injection:
        """Inject a fault; `seconds`: it clears itself after so long. Raises UsageError, LabError."""
        kind = faults.get(fault)
        if kind.peer and peer is None:
            raise UsageError(f"{fault} is between two nodes: name the other with --peer")
        number = self.topology.number
        target = Target(self.topology, number(node), None if peer is None else number(peer))
        make, back = kind.inject(target), kind.clear(target)
        request = {"op": "inject", "fault": fault, "node": node, "peer": peer, "seconds": seconds}
        own = self.machine(node)

        def send(machine: Machine) -> dict[str, Any]:
            mine, undo = ([each for each in part if self._concerns(each, machine)] for part in (make, back))
            return self.request(machine, {**request, "inject": mine, "clear": undo})

        concerned = [
            machine
            for machine in self.state.machines
            if machine == own or any(self._concerns(operation, machine) for operation in make)
        ]
        with ThreadPoolExecutor(len(concerned)) as pool:
            told = min(pool.map(send, concerned), key=lambda answer: float(answer["at"]))
        return Injection(fault, node, peer, told["at"], told["took_ms"], told["until"])

    def clear(
        self, fault: str | None = None, node: str | None = None, peer: str | None = None
    ) -> list[dict[str, Any]]:
        """Clear the faults that match, all if nothing is given; return them with `cleared`.

        Raises LabError where something could not be taken back: what follows would be measured on a broken
        lab.
        """
        done = self.take_back(fault, node, peer)
        if problems := [f"{each['fault']} on {each['node']}: {p}" for each in done for p in each["problems"]]:
            raise LabError(f"not everything was cleared: {'; '.join(problems)}")
        return done

    def take_back(
        self, fault: str | None = None, node: str | None = None, peer: str | None = None
    ) -> list[dict[str, Any]]:
        """The same, with what failed of each in `problems`."""
        given = {"fault": fault, "node": node, "peer": peer}
        like = {key: value for key, value in given.items() if value is not None}
        cleared: dict[tuple[str, ...], dict[str, Any]] = {}
        for machine in self.state.machines:
            for each in self.request(machine, {"op": "clear", "like": like})["cleared"]:
                known = cleared.setdefault((each["fault"], each["node"], str(each["peer"])), each)
                if known is not each:  # the same fault's part on the peer's machine
                    known["problems"] += each["problems"]
        return list(cleared.values())

    def injections(self) -> list[dict[str, Any]]:
        """Return the faults in force."""
        return [
            injection
            for machine in self.state.machines
            for injection in self.request(machine, {"op": "injections"})["injections"]
            if injection["node"] in machine.nodes  # a peer's machine lists its part of the same fault
        ]

    def _concerns(self, operation: dict[str, Any], machine: Machine) -> bool:
        if "edge" in operation:
            link = self.topology.links[operation["edge"]]
            return bool({f"n{link.a}", f"n{link.b}"} & set(machine.nodes))
        return operation["node"] in machine.nodes

    def traffic_start(self, source: str, target: str, interval: float = 0.05) -> str:
        """Send pings from node to node until stopped; return the flow's name. One flow a pair of nodes."""
        where = address(self.topology.number(target))
        name = f"{TRAFFIC}{source}-{target}"
        argv = ["ping", "-D", "-O", "-n", "-i", str(interval), where]
        self.request(self.machine(source), {"op": "task-start", "name": name, "node": source, "argv": argv})
        return name

    def traffic_report(self, name: str | None = None) -> dict[str, ping.Report]:
        """Return what each flow saw until now, also of flows already stopped."""
        reports: dict[str, ping.Report] = {}
        for machine, task in self._flows(name):
            request = {"op": "log", "path": f"/run/x0-lab/tasks/{task['name']}.log"}
            with Connection(machine.port, self._signed(request), self._why(machine), REQUEST_S) as link:
                text = b"".join(payload for _, payload in link.frames()).decode(errors="replace")
            interval = float(task["argv"][task["argv"].index("-i") + 1])
            reports[task["name"].removeprefix(TRAFFIC)] = ping.read(text, interval)
        return reports

    def traffic_stop(self, name: str | None = None) -> dict[str, ping.Report]:
        """Stop one flow or all and return the final reports."""
        for machine, task in self._flows(name):
            self.request(machine, {"op": "task-stop", "name": task["name"]})
        return self.traffic_report(name)

    def _flows(self, name: str | None) -> list[tuple[Machine, dict[str, Any]]]:
        flows = [
            (machine, task)
            for machine in self.state.machines
            for task in self.request(machine, {"op": "task-list"})["tasks"]
            if task["name"].startswith(TRAFFIC)
            and (name is None or task["name"].removeprefix(TRAFFIC) == name.removeprefix(TRAFFIC))
        ]
        if name is not None and not flows:
            raise UsageError(f"no flow {name}; start it: lab traffic start FROM TO")
        return flows

    def agent(self, node: str, action: str) -> dict[str, Any]:
        """start, stop, or send a signal by its name (SIGKILL, SIGSTOP ...) to a node's agent."""
        return self.request(
            self.machine(node), {"op": "unit", "node": node, "unit": "agent", "action": action}
        )

    def sync(self) -> None:
        """Bring the tree's agent into the machines again; agents started from now on run it."""
        for machine in self.state.machines:
            self.request(machine, {"op": "sync"})

    def units(self) -> list[dict[str, Any]]:
        """Return what is known of each node's agent: pid, starts, last exit."""
        return [
            unit
            for machine in self.state.machines
            for unit in self.request(machine, {"op": "units"})["units"]
        ]

    def page(self, node: str, path: str = "/") -> str:
        """Return the URL of a node's page on the host."""
        return f"http://127.0.0.1:{self.machine(node).pages[node]}{path}"

    def health(self, node: str) -> str:
        """Return the state a node's agent tells at /healthz; "silent" when nobody answers."""
        try:
            with urllib.request.urlopen(self.page(node, "/healthz"), timeout=PAGE_S) as answer:  # noqa: S310 - ours
                return str(json.load(answer)["state"])
        except urllib.error.HTTPError as error:
            try:
                return str(json.load(error)["state"])
            except (ValueError, KeyError):
                return f"http-{error.code}"
        except (OSError, ValueError, KeyError):
            return "silent"

    def path(self, source: str, target: str) -> list[str]:
        """Return the nodes a packet passes now, by each node's own `batctl` table. Raises NotReadyError."""
        return self.routes.path(source, target)

    @cached_property
    def routes(self) -> Routes:
        """The nodes' routing tables."""
        return Routes(self)

    def machine(self, node: str | None) -> Machine:
        """Return the machine a node is on. Raises UsageError."""
        if node is None:
            return self.state.machines[0]
        self.topology.number(node)
        return next(machine for machine in self.state.machines if node in machine.nodes)

    def request(
        self, machine: Machine, request: dict[str, Any], timeout: float | None = REQUEST_S
    ) -> dict[str, Any]:
        """Send one request to a machine and return its answer."""
        with Connection(machine.port, self._signed(request), self._why(machine), timeout) as link:
            for _ in link.frames():
                pass
            return link.answer

    def connect(self, node: str | None, request: dict[str, Any], timeout: float | None) -> Connection:
        """Open a streaming request on a node's machine."""
        machine = self.machine(node)
        return Connection(machine.port, self._signed(request), self._why(machine), timeout)

    def check(self) -> None:
        """Raise MachineError when one of the machines has ended or panicked."""
        for machine in self.state.machines:
            told = self._why(machine)()
            if told is not None:
                raise MachineError(told)

    def _signed(self, request: dict[str, Any]) -> dict[str, Any]:
        return {**request, "token": self.state.token}

    def _why(self, machine: Machine) -> Any:
        def why() -> str | None:
            console = state.folder(self.state.name) / f"{machine.name}.console"
            line = state.panic(self.state.name, machine.name)
            if line is not None:
                return f"machine {machine.name} panicked: {line} (console: {console})"
            if not state.owns(machine.pid, self.state.name):
                return f"machine {machine.name} ended (console: {console}); clean up with lab down"
            return None

        return why
