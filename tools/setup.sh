#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes this machine ready: Debian packages, programs under build/tools, the virtual environment .venv.
# Usage: tools/setup.sh PART...   PART: base | bench.   A part done before costs some milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/tools/bin build/stamps
. tools/setup/packages.sh
. tools/setup/unpack.sh
. tools/setup/browser.sh
. tools/setup/venv.sh

say() { printf 'setup: %s\n' "$*"; }

# once NAME FUNCTION FILE... : run FUNCTION unless it was done for these files' content. One that sets `incomplete`
# runs again next time.
once() {
    local name=$1 work=$2 stamp
    shift 2
    stamp=build/stamps/$name-$(cat "$@" | sha256sum | cut -c1-16)
    [ -e "$stamp" ] && return 0
    incomplete=
    "$work"
    rm -f "build/stamps/$name"-*
    [ -n "$incomplete" ] || touch "$stamp"
}

for part in "$@"; do
    case $part in
        base)
            once packages base_packages tools/setup/packages.sh
            has_test_tools || rm -f build/stamps/tools-*
            once tools test_tools tools/setup/unpack.sh
            once browser browser_package tools/setup/browser.sh
            if command -v npm >/dev/null; then
                [ -e build/tools/axe/axe.min.js ] || rm -f build/stamps/axe-*
                once axe axe_core tools/setup/browser.sh
            fi
            [ -x .venv/bin/python ] || rm -f build/stamps/venv-*
            once venv make_venv tools/setup/venv.sh requirements/dev.txt requirements/agent.in \
                <(sed '/^\[tool\.ruff\]/,$d' pyproject.toml)
            ;;
        bench) once bench bench_tools tools/setup/unpack.sh ;;
        *)
            echo "setup: no part named '$part'; there are base and bench" >&2
            exit 2
            ;;
    esac
done
