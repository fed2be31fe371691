# SPDX-License-Identifier: Apache-2.0
"""The agent alone in a lab machine with systemd, in `heal` mode: memory, CPU, start-up, imports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from tools.bench.proc import MIB, NANOSECOND
from tools.bench.table import Table
from tools.lab import lifecycle
from tools.lab.client import Lab
from tools.lab.guest.systemd import NAME as UNIT

NODE = "n1"
SETTLE = 30.0  # start-up work is not the rest we measure
WATCH = 60.0
READY_S = 90.0
ENVIRONMENT = {  # the unit's
    "PYTHONPATH": "/usr/lib/x0:/usr/lib/x0/python",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "1",
}
# One look at the agent from inside its machine: time, CPU of its threads, of its unit with all it started.
LOOK = f"""\
pid=$(systemctl show --value --property=MainPID {UNIT})
cat /proc/$pid/task/*/schedstat | awk '{{cpu += $1}} END {{printf "cpu_ns %.0f\\n", cpu}}'
awk '{{print "at_s", $1}}' /proc/uptime
awk '$1 == "usage_usec" {{print "unit_us", $2}}' /sys/fs/cgroup/system.slice/{UNIT}/cpu.stat
awk 'NR > 1 {{printf "%s %.0f\\n", $1, $2 * 1024}}' /proc/$pid/smaps_rollup
"""
# What its memory consists of: an interpreter that does nothing, then with all that the agent imports.
MEMORY = "import gc; gc.collect(); print(open('/proc/self/smaps_rollup').read())"
IMPORTS = "import agent.__main__, agent.node\n"
IMPORT_TIME = f"import time; began = time.perf_counter()\n{IMPORTS}print(time.perf_counter() - began)"
# The same work here and there tells how much slower the emulated processor is.
WORK = (
    "import time; began = time.perf_counter(); sum(i * i for i in range(1_000_000)); "
    "print(time.perf_counter() - began)"
)
WORK_TIMES = 3


class Rest(msgspec.Struct, frozen=True):
    """The agent at rest: MiB; per cent of one emulated core, its own threads and its whole unit."""

    pss_mb: float
    private_mb: float
    rss_mb: float
    cpu_percent: float
    unit_cpu_percent: float
    seconds: float


class Start(msgspec.Struct, frozen=True):
    """Seconds from the unit's start to READY, in the emulated machine."""

    boot_s: float
    again_s: float
    import_s: float


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    with _lab() as lab:
        boot = _started(lab)
        time.sleep(SETTLE)
        rest = _rest(lab)
        causes = _causes(lab, rest.private_mb)
        start = Start(boot, _again(lab), float(_python(lab, IMPORT_TIME)))
        slower = _slower(lab)
    table = Table("Alone in a lab machine, `heal` mode (MiB; CPU in per cent of one emulated core)")
    table.head("process", "PSS", "private", "CPU %", "unit CPU %", "to READY s", "imports s")
    table.row(
        "x0-agent", f"{rest.pss_mb:.1f}", f"{rest.private_mb:.1f}", f"{rest.cpu_percent:.2f}",
        f"{rest.unit_cpu_percent:.2f}", f"{start.again_s:.1f}", f"{start.import_s:.1f}",
    )  # fmt: skip
    for cause, amount in causes.items():
        table.note(f"private memory: {cause} {amount:.1f} MiB")
    table.note(f"to READY: after the machine's boot {start.boot_s:.1f} s, a restart {start.again_s:.1f} s")
    table.note(
        f"the processor is emulated: a loop in Python takes {slower:.1f} times as long as on this host, so "
        f"{rest.cpu_percent:.2f} % there are about {rest.cpu_percent / slower:.2f} % of a core of this host"
    )
    figures = {"rest": rest, "start": start, "private_mb_by_cause": causes, "times_slower": slower}
    return msgspec.to_builtins(figures), table.text()


@contextlib.contextmanager
def _lab() -> Iterator[Lab]:
    name = f"bench-{os.getpid()}"
    lab = lifecycle.up("vm:2", name=name, systemd=True)
    try:
        yield lab
    finally:
        lifecycle.down(name)


def _rest(lab: Lab) -> Rest:
    before = _look(lab)
    time.sleep(WATCH)
    after = _look(lab)
    seconds = after["at_s"] - before["at_s"]
    return Rest(
        pss_mb=after["Pss:"] / MIB,
        private_mb=(after["Private_Clean:"] + after["Private_Dirty:"]) / MIB,
        rss_mb=after["Rss:"] / MIB,
        cpu_percent=100 * (after["cpu_ns"] - before["cpu_ns"]) * NANOSECOND / seconds,
        unit_cpu_percent=100 * (after["unit_us"] - before["unit_us"]) * 1e-6 / seconds,
        seconds=seconds,
    )


def _look(lab: Lab) -> dict[str, float]:
    lines = lab.exec(NODE, "sh", "-c", LOOK).stdout.splitlines()
    return {key: float(value) for key, value in (line.split() for line in lines)}


def _causes(lab: Lab, agent: float) -> dict[str, float]:
    bare, imported = (_private(_python(lab, code)) for code in (MEMORY, IMPORTS + MEMORY))
    return {"interpreter": bare, "libraries and code": imported - bare, "state": agent - imported}


def _private(rollup: str) -> float:
    fields = (line.split() for line in rollup.splitlines()[1:] if line)
    return sum(float(words[1]) / 1024 for words in fields if words[0] in ("Private_Clean:", "Private_Dirty:"))


def _python(lab: Lab, code: str) -> str:
    return lab.exec(NODE, "python3", "-c", code, env=ENVIRONMENT).stdout


def _started(lab: Lab) -> float:
    keys = ("ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
    shown = lab.exec(NODE, "systemctl", "show", f"--property={','.join(keys)}", UNIT).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    active, began = (int(values[key]) for key in keys)
    return (active - began) / 1e6


def _again(lab: Lab) -> float:
    """A restart while nothing else happens; `systemctl restart` returns at READY."""
    lab.exec(NODE, "systemctl", "restart", UNIT, timeout=READY_S)
    return _started(lab)


def _slower(lab: Lab) -> float:
    there = min(float(_python(lab, WORK)) for _ in range(WORK_TIMES))
    argv = [sys.executable, "-c", WORK]
    here = min(float(subprocess.run(argv, capture_output=True, check=True).stdout) for _ in range(WORK_TIMES))
    return there / here
