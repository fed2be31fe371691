# SPDX-License-Identifier: Apache-2.0
"""What the lab can fail with. Each class has its exit code: a script tells a lab's failure from a test's."""


class LabError(Exception):
    """The lab could not do what was asked: what, where, how to mend."""

    exit_code = 1


class UsageError(LabError):
    """The request itself is wrong: an unknown node, a topology that cannot be."""

    exit_code = 2


class NoLabError(LabError):
    """There is no running lab of that name."""

    exit_code = 3


class NotReadyError(LabError):
    """The lab runs, and what was waited for did not come in time."""

    exit_code = 4


class MachineError(LabError):
    """A virtual machine panicked or ended: the lab's failure, never the test's (EX_SOFTWARE)."""

    exit_code = 70
