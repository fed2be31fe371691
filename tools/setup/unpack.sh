# SPDX-License-Identifier: Apache-2.0
# Programs that are only called and would start a daemon if installed: taken out of their packages into build/tools.
# Sourced by tools/setup.sh, after packages.sh.

# unpack_tool PROGRAM PATH PACKAGE...: take one program out of the first package that has it (names differ between
# releases). Nothing is installed, no daemon starts.
unpack_tool() {
    local program=$1 path=$2 package
    shift 2
    # A container's apt may have no lists at all: the last name is one every release has.
    apt-cache show "${!#}" >/dev/null 2>&1 || as_root apt-get update >build/setup-unpack.log 2>&1 || true
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || continue
        unpack_packages "$package" && [ -x "build/tools/root/$path" ] || continue
        ln -sfn "../root/$path" "build/tools/bin/$program"
        return
    done
    say "$program is in no package of this distribution ($*): what needs it will say so"
}

unpack_packages() {
    local work status=0 archive
    work=$(mktemp -d build/tools/fetch.XXXXXX)
    say "unpacking $* into build/tools (not installed, no daemon)"
    (cd "$work" && apt-get download --quiet "$@") >build/setup-unpack.log 2>&1 || {
        as_root apt-get update >>build/setup-unpack.log 2>&1 || true
        (cd "$work" && apt-get download --quiet "$@") >>build/setup-unpack.log 2>&1 || status=1
    }
    for archive in "$work"/*.deb; do
        [ ! -e "$archive" ] || dpkg -x "$archive" build/tools/root
    done
    rm -rf "$work"
    return $status
}

# unpack_with_libraries PROGRAM PATH PACKAGE: take a program with the packages it needs beside it; the installed one
# where its package is.
unpack_with_libraries() {
    local program=$1 path=$2 package=$3 wanted
    if [ -z "$(missing "$package")" ]; then
        ln -sfn "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$program")" "build/tools/bin/$program"
        return
    fi
    apt-cache show "$package" >/dev/null 2>&1 || as_root apt-get update >build/setup-unpack.log 2>&1 || true
    wanted=$(apt-get install --simulate --quiet --no-install-recommends "$package" 2>/dev/null |
        sed -nE 's/^Inst ([^ ]+) .*/\1/p') || true
    [ -n "$wanted" ] && unpack_packages $wanted && [ -x "build/tools/root/$path" ] || return 1
    rm -f "build/tools/bin/$program"
    cat >"build/tools/bin/$program" <<EOF
#!/bin/sh
here=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
LD_LIBRARY_PATH=\$(echo "\$here"/root/usr/lib/*-linux-gnu "\$here"/root/lib/*-linux-gnu | tr ' ' ':') exec "\$here/root/$path" "\$@"
EOF
    chmod +x "build/tools/bin/$program"
}

# What tests call. Without one of them its tests fail, so it is tried again at the next setup.
test_tools() {
    unpack_tool promtool usr/bin/promtool promtool prometheus
    unpack_with_libraries mosquitto usr/sbin/mosquitto mosquitto || true
    has_test_tools || {
        say "promtool or mosquitto could not be had (build/setup-unpack.log): their tests will fail; tried again next time"
        incomplete=yes
    }
}

has_test_tools() { [ -x build/tools/bin/promtool ] && [ -x build/tools/bin/mosquitto ]; }

# The agents ours is compared with. netdata needs libraries of its own beside it.
bench_tools() {
    unpack_tool prometheus-node-exporter usr/bin/prometheus-node-exporter prometheus-node-exporter
    unpack_with_libraries netdata usr/sbin/netdata netdata-core ||
        say "netdata is not in this distribution: the comparison leaves it out"
}
