# SPDX-License-Identifier: Apache-2.0
"""The country whose radio rules hold (NL80211_CMD_REQ_SET_REG). Needs CAP_NET_ADMIN. KernelError."""

from __future__ import annotations

from typing import Final

from agent.kernel import netlink as nl
from agent.kernel.genl import Family

CMD_REQ_SET_REG: Final = 27
ATTR_REG_ALPHA2: Final = 33


def set_country(country: str) -> None:
    """Ask for the rules of an ISO 3166 country; the kernel keeps stricter ones of other hints."""
    family = Family("nl80211", "cfg80211")
    try:
        family.request(
            CMD_REQ_SET_REG, nl.text(ATTR_REG_ALPHA2, country), f"setting radio rules of {country}"
        )
    finally:
        family.close()
