# SPDX-License-Identifier: Apache-2.0
"""The node's software: one asyncio process beside a kernel that forwards."""

__version__ = "0.1.0"
