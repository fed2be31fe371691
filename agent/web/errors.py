# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the status page's server."""


class WebError(Exception):
    """The page cannot be served: what was tried, what the system said, what to do."""


class BadRequestError(WebError):
    """A request that is refused before any route sees it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
