# SPDX-License-Identifier: Apache-2.0
"""disk-full: a file system the node writes to has hardly any room left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.faults.hostlook import SUSPECT_S, held_for, size
from agent.hostreadings import Disk, Host

HELD_S = 4.0  # a file that is written and removed again is no full disk
LEAST = 32_000_000  # bytes free that are wanted, or a twentieth of the disk where that is more,
MOST = 512_000_000  # but no more than this,
SHARE = 0.05
SMALL_SHARE = 0.10  # and no more than a tenth of a small disk
ENOUGH = 1.5  # times what is wanted must be free for the fault to be gone
INODES_SHARE = 0.01  # of the inodes: fewer, and no new file can be made soon
JOURNAL_KEPT = 16_000_000  # bytes the system journal keeps: some days of a quiet node
DEADLINE_S = 12.0  # an act, and the next reading, which is 5 s away


class DiskFull:
    """For some seconds less was free than a twentieth of the disk (at least 32 MB, at most 512 MB, of a small
    disk a tenth), or less than a hundredth of its inodes, where the node keeps its state, its logs or what
    `sensors.disk_path` names.

    Removed are, until there is room: the agent's own old records, what the system journal keeps beyond
    16 MB, rotated logs in /var/log, oldest first. Nothing else is touched; none of it can be put back.
    """

    id: ClassVar[str] = "disk-full"
    title: ClassVar[str] = "Disk full"
    by_hand: ClassVar[str] = (
        "`du -xh / | sort -h | tail` shows what takes the room; "
        "remove what nobody needs, or put in a bigger card."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        if 0 <= held_for(view, _bad) < SUSPECT_S:
            return (Suspicion(self.id, Subject.host("disk"), "hardly any room is left on a disk"),)
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        """One for the machine: what makes room is the same for all its file systems."""
        held, host = held_for(view, _bad), view.snapshot.host
        if held < HELD_S or host is None:
            return ()
        evidence = {disk.path: _words(disk) for disk in host.disks if _full(disk)}
        return (Symptom(self.id, Subject.host("disk"), view.now - held, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        return (
            "The disk is full: "
            + "; ".join(f"{at} has {left}" for at, left in symptom.evidence.items())
            + "."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Our own first, then what the system says it can spare, then old logs where it is fullest.

        Until there is clearly enough: between the rungs a disk may be full no more and not yet well.
        """
        host = view.snapshot.host
        fullest = min(
            (disk for disk in (host.disks if host else ()) if _full(disk, ENOUGH)),
            key=lambda disk: (not _full(disk), disk.free - wanted(disk.total)),
            default=Disk("/var/log", 0, 0),
        )
        room = {
            "path": fullest.path,
            "wanted": str(int(ENOUGH * wanted(fullest.total)) + 1),
            "inodes": str(int(ENOUGH * INODES_SHARE * fullest.inodes) + 1 if fullest.inodes else 0),
        }
        return (
            Remedy("shrink-own-files", diagnosis.subject, {}, deadline=DEADLINE_S),
            Remedy("vacuum-journal", diagnosis.subject, {"keep": str(JOURNAL_KEPT)}, deadline=DEADLINE_S),
            Remedy("drop-old-logs", diagnosis.subject, room, deadline=DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        host = view.snapshot.host
        if host is None or not host.disks:
            return State.PRESENT
        if host.read_only:
            return State.GONE  # no longer this fault: root-readonly
        return State.PRESENT if any(_full(disk, ENOUGH) for disk in host.disks) else State.GONE


def wanted(total: int) -> int:
    """Bytes that should be free on a file system of this size."""
    return int(min(max(total * SHARE, LEAST), MOST, total * SMALL_SHARE))


def _full(disk: Disk, times: float = 1.0) -> bool:
    few = disk.inodes > 0 and disk.inodes_free < disk.inodes * INODES_SHARE * times
    return disk.total > 0 and (disk.free < wanted(disk.total) * times or few)


def _bad(host: Host) -> bool:
    """Where a file system went read-only there is nothing to be gained by deleting: root-readonly."""
    return not host.read_only and any(_full(disk) for disk in host.disks)


def _words(disk: Disk) -> str:
    if disk.free < wanted(disk.total):
        return f"{size(disk.free)} of {size(disk.total)} left"
    return f"{disk.inodes_free} of {disk.inodes} inodes left"


FAULT: Fault = DiskFull()
