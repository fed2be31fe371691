# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU of the agent on this host in `observe` mode, netdata and node_exporter in the same run."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tools.bench.proc import Usage, observe, rollup
from tools.bench.table import Table

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build/tools/bin"
SETTLE = 20.0  # start-up work is not the rest we measure
WATCH = 60.0
SCRAPE_EVERY = 10.0  # what a Prometheus would do to each of the three
START_LIMIT = 60.0

Started = contextlib.AbstractContextManager[tuple[int, str]]  # (process id, URL to scrape or "")

CONFIG = """\
node: {{name: bench, state_dir: {state}, control_socket: {state}/agent.sock}}
mode: observe
mesh: {{enabled: false}}
web: {{enabled: true, listen: "127.0.0.1:{port}"}}
"""

# What the agent's memory consists of: an interpreter that does nothing, then with all that the agent imports.
BARE = "import time; time.sleep(3600)"
IMPORTED = "import time, gc, agent.__main__, agent.node; gc.collect(); time.sleep(3600)"


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    figures: dict[str, Any] = {}
    table = Table("On this host (PSS, private memory in MiB; CPU in per cent of one core)")
    table.head("process", "PSS", "private", "CPU %", "PSS ratio", "CPU ratio")
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="x0-bench-")))
        started = {name: stack.enter_context(start) for name, start in _candidates(work).items()}
        time.sleep(SETTLE)
        usages = _watch_all(started)
        for name, usage in usages.items():
            figures[name] = msgspec.to_builtins(usage)
            ours = usages["x0-agent"]
            table.row(
                name, f"{usage.pss_mb:.1f}", f"{usage.private_mb:.1f}", f"{usage.cpu_percent:.2f}",
                f"{ours.pss_mb / usage.pss_mb:.2f}", f"{ours.cpu_percent / max(usage.cpu_percent, 1e-3):.2f}",
            )  # fmt: skip
        agent_private = usages["x0-agent"].private_mb
        causes = _causes(agent_private)
    figures["private_mb_by_cause"] = causes
    for cause, amount in causes.items():
        table.note(f"x0-agent, private memory: {cause} {amount:.1f} MiB")
    table.note(
        "PSS counts shared pages in part: other Python processes of this host flatter it, private memory not"
    )
    for name in ("netdata", "prometheus-node-exporter"):
        if name not in usages:
            table.note(f"{name}: not in build/tools/bin (make setup-bench), left out")
    return figures, table.text()


def _candidates(work: Path) -> dict[str, Started]:
    found: dict[str, Started] = {"x0-agent": agent(work)}
    if (TOOLS / "netdata").exists():
        found["netdata"] = _netdata(work)
    if (TOOLS / "prometheus-node-exporter").exists():
        found["prometheus-node-exporter"] = _node_exporter()
    return found


def _watch_all(started: dict[str, tuple[int, str]]) -> dict[str, Usage]:
    """One after the other would see different background load: so all at once, one thread each."""
    from concurrent.futures import ThreadPoolExecutor

    def watch(pid: int, url: str) -> Usage:
        return observe(pid, WATCH, (lambda: _get(url)) if url else None, SCRAPE_EVERY)

    with ThreadPoolExecutor(len(started)) as pool:
        jobs = {name: pool.submit(watch, pid, url) for name, (pid, url) in started.items()}
        return {name: job.result() for name, job in jobs.items()}


@contextlib.contextmanager
def _process(argv: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def agent(work: Path) -> Iterator[tuple[int, str]]:
    """Run an agent that observes this host; gives its process id and its metrics' URL."""
    port = free_port()
    config = work / "x0.yaml"
    config.write_text(CONFIG.format(state=work / "state", port=port))
    (work / "state").mkdir()
    with _process([sys.executable, "-m", "agent", "--config", str(config)], cwd=ROOT) as process:
        url = f"http://127.0.0.1:{port}/metrics"
        _wait(url, process)
        yield process.pid, url


@contextlib.contextmanager
def _netdata(work: Path) -> Iterator[tuple[int, str]]:
    port = free_port()
    for name in ("cache", "lib", "log", "etc"):
        (work / "netdata" / name).mkdir(parents=True)
    installed = ROOT / "build/tools/root/usr"
    settings = {
        "global/run as user": "root",
        "web/bind to": f"127.0.0.1:{port}",
        "directories/cache": work / "netdata/cache",
        "directories/lib": work / "netdata/lib",
        "directories/log": work / "netdata/log",
        "directories/config": work / "netdata/etc",
        "directories/stock config": installed / "lib/netdata/conf.d",
        "directories/plugins": installed / "lib/netdata/plugins.d",
        "directories/web": installed / "share/netdata/web",
    }
    argv = [str(TOOLS / "netdata"), "-D"]
    for key, value in settings.items():
        section, name = key.split("/", 1)
        argv += ["-W", "set", section, name, str(value)]
    with _process(argv) as process:
        _wait(f"http://127.0.0.1:{port}/api/v1/info", process)
        yield process.pid, ""  # its cost is the collecting; a scrape would only add to it


@contextlib.contextmanager
def _node_exporter() -> Iterator[tuple[int, str]]:
    port = free_port()
    with _process(
        [str(TOOLS / "prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"]
    ) as process:
        url = f"http://127.0.0.1:{port}/metrics"
        _wait(url, process)
        yield process.pid, url


def _causes(agent_private: float) -> dict[str, float]:
    private: list[float] = []
    for code in (BARE, IMPORTED):
        with _process([sys.executable, "-c", code], cwd=ROOT) as process:
            time.sleep(4.0)  # nothing announces the end of an import from outside
            memory = rollup(process.pid)
            private.append((memory["Private_Clean"] + memory["Private_Dirty"]) / 1024 / 1024)
    return {
        "interpreter": private[0],
        "libraries and code": private[1] - private[0],
        "state": agent_private - private[1],
    }


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback, built above
            answer.read()
    except urllib.error.HTTPError:
        return  # an answer is an answer


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(
                f"bench: {process.args!r} ended with {process.returncode} before it answered {url}"
            )
        try:
            _get(url)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"bench: {url} did not answer within {START_LIMIT:.0f} s")
