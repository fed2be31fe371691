# SPDX-License-Identifier: Apache-2.0
"""The commands of `lab`: each takes the parsed arguments, prints, and returns the exit code."""

import argparse
import json
import re
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tools.lab import faults, lifecycle, nodeconfig, terminal
from tools.lab.client import Lab
from tools.lab.errors import NoLabError
from tools.lab.guest import frames
from tools.lab.ping import Report

UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0}


def duration(text: str) -> float:
    """Read 500ms, 10s, 2m or a number of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write a duration like 500ms, 10s or 2m")
    return float(match[1]) * UNITS[match[2] or "s"]


def show(arguments: argparse.Namespace, data: Any, text: str) -> int:
    """Print a result in the asked form."""
    print(json.dumps(data) if arguments.json else text)
    return 0


def clock(moment: float | None) -> str:
    """Return a time of day with milliseconds, UTC."""
    return "-" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-3]


def build(arguments: argparse.Namespace) -> int:
    """Build the image."""
    image = lifecycle.build()
    return show(arguments, {"image": str(image)}, str(image))


def up(arguments: argparse.Namespace) -> int:
    """Start a lab."""
    started = time.monotonic()
    lab = lifecycle.up(
        arguments.topology,
        name=arguments.name,
        agents=not arguments.no_agent,
        overrides=dict(nodeconfig.parse_setting(text) for text in arguments.set),
        systemd=arguments.systemd,
        wait=not arguments.no_wait,
        authority=_authority() if arguments.secured else None,
        say=lambda text: None if arguments.json else print(text, file=sys.stderr),
    )
    pages = {node: lab.page(node) for node in lab.nodes} if lab.state.agents else {}
    data = {
        "name": arguments.name,
        "nodes": lab.nodes,
        "pages": pages,
        "seconds": round(time.monotonic() - started, 2),
    }
    lines = [f"lab {arguments.name!r}: {', '.join(lab.nodes)}"]
    lines += [f"  {node}  {page}" for node, page in pages.items()]
    return show(arguments, data, "\n".join(lines))


def _authority() -> lifecycle.Authority:
    from tools.lab.identities import Authority  # late: it loads the crypto libraries

    return Authority()


def down(arguments: argparse.Namespace) -> int:
    """End a lab."""
    if not lifecycle.down(arguments.name):
        raise NoLabError(f"no lab {arguments.name!r} runs")
    return show(arguments, {"name": arguments.name}, f"lab {arguments.name!r} is down")


def status(arguments: argparse.Namespace) -> int:
    """Tell what runs and what is broken."""
    lab = Lab.open(arguments.name)
    lab.check()
    units = {unit["node"]: unit for unit in lab.units()}
    rows: list[dict[str, Any]] = []
    for node in lab.nodes:
        row: dict[str, Any] = {"node": node, "address": nodeconfig.address(lab.topology.number(node))}
        if lab.state.agents:
            row |= {"agent": lab.health(node), "page": lab.page(node), "starts": units[node]["starts"]}
        rows.append(row)
    broken = lab.injections()
    data = {"name": lab.state.name, "topology": lab.state.topology, "nodes": rows, "faults": broken}
    lines = [f"lab {lab.state.name!r}: {lab.state.topology}"]
    lines += ["  " + "  ".join(str(value) for value in row.values()) for row in rows]
    lines += [
        f"  broken since {clock(each['at'])}: {each['fault']} {each['node']} {each['peer'] or ''}"
        for each in broken
    ]
    return show(arguments, data, "\n".join(lines))


def execute(arguments: argparse.Namespace) -> int:
    """Run a program in a node, its input, output and exit code passed on."""
    words: list[str] = arguments.argv
    lab = Lab.open(arguments.name)
    node = None if arguments.node == "machine" else arguments.node
    stdin = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
    if arguments.json:
        done = lab.exec(node, *words, stdin=stdin, check=False, timeout=None)
        print(json.dumps(asdict(done)))
        return done.exit
    request = {"op": "exec", "node": node, "argv": words, "stdin": stdin is not None}
    with lab.connect(node, request, None) as link:
        if stdin is not None:
            for start in range(0, len(stdin), frames.CHUNK):
                link.send(frames.pack(frames.STDIN, stdin[start : start + frames.CHUNK]))
            link.send(frames.pack(frames.STDIN, b""))
        for channel, payload in link.frames():
            out = sys.stdout if channel == frames.STDOUT else sys.stderr
            out.buffer.write(payload)
            out.flush()
    return int(link.answer["exit"])


def shell(arguments: argparse.Namespace) -> int:
    """Open a shell in a node."""
    return terminal.shell(Lab.open(arguments.name), None if arguments.node == "machine" else arguments.node)


def logs(arguments: argparse.Namespace) -> int:
    """Print a node's agent log."""
    for part in Lab.open(arguments.name).log(arguments.node, follow=arguments.follow):
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
    return 0


