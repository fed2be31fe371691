# SPDX-License-Identifier: Apache-2.0
"""What a verifier says of a chain. Apart, for whoever asks one without loading the crypto libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Chain = tuple[bytes, ...]  # certificates in DER, leaf first


class Judged(NamedTuple):
    """A peer that is trusted. `chain`: all it was judged by, also the issuer that it did not send.

    Judging that chain again needs no list of issuers, so a neighbour does not become a stranger because its
    issuer has left the list meanwhile.
    """

    peer: str  # its SPIFFE id
    chain: Chain


Verifier = Callable[[Chain], Judged]  # or PeerRefusedError
