# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the services this node runs."""

from __future__ import annotations


class ServiceError(Exception):
    """A service could not be looked at, started or stopped: which, what was tried, how to mend it."""
