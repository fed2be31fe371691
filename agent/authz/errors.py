# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the authorisation itself. A refusal is no error: it is a Decision."""


class AuthzError(Exception):
    """What failed, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}. Mend: {mend}")
        self.what, self.mend = what, mend
