# SPDX-License-Identifier: Apache-2.0
"""The provider a configuration names."""

from __future__ import annotations

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import Provider

NAMES = ("cryptography", "liboqs")


def provider(name: str = NAMES[0]) -> Provider:
    """The provider of that name, loaded now. ProviderError says what is missing and what to do."""
    if name == "cryptography":
        from agent.identity.pqc.by_cryptography import Cryptography  # late: only the chosen one takes memory

        return Cryptography()
    if name == "liboqs":
        from agent.identity.pqc.by_liboqs import Liboqs

        return Liboqs()
    raise ProviderError(f"no provider is named {name[:40]!r}", f"choose one of {', '.join(NAMES)}")
