# SPDX-License-Identifier: Apache-2.0
"""The node's metrics, made when asked for: from the status document, the snapshot and few counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent import __version__
from agent.events import Snapshot
from agent.telemetry.exposition import Labels, Metrics
from agent.telemetry.linkmetrics import add_links

STATES = ("starting", "healthy", "healing", "broken", "paused")
COUNTED_MAX = 128  # label sets of one counter: five faults and their actions make about 30


class Counters:
    """What only ever grows, counted since the start of the agent."""

    def __init__(self) -> None:
        self.faults: dict[Labels, float | int | None] = {}
        self.outcomes: dict[Labels, float | int | None] = {}

    def found(self, fault: str) -> None:
        """A fault was diagnosed."""
        _count(self.faults, (("fault", fault),))

    def ended(self, fault: str, action: str, result: str) -> None:
        """An action or an episode ended."""
        _count(self.outcomes, (("fault", fault), ("action", action or "none"), ("result", result)))


class Inputs(msgspec.Struct, frozen=True):
    """What a scrape is made of."""

    status: dict[str, Any]
    snapshot: Snapshot | None
    counters: Counters
    heartbeat_age: float  # s since the loop's last tick
    restarts: dict[str, int]  # of supervised tasks
    streams: int  # SSE clients
    refused: int  # connections the page turned away
    decisions: dict[Labels, float | int | None] = {}  # of the authorisation: agent/authz/tally.py
    watched: int = 0  # things open by a decision
    cut: int = 0  # of these, ended because it holds no more


def text(inputs: Inputs) -> str:
    """The answer to a scrape."""
    out = Metrics()
    _agent(out, inputs)
    _faults(out, inputs)
    _mesh(out, inputs)
    _links(out, inputs.snapshot)
    add_links(out, inputs.snapshot.security if inputs.snapshot else None)
    _host(out, inputs.snapshot)
    _services(out, inputs.snapshot)
    _authorisation(out, inputs)
    return out.text()


def collector(inputs: Callable[[], Inputs]) -> Callable[[], str]:
    """A call-back for the web server."""
    return lambda: text(inputs())


def _agent(out: Metrics, inputs: Inputs) -> None:
    status = inputs.status
    out.gauge("x0_agent_info", "Version and mode of the agent.", 1, version=__version__, mode=status["mode"])
    out.add(
        "x0_state",
        "gauge",
        "State of the node: 1 for the one it is in.",
        {(("state", state),): int(state == status["state"]) for state in STATES},
    )
    out.gauge("x0_agent_uptime_seconds", "Time since the agent started.", status["uptime"])
    out.gauge("x0_loop_heartbeat_age_seconds", "Time since the loop's last tick.", inputs.heartbeat_age)
    out.gauge("x0_snapshot_age_seconds", "Time since the newest readings.", status["data_age"])
    out.add(
        "x0_source_failing",
        "gauge",
        "Sensors and tasks that fail now.",
        {(("source", name),): 1 for name in status["errors"]},
    )
    out.add(
        "x0_task_restarts_total",
        "counter",
        "Restarts of the agent's tasks.",
        {(("task", name),): number for name, number in inputs.restarts.items()},
    )
    out.gauge("x0_web_streams", "Clients of the event stream.", inputs.streams)
    out.counter("x0_web_refused_total", "Connections turned away as too many were open.", inputs.refused)


def _faults(out: Metrics, inputs: Inputs) -> None:
    open_now: dict[Labels, float | int | None] = {}
    for fault in inputs.status["faults"]:
        if fault["open"]:
            _count(open_now, (("fault", fault["fault"]),))
    out.gauge("x0_faults_open", "Faults under treatment.", sum(value or 0 for value in open_now.values()))
    out.add("x0_fault_open", "gauge", "Faults under treatment by kind.", open_now)
    counters = inputs.counters
    out.add("x0_faults_found_total", "counter", "Faults diagnosed since the start.", counters.faults)
    out.add("x0_outcomes_total", "counter", "How actions and episodes ended.", counters.outcomes)


def _mesh(out: Metrics, inputs: Inputs) -> None:
    mesh = inputs.snapshot.mesh if inputs.snapshot else None
    if mesh is None:
        return
    out.gauge("x0_mesh_originators", "Other nodes known.", inputs.status["mesh"]["nodes"])
    ogm_interval = mesh.ogm_interval_ms / 1000
    out.gauge("x0_mesh_ogm_interval_seconds", "Time between originator messages.", ogm_interval)
    out.gauge("x0_mesh_clients", "Clients in the global translation table.", mesh.tt_global)
    out.add(
        "x0_mesh_interface_active",
        "gauge",
        "Mesh interfaces: 1 where batman-adv uses it.",
        {(("interface", hardif.name),): int(hardif.active) for hardif in mesh.hardifs},
    )
    rows = inputs.status["neighbours"]
    keys = [(("interface", row["hardif"]), ("neighbour", row["mac"])) for row in rows]
    out.gauge("x0_neighbours", "Neighbours heard.", len(rows))
    for name, help_text, values in (
        (
            "x0_neighbour_throughput_bits_per_second",
            "Throughput batman-adv expects of a neighbour.",
            [None if row["throughput_kbit"] is None else row["throughput_kbit"] * 1000 for row in rows],
        ),
        (
            "x0_neighbour_last_seen_seconds",
            "Time since a neighbour was last heard.",
            [row["last_seen_ms"] / 1000 for row in rows],
        ),
        (
            "x0_neighbour_signal_dbm",
            "Signal of a neighbour on a radio, in dBm.",
            [row["signal_dbm"] for row in rows],
        ),
    ):
        out.add(name, "gauge", help_text, dict(zip(keys, values, strict=True)))


def _links(out: Metrics, snapshot: Snapshot | None) -> None:
    if snapshot is None or not snapshot.links:
        return
    used = {hardif.name for hardif in snapshot.mesh.hardifs} if snapshot.mesh else set()
    # Outside a mesh the machine's own interfaces are node_exporter's business.
    wanted = used | ({snapshot.mesh.name} if snapshot.mesh else set())
    links = [link for link in snapshot.links if link.name in wanted]
    out.add(
        "x0_link_carrier",
        "gauge",
        "Carrier of a mesh interface.",
        {(("interface", link.name),): int(link.carrier) for link in links},
    )
    for field, name, help_text in (
        ("rx_bytes", "x0_link_receive_bytes_total", "Bytes received."),
        ("tx_bytes", "x0_link_transmit_bytes_total", "Bytes sent."),
        ("rx_errors", "x0_link_receive_errors_total", "Frames received with errors."),
        ("tx_errors", "x0_link_transmit_errors_total", "Frames that could not be sent."),
        ("tx_dropped", "x0_link_transmit_dropped_total", "Frames dropped before sending."),
    ):
        out.add(
            name, "counter", help_text, {(("interface", link.name),): getattr(link, field) for link in links}
        )


def _host(out: Metrics, snapshot: Snapshot | None) -> None:
    host = snapshot.host if snapshot else None
    if host is None:
        return
    out.gauge("x0_host_cpu_ratio", "Share of all cores in use.", host.cpu_share)
    out.gauge("x0_host_load1", "Load average over a minute.", host.load1)
    out.gauge("x0_host_memory_bytes", "Memory of the machine.", host.mem_total)
    out.gauge("x0_host_memory_available_bytes", "Memory available.", host.mem_available)
    out.add(
        "x0_host_pressure_ratio",
        "gauge",
        "Share of the last 10 s in which something waited for a resource.",
        {
            (("resource", "cpu"),): host.psi_cpu,
            (("resource", "memory"),): host.psi_memory,
            (("resource", "io"),): host.psi_io,
        },
    )
    out.gauge("x0_host_disk_bytes", "Size of the watched file system.", host.disk_total)
    out.gauge("x0_host_disk_free_bytes", "Free space of the watched file system.", host.disk_free)
    out.gauge("x0_host_temperature_celsius", "Hottest sensor of the machine.", host.temperature_c)
    out.gauge("x0_host_clock_synchronised", "1 where the clock is synchronised.", host.clock_synchronised)
    out.gauge("x0_agent_resident_memory_bytes", "Resident memory of the agent.", host.agent_rss)
    out.counter("x0_agent_cpu_seconds_total", "CPU time of the agent.", host.agent_cpu_s)


def _services(out: Metrics, snapshot: Snapshot | None) -> None:
    rows = (snapshot.services if snapshot else None) or ()
    out.add(
        "x0_service_running",
        "gauge",
        "Services: 1 where it runs and answers.",
        {(("service", row.name),): int(row.state == "running") for row in rows},
    )


def _authorisation(out: Metrics, inputs: Inputs) -> None:
    out.add("x0_authz_decisions_total", "counter", "Decisions of the authorisation.", inputs.decisions)
    out.gauge("x0_authz_open", "Things open that a decision allowed.", inputs.watched)
    out.counter("x0_authz_cut_total", "Things ended as they were no longer allowed.", inputs.cut)


def _count(counts: dict[Labels, float | int | None], labels: Labels) -> None:
    if labels in counts or len(counts) < COUNTED_MAX:
        counts[labels] = (counts.get(labels) or 0) + 1
