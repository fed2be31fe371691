# SPDX-License-Identifier: Apache-2.0
"""The told kernel as a fixture."""

from tests.unit.kernel.replay import kernel

__all__ = ["kernel"]
