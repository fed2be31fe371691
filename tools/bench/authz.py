# SPDX-License-Identifier: Apache-2.0
"""What a decision of the authorisation costs, with the built-in table and with the largest policy."""

from __future__ import annotations

import subprocess
import sys
import timeit
from typing import Any, Final

from agent.authz.authoriser import Authoriser
from agent.authz.standing import by_revocations
from agent.authz.subject import HINT, PIN, READER, SELF, Subject
from agent.configpolicy import RULES_MAX, Rule
from agent.identity.revoked import Entry, Kind, Revoked
from tools.bench.table import Table

CALLS: Final = 5_000
ROUNDS: Final = 7  # the best counts: on a busy machine the others measure the others
REVOKED: Final = 1_000
OPEN: Final = 1_000
NODE: Final = Subject("member", "spiffe://valley.mesh/node/hill-roof", "hill-roof", ("router",))
ASKED: Final = (
    (READER, "page.read", "/metrics", "192.0.2.7"),
    (PIN, "page.act", "reboot", "192.0.2.7"),
    (SELF, "remedy.act", "neighbours/detach-hardif", ""),
    (HINT, "hint.take", "report/link-dead", ""),
    (NODE, "link.secure", "link", ""),
    (READER, "page.act", "reboot", ""),
)
MEMORY: Final = """
import asyncio, gc, ipaddress, logging
import msgspec
import agent.config, agent.control
def private():
    gc.collect()
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty:"))
before = private()
from agent.authz import commands, links, standing
from agent.authz.authoriser import Authoriser
kept = Authoriser()
print(private() - before)
"""


def run() -> tuple[dict[str, Any], str]:
    """Microseconds of each question, milliseconds of a review of all that is open, kB of memory."""
    plain, full = Authoriser(), _full()
    table = Table("A decision, counted (us of one core)")
    table.head("who asks for what", "built-in table", "largest policy")
    figures: dict[str, Any] = {}
    for asked in ASKED:
        name = f"{asked[0].kind} {asked[1]}"
        figures[name] = [_us(plain, asked), _us(full, asked)]
        table.row(name, *(f"{figure:.1f}" for figure in figures[name]))
    decision = full.decide(*ASKED[4])
    for _ in range(OPEN):
        full.watch(decision, lambda _now: None)
    figures["review_ms"] = min(timeit.repeat(full.changed, number=1, repeat=ROUNDS)) * 1e3
    figures["memory_kb"] = min(_memory() for _ in range(3))
    table.note(
        f"largest policy: {RULES_MAX} rules that nearly match, the built-in ones, {REVOKED} revoked nodes"
    )
    table.note(f"all that is open asked again, {OPEN} things: {figures['review_ms']:.1f} ms")
    table.note(f"memory of a process that has the configuration and asyncio: +{figures['memory_kb']} kB")
    return figures, table.text()


def _us(authoriser: Authoriser, asked: tuple[Subject, str, str, str]) -> float:
    return min(timeit.repeat(lambda: authoriser.decide(*asked), number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def _full() -> Authoriser:
    """Rules that nearly match: half for nodes and roles, half for networks."""
    nodes = [
        Rule(
            f"n{number}",
            "deny",
            (f"spiffe://valley.mesh/node/x{number}-*", f"role:a{number}"),
            ("*",),
            ("*", "!link"),
        )
        for number in range(RULES_MAX // 2)
    ]
    networks = [
        Rule(f"w{number}", "deny", ("reader", "pin"), ("page.*",), ("*",), (f"203.0.113.{number * 4}/30",))
        for number in range(RULES_MAX // 2)
    ]
    entries = {(Kind.NODE, name): Entry(Kind.NODE, name, 1) for name in map("lake-{}".format, range(REVOKED))}
    return Authoriser([*nodes, *networks], standing=by_revocations(lambda: Revoked(entries, {})))


def _memory() -> int:
    found = subprocess.run([sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True)
    return int(found.stdout)
