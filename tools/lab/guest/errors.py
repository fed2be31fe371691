# SPDX-License-Identifier: Apache-2.0
"""What can go wrong inside a machine and is told to the host."""


class GuestError(Exception):
    """A request could not be carried out: what, where, how to mend."""
