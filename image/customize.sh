#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mmdebstrap's last hook: $1 is the root. Environment: X0_SUITE, X0_MIRROR, X0_SECURITY (what the image's own apt uses),
# X0_PYTHON_DIR, X0_MASK, X0_PLAIN_MODULES.
set -eu
root=$1

# The build machine's mirror and transport are nobody else's business.
cat >"$root/etc/apt/sources.list" <<EOF
deb $X0_MIRROR $X0_SUITE main
deb $X0_MIRROR $X0_SUITE-updates main
deb $X0_SECURITY $X0_SUITE-security main
EOF
rm -f "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap

# Bytecode: without it importing the agent's libraries costs seconds and 8 MB of private memory per agent.
# unchecked-hash: no source is looked at again, and a layer that changes times cannot invalidate it.
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash "$X0_PYTHON_DIR"
stdlib=$(chroot "$root" python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
chroot "$root" python3 -m compileall -q -x '/(test|tests|lib2to3|idlelib)/' "$stdlib"
for module in "$stdlib/asyncio/base_events" "$X0_PYTHON_DIR/msgspec/__init__"; do
    set -- "$root$(dirname "$module")/__pycache__/$(basename "$module")".cpython-3*.pyc
    [ -s "$1" ] || {
        echo "customize: $module was not compiled" >&2
        exit 1
    }
done

# What is loaded at every start lies there unpacked.
version=$(ls "$root/usr/lib/modules")
for path in $(chroot "$root" modprobe --set-version "$version" --show-depends --all $X0_PLAIN_MODULES |
    sed -n 's/^insmod \([^ ]*\.xz\).*/\1/p' | sort -u); do
    xz --decompress "$root$path"
done
chroot "$root" depmod "$version"

for unit in $X0_MASK; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
: >"$root/etc/machine-id"
chroot "$root" passwd --delete root >/dev/null
echo x0 >"$root/etc/hostname"
mkdir -p "$root/src" "$root/boot"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/usr/share/locale
rm -f "$root"/boot/initrd.img-* "$root"/boot/System.map-*
