# SPDX-License-Identifier: Apache-2.0
"""`make bench [PART=NAME]`: runs the parts, prints their tables, keeps the figures in build/bench.json."""

from __future__ import annotations

import importlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parents[2] / "build/bench.json"
# Quick ones first; a part is a module of this folder with `run() -> (figures, table)`.
PARTS = (
    "page",
    "handshake",
    "authz",
    "footprint",
    "machine",
    "lab",
    "faults",
    "reroute",
    "radio",
)


def main(argv: list[str]) -> int:
    """Run the named parts, or all."""
    chosen = argv or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        print(f"bench: no part named {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    parts = {
        name: importlib.import_module(f"tools.bench.{name}") for name in chosen
    }  # a mistake shows at once
    for name, part in parts.items():
        begun = time.monotonic()
        figures, table = part.run()
        result[name] = {
            "figures": figures,
            "table": table,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "seconds": round(time.monotonic() - begun, 1),
            "machine": platform.machine(),
            "python": platform.python_version(),
        }
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1))
        print(
            f"\n{table}\n({name}: {result[name]['seconds']} s; kept in {RESULT.relative_to(Path.cwd())})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
