# SPDX-License-Identifier: Apache-2.0
"""A gateway whose Internet no longer answers ping; its names are still resolved, and the link is up."""

from tools.lab.faults.base import Fault, Operation, Target, run

PIDFILE = "/run/x0-internet.pid"  # as tools/lab/internet.py has it
ICMP = "nsenter -t $(cat {file}) -n sysctl -qw net.ipv4.icmp_echo_ignore_all={value}"


def _deaf(target: Target, value: int) -> list[Operation]:
    return [run(target, "sh", "-c", ICMP.format(file=PIDFILE, value=value))]


FAULT = Fault(
    id="gw-no-internet",
    what="the Internet behind the gateway --node (tools/lab/internet.py) answers no ping",
    peer=False,
    inject=lambda target: _deaf(target, 1),
    clear=lambda target: _deaf(target, 0),
)
