# SPDX-License-Identifier: Apache-2.0
"""Rerouting between radios: four 802.11s radios in a ring, partitioned by mac80211_hwsim's groups."""

from __future__ import annotations

from typing import Any

from tools.bench.reroute import measure

TOPOLOGIES = (("radio:4:ring", "n1", "n3"),)


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    return measure(
        TOPOLOGIES, ("link-dead", "node-dead"), "Rerouting between radios: gap in a flow of 20 pings/s"
    )
