# SPDX-License-Identifier: Apache-2.0
"""A full disk: /var/log becomes a small file system of its own, full of rotated logs and one thing more."""

from tools.lab.faults.base import Fault, run

LOGS = "/var/log"
SIZE_MB = 48  # 5 MB of it should be free
# 2 MB stay free; the oldest two of the rotated logs make room enough
FILL = f"""\
set -e
mountpoint -q {LOGS} || mount -t tmpfs -o size={SIZE_MB}m,mode=755 tmpfs {LOGS}
head -c 1000000 /dev/zero >{LOGS}/syslog
for n in 4 3 2 1; do
    head -c 5000000 /dev/zero >{LOGS}/syslog.$n
    touch -d "$n days ago" {LOGS}/syslog.$n
done
head -c $(($(stat -f -c '%a * %S' {LOGS}) - 2000000)) /dev/zero >{LOGS}/recording.bin
"""

FAULT = Fault(
    id="disk-full",
    what=f"{LOGS} of --node is a file system of {SIZE_MB} MB with 2 MB free, 20 MB of it rotated logs",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", FILL)],
    clear=lambda target: [run(target, "sh", "-c", f"! mountpoint -q {LOGS} || umount -l {LOGS}")],
)
