#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# First program of a machine: mounts the read-only root under a layer in memory, the source tree on /src,
# and hands over to what the kernel command line names as x0.init (default: systemd).
b=/bin/busybox

fail() {
    $b echo "x0 initrd: $*" >/dev/console
    $b sleep 1
    $b poweroff -f
}

$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
    $b insmod "$module" || fail "cannot load $module"
done

next=/sbin/init
for word in $($b cat /proc/cmdline); do
    case $word in x0.init=*) next=${word#x0.init=} ;; esac
done

# The disk shows up some milliseconds after its driver.
tries=0
until [ -b /dev/vda ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || fail "no disk /dev/vda: give the machine root.squashfs as its first virtio disk"
    $b usleep 50000
done

$b mkdir -p /rw /lower /root
$b mount -t squashfs -o ro /dev/vda /lower || fail "cannot mount /dev/vda as squashfs"
$b mount -t tmpfs -o mode=755 tmpfs /rw
$b mkdir /rw/upper /rw/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /root || fail "cannot mount the overlay"

# A machine without the share is a good machine too: its software is in the image.
$b mkdir -p /root/src
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose src /root/src 2>/dev/null

for each in proc sys dev; do
    $b mount -o move /$each /root/$each
done
exec $b switch_root /root "$next"
