# SPDX-License-Identifier: Apache-2.0
# What the status page is looked at with: Debian's chromium, and axe-core, which finds what a screen reader or a weak
# eye would stumble over. Where a machine can have neither, the tests that need it are skipped and say so; where there
# is npm but no axe-core they fail. Sourced by tools/setup.sh, after packages.sh.

AXE=axe-core@4.10.3
AXE_SHA512=5e6edba515e70d25f6604d9815f064d859c5d1ea7ab661bbc4f87c88779ef0c21cae0abbeb636471ef39e9d62d2582e4b88a1866f19f4ecfcf6d986275e4dc12

# About 100 MB. Where a derivative has no such package the rest of the setup goes on.
browser_package() {
    [ -n "$(missing chromium)" ] || return 0
    say "installing chromium, for the status page's tests and pictures"
    (apt_install chromium) || say "no chromium here: the page's tests in a browser will be skipped"
}

# Needs npm, which is only asked for one archive; nothing is installed and none of its code is run.
axe_core() {
    local work
    work=$(mktemp -d build/tools/axe.XXXXXX)
    say "fetching $AXE"
    if (cd "$work" && npm pack --silent --ignore-scripts "$AXE" >/dev/null 2>&1) &&
        echo "$AXE_SHA512  $(echo "$work"/*.tgz)" | sha512sum --check --quiet --status; then
        tar -xzf "$work"/*.tgz -C "$work" package/axe.min.js package/LICENSE
        mkdir -p build/tools/axe
        mv "$work/package/axe.min.js" "$work/package/LICENSE" build/tools/axe/
    else
        say "$AXE could not be had or is not what it should be: its tests will fail; tried again next time"
        incomplete=yes
    fi
    rm -rf "$work"
}
