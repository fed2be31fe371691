# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with hellos."""

from __future__ import annotations


class HelloError(Exception):
    """Root of this package's errors."""


class MessageError(HelloError):
    """A datagram that is no hello or report of ours: what is wrong with it. It is dropped and counted."""


class ChannelError(HelloError):
    """An interface hellos cannot be sent on now: which, why, how to mend it. It is tried again.

    `errno`: the kernel's number, 0 where there is none.
    """

    def __init__(self, text: str, errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno
