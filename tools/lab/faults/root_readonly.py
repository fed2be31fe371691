# SPDX-License-Identifier: Apache-2.0
"""A card that failed: the root can only be read. The node must be a machine."""

from tools.lab.faults.base import Fault, run

FAULT = Fault(
    id="root-readonly",
    what="the root of --node, a machine of its own, is remounted read-only, as the kernel does after errors",
    peer=False,
    inject=lambda target: [run(target, "mount", "-o", "remount,ro", "/")],
    clear=lambda target: [run(target, "mount", "-o", "remount,rw", "/")],
)
