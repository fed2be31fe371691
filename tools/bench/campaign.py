# SPDX-License-Identifier: Apache-2.0
"""A campaign of injections on a running lab: cut what carries the traffic, time ping's silence."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from tools.lab import evidence
from tools.lab.client import Lab
from tools.lab.errors import NotReadyError
from tools.lab.ping import Gap, Report

INTERVAL = 0.05  # 20 pings a second
STEADY = 2.0  # seconds without a gap before the next injection counts as independent of the last
STEADY_LIMIT = 90.0
POLL = 0.5  # s; each look costs the machine that is measured
BACK_FOR = 1.0  # traffic counts as back after so many seconds of answers
FIRST_GAP_WITHIN = 1.0  # a gap that begins later than this after the injection has another cause


class Trial(msgspec.Struct, frozen=True):
    """One injection: `gap` in seconds, None where traffic did not come back while the fault was in force."""

    fault: str
    node: str
    peer: str | None
    gap: float | None
    watched: float
    return_gap: float  # longest gap while the cleared link came back


class Campaign(msgspec.Struct, frozen=True):
    """All trials of one fault. `missed`: injections that did not touch the flow.

    `stuck`: why the mesh did not become whole after the last fault was cleared, "" where it did.
    """

    trials: tuple[Trial, ...]
    missed: int
    stuck: str = ""


def campaign(
    lab: Lab, fault: str, count: int, source: str, target: str, watch: float, agents: bool
) -> Campaign:
    """Inject until `count` injections interrupted the flow, each time on the place used least so far.

    `watch`: seconds the fault stays at most; it is cleared one second after traffic came back. It ends early
    where the mesh does not become whole again: the rest needs a new lab.
    """
    done: list[Trial] = []
    missed = 0
    used: Counter[tuple[str, str]] = Counter()
    while len(done) < count and missed <= count:
        flow = lab.traffic_start(source, target, INTERVAL)  # a flow each: its log stays short
        try:
            _steady(lab, flow, agents)
            node, peer = _place(lab, fault, source, target, used, len(done) + missed)
            injection = lab.inject(fault, node, peer)
            came_back = _watch(lab, flow, injection.at, watch)
            if agents and not came_back:  # why is known by the agents alone, and they are gone later
                print(
                    f"{fault} at {node} {peer or ''} unhealed:\n{evidence.of(lab, list(lab.nodes))}",
                    flush=True,
                )
            lab.clear()
            cleared = time.time()
            try:
                report, stuck = _steady(lab, flow, agents), ""
            except NotReadyError as error:
                report, stuck = _report(lab, flow), str(error)
        finally:
            try:
                lab.clear()
            finally:
                lab.traffic_stop(flow)
        gap = _gap(report, injection.at, cleared)
        if gap is None:
            missed += 1
        else:
            seconds = gap.seconds if came_back else None
            done.append(Trial(fault, node, peer, seconds, cleared - injection.at, _return_gap(report, gap)))
        if stuck:
            return Campaign(tuple(done), missed, stuck)
    return Campaign(tuple(done), missed)


def merged(parts: Sequence[Campaign]) -> Campaign:
    """Several labs' trials of one fault as one campaign."""
    trials = tuple(trial for part in parts for trial in part.trials)
    return Campaign(
        trials, sum(part.missed for part in parts), "; ".join(part.stuck for part in parts if part.stuck)
    )


def killed(lab: Lab, source: str, target: str, seconds: float = 10.0) -> float:
    """The longest gap in a flow, seconds, after every agent was killed (SIGKILL) and while none runs.

    0.0 where no three answers in a row were missing.
    """
    flow = lab.traffic_start(source, target, INTERVAL)
    try:
        _steady(lab, flow, agents=True)
        begun = time.time()
        for node in lab.nodes:
            lab.agent(node, "SIGKILL")
            lab.agent(node, "stop")  # keeps it from being started again
        time.sleep(seconds)
        report = _report(lab, flow)
    finally:
        lab.traffic_stop(flow)
    gaps = [gap.seconds for gap in report.gaps if (gap.end or gap.seen) > begun]
    return max(gaps, default=0.0)


