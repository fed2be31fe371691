# SPDX-License-Identifier: Apache-2.0
# Debian packages. Sourced by tools/setup.sh.

# What the lab, the image recipe and the tests run on the host. squashfs-tools >= 4.5 has sqfstar.
PACKAGES="python3 python3-venv qemu-system-x86 mmdebstrap squashfs-tools uidmap iproute2 ca-certificates
    debian-archive-keyring"
# Older QEMU panicked after minutes of load with several CPUs in one TCG machine; 10.0 did not.
QEMU_GOOD=9

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: '$*' needs root, and there is no sudo: run it as root once, then 'make setup' again" >&2
        return 1
    fi
}

missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

# apt's lists are renewed only when a package cannot be found or fetched with those there are.
apt_install() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends)
    as_root "${install[@]}" "$@" >build/setup-apt.log 2>&1 && return
    say "renewing apt's package lists"
    as_root apt-get update >build/setup-apt.log 2>&1 || true
    as_root "${install[@]}" "$@" >build/setup-apt.log 2>&1 || {
        tail -n 15 build/setup-apt.log >&2
        echo "setup: apt could not install: $*" >&2
        exit 1
    }
}

base_packages() {
    command -v apt-get >/dev/null || {
        echo "setup: needs Debian or a derivative (apt-get). Elsewhere install: $PACKAGES" >&2
        exit 1
    }
    local wanted
    wanted=$(missing $PACKAGES)
    if [ -n "$wanted" ]; then
        say "installing" $wanted
        apt_install $wanted
    fi
    newer_qemu
}

# On bookworm: QEMU from backports, found on the mirror apt uses already, through lists of our own.
newer_qemu() {
    local major codename mirror dir options
    major=$(qemu-system-x86_64 --version | sed -nE 's/.*version ([0-9]+)\..*/\1/p')
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    if [ "$major" -ge "$QEMU_GOOD" ] || [ "$codename" != bookworm ]; then
        say "QEMU $major of the distribution"
        return
    fi
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: bookworm" "Identifier: Packages" | head -n 1)
    dir=$(mktemp -d)
    chmod 755 "$dir"
    mkdir -p "$dir/sources" "$dir/lists/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-none} bookworm-backports main" \
        >"$dir/sources/backports.list"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-none} bookworm main" \
        >>"$dir/sources/backports.list"
    options=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$dir/sources" -o "Dir::State::Lists=$dir/lists")
    say "QEMU $major may panic under load; trying bookworm-backports (nothing is added to apt's own sources)"
    if [ -n "$mirror" ] && as_root apt-get "${options[@]}" update >build/setup-qemu.log 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install --yes --quiet --no-install-recommends \
            --target-release bookworm-backports qemu-system-x86 >>build/setup-qemu.log 2>&1; then
        say "installed $(qemu-system-x86_64 --version | head -n 1)"
    else
        say "backports not reachable (build/setup-qemu.log): QEMU $major stays, the lab then uses one thread"
    fi
    rm -rf "$dir" 2>/dev/null || as_root rm -rf "$dir"
}
