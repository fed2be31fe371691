# SPDX-License-Identifier: Apache-2.0
"""`python -m agent.support`: JSON (status, config, macs, version, mesh, unit) in, a tar.gz out."""

from __future__ import annotations

import contextlib
import json
import os
import sys

from agent.support import bundle, collect

INPUT_MAX = 4 * 1024 * 1024  # characters; a status with 256 neighbours has 100 kB
NICE = 10  # the agent and the forwarding go first


def main() -> int:
    """Exit code 0, or 1 where the input is none."""
    with contextlib.suppress(OSError):  # a sandbox may refuse it
        os.nice(NICE)
    try:
        given = json.loads(sys.stdin.read(INPUT_MAX))
        names = {"mesh": str(given["mesh"]), "unit": str(given["unit"])}
    except (ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"agent.support: standard input is not what the agent sends ({error!r})\n")
        return 1
    raw = {
        name: collect.run(tuple(word.format(**names) for word in words))
        for name, words in collect.COMMANDS.items()
    }
    given["macs"] = [*given.get("macs", ()), *bundle.macs_of(raw)]
    given["addresses"] = sorted(bundle.addresses_of(raw))
    sys.stdout.buffer.write(bundle.make(given, raw))
    return 0


if __name__ == "__main__":
    sys.exit(main())
