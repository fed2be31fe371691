#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Renews requirements/*.txt from requirements/*.in: one lock for every platform and Python 3.11 to 3.13.
# The environment's own package indexes are ignored, so that every hash is one of the public index;
# no index address is written into the lock. Usage: tools/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

tool=build/lock
mkdir -p build
[ -x "$tool/bin/uv" ] || {
    python3 -m venv "$tool"
    PIP_CONFIG_FILE=/dev/null "$tool/bin/pip" install --quiet uv
}
for name in agent dev; do
    env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL -u PIP_INDEX_URL -u UV_INDEX -u UV_DEFAULT_INDEX \
        "$tool/bin/uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --only-binary :all: --no-emit-build-options --custom-compile-command "tools/lock.sh" \
        "$@" "requirements/$name.in" --output-file "requirements/$name.txt" ${constraint:-}
    constraint="--constraint requirements/agent.txt"
done
! grep -nE '://|--(extra-)?index|--find-links' requirements/*.txt
