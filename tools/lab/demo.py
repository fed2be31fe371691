# SPDX-License-Identifier: Apache-2.0
"""`make run`: a five-node mesh with agents, live; with a fault on wish. Ctrl-C leaves nothing behind."""

import argparse
import contextlib
import os
import queue
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from types import FrameType

from tools.lab import faults, lifecycle
from tools.lab.client import Lab
from tools.lab.errors import LabError
from tools.lab.narrate import Lines, sentence

TOPOLOGY = "ring:5"  # every link has a way around it
SOURCE, TARGET = "n1", "n3"  # two hops apart whichever way
FAULT_S = 20.0  # long enough to be healed, short enough to see the link come back into use
BEFORE_FAULT_S = 3.0  # of traffic without loss, so that the gap stands out
INTERVAL_S = 0.05
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, kill, the terminal was closed
WATCH_S = 0.5  # how often the traffic is looked at


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration; return 0 when it was ended by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--fault", choices=sorted(faults.catalogue()), help="break this once the mesh is healthy"
    )
    parser.add_argument("--topology", default=TOPOLOGY)
    parser.add_argument("--name", default="demo")
    parser.add_argument("--seconds", type=float, help="end after so long instead of at Ctrl-C")
    arguments = parser.parse_args(argv)

    for number in ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup it lives on
            signal.signal(number, _ended)
    try:
        say(f"Starting {arguments.topology} with agents in a virtual machine; this takes a minute.")
        lab = lifecycle.up(arguments.topology, name=arguments.name, say=say)
        show(lab, arguments.fault, arguments.seconds)
    except LabError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read is gone: end without noise
        return 1
    finally:
        lifecycle.down_ours(arguments.name)
    return 0


def _ended(_number: int, _frame: FrameType | None) -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it behind
    with contextlib.suppress(OSError):  # the terminal may be gone
        os.write(sys.stdout.fileno(), b"Ending.\n")
    raise KeyboardInterrupt


def show(lab: Lab, fault: str | None, seconds: float | None) -> None:
    """Print the addresses, then what happens, until interrupted."""
    introduce(lab)
    happened: queue.Queue[str] = queue.Queue()
    for node in lab.nodes:
        threading.Thread(target=follow, args=(lab, node, happened), daemon=True).start()
    lab.traffic_start(SOURCE, TARGET, INTERVAL_S)
    threading.Thread(target=watch, args=(lab, happened), daemon=True).start()
    if fault is not None:
        threading.Thread(target=break_it, args=(lab, fault, happened), daemon=True).start()
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        try:
            say(happened.get(timeout=WATCH_S))
        except queue.Empty:
            lab.check()


def introduce(lab: Lab) -> None:
    """Print the pages and how to break something."""
    name = lab.state.name
    say("\nThe nodes' pages:")
    for node in lab.nodes:
        say(f"  {node}  {lab.page(node)}")
    say(
        f"\nBreak something from another terminal:\n"
        f"  .venv/bin/lab fault inject link-dead --name {name} --node n1 --peer n2 --for 20s\n"
        f"  .venv/bin/lab fault list; .venv/bin/lab status --name {name}\n"
        f"\nPings run from {SOURCE} to {TARGET}, 20 a second. Ctrl-C ends everything.\n"
    )


def follow(lab: Lab, node: str, happened: "queue.Queue[str]") -> None:
    """Pass on what a node's agent logs from now on."""
    lines = Lines()
    offset = int(lab.exec(None, "stat", "-c", "%s", f"/run/x0-lab/{node}/log/agent.log").stdout)
    try:
        for part in lab.log(node, follow=True, offset=offset):
            for line in lines.feed(part):
                text = sentence(line, node, colour=sys.stdout.isatty())
                if text is not None:
                    happened.put(text)
    except LabError:
        return  # the lab ended; the main thread says so


def watch(lab: Lab, happened: "queue.Queue[str]") -> None:
    """Tell every interruption of the traffic: the witness outside the agents."""
    flow = f"{SOURCE}-{TARGET}"
    told = 0
    open_since: float | None = None
    try:
        while True:
            gaps = lab.traffic_report(flow)[flow].gaps
            for gap in (gap for gap in gaps[told:] if gap.end is not None):
                told += 1
                open_since = None
                happened.put(
                    f"{clock(gap.end)} ping {SOURCE} > {TARGET} answers again after {gap.seconds:.2f} s"
                )
            if gaps and gaps[-1].end is None and gaps[-1].start != open_since:
                open_since = gaps[-1].start
                happened.put(f"{clock(open_since)} ping {SOURCE} > {TARGET} gets no answer")
            time.sleep(WATCH_S)
    except LabError:
        return


def break_it(lab: Lab, fault: str, happened: "queue.Queue[str]") -> None:
    """Break what carries the traffic, for FAULT_S."""
    try:
        time.sleep(BEFORE_FAULT_S)
        hop = lab.path(SOURCE, TARGET)[1]
        node, peer = (hop, None) if fault in ("node-dead", "service-dead", "service-hung") else (SOURCE, hop)
        made = lab.inject(fault, node, peer, FAULT_S)
        between = f"{node} and {peer}" if peer else node
        happened.put(f"{clock(made.at)} lab  {fault} injected at {between} for {FAULT_S:.0f} s")
        time.sleep(FAULT_S)
        happened.put(f"{clock(made.at + FAULT_S)} lab  {fault} is over")
    except LabError as error:
        happened.put(f"{'':12} lab  {error}")


def clock(moment: float | None) -> str:
    """Return the time of day with milliseconds, UTC."""
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-3]


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