def _place(
    lab: Lab, fault: str, source: str, target: str, used: Counter[tuple[str, str]], turn: int
) -> tuple[str, str | None]:
    """Where to inject: on the way in use. one-way's deaf end alternates; node-dead takes one in between."""
    chain = lab.path(source, target)
    if fault == "node-dead":
        between = chain[1:-1]
        if not between:
            raise NotReadyError(f"{source} and {target} are neighbours: no node in between can die")
        node = min(between, key=lambda name: used[name, ""])
        used[node, ""] += 1
        return node, None
    edges = [tuple(sorted(pair)) for pair in itertools.pairwise(chain)]
    a, b = min(edges, key=lambda pair: used[pair[0], pair[1]])
    used[a, b] += 1
    return (a, b) if turn % 2 else (b, a)


def _watch(lab: Lab, flow: str, at: float, limit: float) -> bool:
    """Wait until traffic is back or was never gone; False when it did not come back within `limit`."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        time.sleep(POLL)
        report = _report(lab, flow)
        if report.last is None or report.last < at + FIRST_GAP_WITHIN + BACK_FOR:
            continue
        gap = _gap(report, at, report.last)
        if gap is None or (gap.end is not None and report.last > gap.end + BACK_FOR):
            return True
    return False


def _report(lab: Lab, flow: str) -> Report:
    return lab.traffic_report(flow)[flow.removeprefix("traffic-")]


def _gap(report: Report, at: float, until: float) -> Gap | None:
    """The longest gap that the injection began."""
    latest = min(until, at + FIRST_GAP_WITHIN)
    mine = [gap for gap in report.gaps if gap.start < latest and (gap.end or gap.seen) > at]
    return max(mine, key=lambda gap: gap.seconds, default=None)


def _return_gap(report: Report, first: Gap) -> float:
    return max((gap.seconds for gap in report.gaps if gap.start > first.start), default=0.0)


def _steady(lab: Lab, flow: str, agents: bool) -> Report:
    """Wait until every agent is healthy and the flow has had no gap for STEADY seconds."""
    end = time.monotonic() + STEADY_LIMIT
    missing = "nothing yet"
    while time.monotonic() < end:
        lab.check()
        missing = _restless(lab, agents)
        if not missing:
            report = _report(lab, flow)
            last_gap = max((gap.end or gap.seen for gap in report.gaps), default=0.0)
            if report.last is not None and report.received and report.last - last_gap > STEADY:
                return report
            missing = "ping still has gaps"
        time.sleep(POLL)
    raise NotReadyError(f"the mesh was not whole again within {STEADY_LIMIT:.0f} s: {missing}")


def _restless(lab: Lab, agents: bool) -> str:
    if agents:
        states = {node: lab.health(node) for node in lab.nodes}
        bad = {node: state for node, state in states.items() if state != "healthy"}
        return json.dumps(bad) if bad else ""
    owner = lab.routes.owner
    for link in lab.topology.links:
        heard = lab.json(f"n{link.a}", "batctl", "meshif", "bat0", "neighbors_json")
        ages = [row["last_seen_msecs"] for row in heard if owner(row["neigh_address"]) == f"n{link.b}"]
        if not ages or min(ages) > 1500:
            return f"n{link.a} does not hear n{link.b}"
    return ""


class Summary(msgspec.Struct, frozen=True):
    """Gaps of one fault's trials in seconds; an unhealed one counts as the time it was watched."""

    count: int
    median: float
    p95: float
    worst: float
    unhealed: int
    worst_return: float


def summary(done: Campaign) -> Summary:
    """Order statistics over the trials; p95 is the smallest value that 95 % do not exceed."""
    values = sorted(trial.watched if trial.gap is None else trial.gap for trial in done.trials)
    if not values:
        raise NotReadyError(f"none of {done.missed} injections touched the flow: nothing to summarise")
    rank = max(0, -(-len(values) * 95 // 100) - 1)
    return Summary(
        count=len(values),
        median=statistics.median(values),
        p95=values[rank],
        worst=values[-1],
        unhealed=sum(trial.gap is None for trial in done.trials),
        worst_return=max(trial.return_gap for trial in done.trials),
    )


def control_bytes(lab: Lab, seconds: float = 20.0) -> float:
    """Bytes a second that each link's end sends at rest (batman-adv and hellos), mean over all ends."""

    def sent() -> dict[tuple[str, str], int]:
        return {
            (node, device["ifname"]): int(device["stats64"]["tx"]["bytes"])
            for node in lab.nodes
            for device in lab.json(node, "ip", "-j", "-s", "link", "show")
            if device["ifname"].startswith(("e", "wlan"))
        }

    before, begun = sent(), time.monotonic()
    time.sleep(seconds)
    after, spent = sent(), time.monotonic() - begun
    return sum(after[end] - before[end] for end in before) / len(before) / spent
