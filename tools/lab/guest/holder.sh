#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Process 1 of a node: gives the node's namespaces its own name, /sys, /tmp and directories, then keeps them alive.
# Argument: the node's name. Prints "ready".
node=$1
home=/run/x0-lab/$node
mkdir -p "$home/etc" "$home/var" "$home/run" "$home/tmp" "$home/log" /etc/x0 /var/lib/x0 /run/x0
hostname "$node"
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t bpf bpf /sys/fs/bpf 2>/dev/null
mount --bind "$home/etc" /etc/x0
mount --bind "$home/var" /var/lib/x0
mount --bind "$home/run" /run/x0
mount --bind "$home/tmp" /tmp
ip link set lo up
echo ready
# the shell reaps what the node's processes leave behind while it waits
while :; do sleep 100000; done
