# SPDX-License-Identifier: Apache-2.0
"""What our netlink codec costs beside pyroute2's: memory and start-up of the import, time per decoded row.

`python -m tools.netlink_cost [ours|lean|full]...`; `lean` and `full` need pyroute2 in the environment.
Each runs in a fresh interpreter; memory is what the imports add (docs/decisions/0003-own-netlink-codec.md).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import struct
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "tests" / "unit" / "kernel" / "data"
ROUNDS = 3000  # of the recorded dumps: 1 s at most, and a steady figure
KINDS = ("ours", "lean", "full")


def memory() -> dict[str, int]:
    """KiB of this process: Pss and what is private to it."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"pss": values["Pss"], "private": values["Private_Clean"] + values["Private_Dirty"]}


def recorded(name: str) -> bytearray:
    """The first answer of a recording (tests/unit/kernel/data/README.md)."""
    raw = (DATA / f"{name}.bin").read_bytes()
    (size,) = struct.unpack_from("=I", raw)
    return bytearray(raw[4 : 4 + size])


def ours() -> Callable[[str, bytearray], int]:
    """Import our codec; the decoder of one answer."""
    for module in ("batadv", "links", "nl80211"):
        importlib.import_module(f"agent.kernel.{module}")
    from agent.kernel import batadvrows as rows
    from agent.kernel import netlink as nl

    decoders: dict[str, Any] = {
        "batadv_neighbours": rows.neighbour(str),
        "batadv_originators": rows.originator(str),
    }

    def decode(name: str, answer: bytearray) -> int:
        row, count = decoders[name], 0
        for kind, _flags, _sequence, start, end in nl.messages(answer, len(answer)):
            if kind > nl.NLMSG_DONE:
                row(answer, start, end)
                count += 1
        return count

    return decode


def pyroute2(lean: bool) -> Callable[[str, bytearray], int]:
    """Import pyroute2, lean: without its package's own imports and IPRoute; decodes to the same values."""
    if lean:
        spec = importlib.util.find_spec("pyroute2")
        if spec is None or spec.submodule_search_locations is None:
            raise SystemExit(
                "pyroute2 is not in this environment: pip install pyroute2 into a throw-away one"
            )
        package = types.ModuleType("pyroute2")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["pyroute2"] = package
    else:
        importlib.import_module("pyroute2")
    base: Any = importlib.import_module("pyroute2.netlink")
    for module in ("generic", "rtnl.ifinfmsg", "rtnl.ifaddrmsg", "nl80211"):
        importlib.import_module(f"pyroute2.netlink.{module}")
    sys.path.append(str(DATA.parents[3]))
    from agent.kernel.batadvrows import Attr
    from agent.readings import Neighbour, Originator

    wanted = {
        Attr.HARD_IFINDEX: "uint32",
        Attr.HARD_IFNAME: "asciiz",
        Attr.ORIG_ADDRESS: "l2addr",
        Attr.FLAG_BEST: "flag",
        Attr.LAST_SEEN_MSECS: "uint32",
        Attr.NEIGH_ADDRESS: "l2addr",
        Attr.THROUGHPUT: "uint32",
    }
    table = tuple((int(kind), f"A{int(kind)}", form) for kind, form in wanted.items())
    message: Any = type("batadvmsg", (base.genlmsg,), {"prefix": "A", "nla_map": table})

    def decode(name: str, answer: bytearray) -> int:
        data, offset, count = bytes(answer), 0, 0
        while offset < len(data):
            size, kind = struct.unpack_from("=IH", data, offset)
            if kind > 3:
                row = message(data, offset=offset)
                row.decode()
                get, count = row.get_attr, count + 1
                where, age, rate = get("A7"), get("A23") / 1000, get("A26")
                if name == "batadv_neighbours":
                    Neighbour(where, get("A24"), age, rate)
                else:
                    Originator(get("A9"), get("A24"), where, age, rate, get("A22") is not None)
            offset += (size + 3) & ~3
        return count

    return decode


def measure(kind: str) -> None:
    """Print one line of figures for this interpreter."""
    for module in ("asyncio", "logging", "msgspec"):  # the agent has them in any case
        importlib.import_module(module)
    before, start = memory(), time.perf_counter()
    decode = ours() if kind == "ours" else pyroute2(kind == "lean")
    took, after = time.perf_counter() - start, memory()
    figures = [f"import {took * 1e3:.0f} ms", *(f"{key} +{after[key] - before[key]} KiB" for key in after)]
    for name in ("batadv_neighbours", "batadv_originators"):
        answer, count, start = recorded(name), 0, time.perf_counter()
        for _ in range(ROUNDS):
            count += decode(name, answer)
        figures.append(f"{name} {(time.perf_counter() - start) / count * 1e6:.1f} us/row")
    print(f"{kind:5}", ", ".join(figures))


def main() -> int:
    """Measure each kind in an interpreter of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["ours"], choices=KINDS)
    kinds = parser.parse_args().kinds
    if os.environ.get("X0_NETLINK_COST"):
        measure(kinds[0])
        return 0
    environment = {**os.environ, "X0_NETLINK_COST": "1"}
    for kind in kinds:
        subprocess.run([sys.executable, "-m", "tools.netlink_cost", kind], env=environment, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
