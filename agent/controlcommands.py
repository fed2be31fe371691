# SPDX-License-Identifier: Apache-2.0
"""The commands of the control socket over three call-backs of the loop: status, pause, resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.control import ControlError, Handler

PAUSE_MIN = 1.0  # s
PAUSE_MAX = 86_400.0  # s; a pause that was forgotten ends by itself within a day

Status = dict[str, Any]


def handlers(
    status: Callable[[], Status], pause: Callable[[float], float], resume: Callable[[], bool]
) -> dict[str, Handler]:
    """The handlers by name.

    `status()` gives the document of agent/status.py, `pause(seconds)` the Unix time at which the pause ends,
    `resume()` whether there was a pause to end.
    """

    async def do_status(_args: dict[str, Any]) -> Any:
        return status()

    async def do_faults(_args: dict[str, Any]) -> Any:
        return {"faults": status().get("faults", [])}

    async def do_explain(args: dict[str, Any]) -> Any:
        wanted = args.get("fault")
        if not isinstance(wanted, str) or not wanted:
            raise ControlError("explain without a fault", "name a fault, e.g. link-dead, or an episode's id")
        rows = status().get("faults", [])
        return {"episodes": [row for row in rows if wanted in (row.get("fault"), row.get("id"))]}

    async def do_pause(args: dict[str, Any]) -> Any:
        seconds = args.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise ControlError("pause without a number of seconds", "say for how long, e.g. 15m")
        if not PAUSE_MIN <= seconds <= PAUSE_MAX:
            raise ControlError(
                f"a pause of {seconds:g} s", "pause for 1 s to 24 h; a longer pause: mode: observe"
            )
        return {"paused_until": pause(float(seconds))}

    async def do_resume(_args: dict[str, Any]) -> Any:
        return {"was_paused": resume()}

    return {
        "status": do_status,
        "faults": do_faults,
        "explain": do_explain,
        "pause": do_pause,
        "resume": do_resume,
    }
