# SPDX-License-Identifier: Apache-2.0
"""`x0-agent --config FILE` (or `python -m agent`): runs the node until SIGTERM.

Exit code 0: stopped as asked; 1: a task could not be kept running (the service manager starts afresh);
2: wrong usage or configuration.
"""

from __future__ import annotations

import sys

# asyncio imports ssl where it can: 3 MB for TLS streams, which nothing here uses. It takes the refusal
# as a Python built without OpenSSL; later imports of ssl work.
if "asyncio" not in sys.modules and "ssl" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio

    del sys.modules["ssl"]
else:
    import asyncio

import logging
from pathlib import Path

from agent import __version__
from agent.config import Config, ConfigError, load

FAILED = 1
USAGE = 2
HELP = "usage: x0-agent --config FILE\n\nRuns the node. Configuration: docs/configuration.md\n"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# mallopt(M_ARENA_MAX, 1): glibc's arena per thread costs more than its lock, with six threads
ARENAS_MAX = (-8, 1)
# mallopt(M_MMAP_THRESHOLD, 1 MiB): left to itself glibc raises it with the first PIN that is checked, and
# keeps the 8 MB of the second one for ever
MAPPED_FROM = (-3, 1024 * 1024)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["--help"], ["-h"]):
        sys.stdout.write(HELP)
        return 0
    if words == ["--version"]:
        sys.stdout.write(f"x0-agent {__version__}\n")
        return 0
    if len(words) == 1 and words[0].startswith("--config="):
        words = ["--config", words[0].removeprefix("--config=")]
    if len(words) != 2 or words[0] != "--config":
        sys.stderr.write(HELP)
        return USAGE
    path = Path(words[1])
    try:
        config = load(path)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror or error}. Name a file that can be read with --config\n")
        return USAGE
    return run(config, path)


def run(config: Config, path: Path) -> int:
    """A node of this configuration. Exit code."""
    _spare_memory()
    from agent.node import Node
    from agent.supervise import SuperviseError
    from agent.telemetry import log as agent_log

    agent_log.setup(config.log.level, config.log.format, config.node.name)
    log = logging.getLogger("x0.node")

    async def node() -> None:
        await Node(config, path, _boot_id()).run()

    try:
        asyncio.run(node())
    except SuperviseError as error:
        log.critical("%s", error, extra={"event": "give-up"})
        return FAILED
    except Exception:
        log.critical("the agent could not start", exc_info=True, extra={"event": "give-up"})
        return FAILED
    log.info("stopped", extra={"event": "stopped"})
    return 0


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _spare_memory() -> None:
    """One malloc arena for all threads, large blocks given back (musl has neither need nor mallopt)."""
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(*ARENAS_MAX)
        mallopt(*MAPPED_FROM)


if __name__ == "__main__":
    sys.exit(main())