def path(arguments: argparse.Namespace) -> int:
    """Print the nodes a packet passes."""
    chain = Lab.open(arguments.name).path(arguments.source, arguments.target)
    return show(arguments, {"path": chain}, " > ".join(chain))


def agent(arguments: argparse.Namespace) -> int:
    """Start, stop or kill agents."""
    lab = Lab.open(arguments.name)
    chosen = lab.nodes if arguments.node == "all" else (arguments.node,)
    actions = {"restart": ["stop", "start"], "kill": ["SIGKILL"]}.get(arguments.action, [arguments.action])
    if arguments.action == "restart":
        lab.sync()
    told = [[lab.agent(node, action) for action in actions][-1] for node in chosen]
    return show(
        arguments, {"agents": told}, "\n".join(f"{each['node']}: {arguments.action}" for each in told)
    )


def fault_list(arguments: argparse.Namespace) -> int:
    """List what can be broken."""
    known = sorted(faults.catalogue().values(), key=lambda fault: fault.id)
    data = [{"id": fault.id, "what": fault.what, "peer": fault.peer} for fault in known]
    return show(arguments, data, "\n".join(f"{fault.id:16} {fault.what}" for fault in known))


def fault_inject(arguments: argparse.Namespace) -> int:
    """Break something."""
    lab = Lab.open(arguments.name)
    made = lab.inject(arguments.fault, arguments.node, arguments.peer, arguments.seconds)
    return show(arguments, asdict(made), f"{made.fault} since {clock(made.at)} (took {made.took_ms:.1f} ms)")


def fault_clear(arguments: argparse.Namespace) -> int:
    """Mend what was broken."""
    cleared = Lab.open(arguments.name).take_back(arguments.fault, arguments.node, arguments.peer)
    lines = [
        f"{each['fault']} {each['node']} {each['peer'] or ''}: cleared {clock(each['cleared'])}"
        for each in cleared
    ]
    problems = [problem for each in cleared for problem in each["problems"]]
    show(arguments, {"cleared": cleared}, "\n".join(lines + problems) or "nothing was broken")
    return 1 if problems else 0


def traffic_start(arguments: argparse.Namespace) -> int:
    """Start a flow."""
    name = Lab.open(arguments.name).traffic_start(arguments.source, arguments.target, arguments.interval)
    return show(arguments, {"flow": name}, name)


def traffic_report(arguments: argparse.Namespace) -> int:
    """Report flows."""
    return _reports(arguments, Lab.open(arguments.name).traffic_report(arguments.flow))


def traffic_stop(arguments: argparse.Namespace) -> int:
    """Stop flows and report them."""
    return _reports(arguments, Lab.open(arguments.name).traffic_stop(arguments.flow))


def _reports(arguments: argparse.Namespace, reports: dict[str, Report]) -> int:
    data = {}
    lines = []
    for name, report in reports.items():
        gap = report.longest_gap
        longest = None if gap is None else {**asdict(gap), "seconds": round(gap.seconds, 3)}
        data[name] = asdict(report) | {"lost": report.lost, "longest_gap": longest}
        words = (
            "no gap"
            if gap is None
            else f"longest gap {gap.seconds:.2f} s from {clock(gap.start)} to {clock(gap.end)}"
        )
        lines.append(f"{name}: sent {report.sent}, lost {report.lost}, {words}")
    return show(arguments, data, "\n".join(lines) or "no traffic was started")
