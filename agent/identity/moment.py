# SPDX-License-Identifier: Apache-2.0
"""A time and whether it can be trusted: routers have no clock of their own (RFC 8995, 2.6.1)."""

from __future__ import annotations

import msgspec


class Moment(msgspec.Struct, frozen=True):
    """Unix seconds. Where not `trusted`, it is later than `at`, nobody knows how much."""

    at: float
    trusted: bool = True
