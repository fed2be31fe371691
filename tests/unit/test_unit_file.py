# SPDX-License-Identifier: Apache-2.0
"""The shipped systemd unit against the code it confines."""

import re
from pathlib import Path

TREE = Path(__file__).parents[2]
UNIT = TREE / "configs/systemd/x0-agent.service"
FAMILY = re.compile(r"\bsocket\.(AF_[A-Z0-9]+)")
NOT_OPENED = {"AF_UNSPEC"}  # a wildcard in look-ups, no socket has it


def test_every_address_family_the_agent_opens_is_allowed_by_the_unit() -> None:
    used = {name for file in (TREE / "agent").rglob("*.py") for name in FAMILY.findall(file.read_text())}
    (line,) = re.findall(r"^RestrictAddressFamilies=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert "AF_NETLINK" in used, "the agent is read"
    assert used - NOT_OPENED == set(line.split())
