# SPDX-License-Identifier: Apache-2.0
"""drop-old-logs: rotated logs in /var/log are removed, oldest first, until there is room."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo


class DropOldLogs(NothingToUndo):
    """Args: `path` (a file system), `wanted` (bytes free there), `inodes` (free there, 0: never mind).

    Never a log in use or outside /var/log.

    Cannot be undone: old logs are the price of a node that runs.
    """

    id: ClassVar[str] = "drop-old-logs"
    title: ClassVar[str] = "delete the oldest rotated logs"
    time_limit: ClassVar[float] = 20.0  # hundreds of files on a slow card

    def refusal(self, remedy: Remedy, view: View) -> str:
        host = view.snapshot.host
        if host is not None and remedy.args["path"] in host.read_only:
            return f"{remedy.args['path']} can only be read"
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.drop_old_logs(
            remedy.args["path"], int(remedy.args["wanted"]), int(remedy.args["inodes"])
        )


ACTION: Action = DropOldLogs()
