# SPDX-License-Identifier: Apache-2.0
# The virtual environment of the tree. Sourced by tools/setup.sh.

find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3; do
        # A name on PATH may be a version manager's shim without a version behind it, or lack ensurepip: try it.
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "setup: no Python 3.11 to 3.13 with venv found: install python3 and python3-venv of Debian 12 or later" >&2
    return 1
}

make_venv() {
    local python
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; then
        python=.venv/bin/python
    else
        python=$(find_python)
    fi
    say "virtual environment .venv with $("$python" -V)"
    [ "$python" = .venv/bin/python ] || "$python" -m venv --clear .venv
    # --no-deps: the lock names everything; older pips otherwise resolve coverage[toml] past it as soon as a newer one exists.
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
        -r requirements/dev.txt
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
}
