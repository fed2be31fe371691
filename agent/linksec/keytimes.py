# SPDX-License-Identifier: Apache-2.0
"""How long what takes in the life of a key of ours. Seconds, unless it says packets."""

from __future__ import annotations

from typing import Final

# a key is used; about 2**30 frames of a full gigabit, a quarter of what the numbers last
PERIOD: Final = 600.0
JITTER: Final = 0.1  # share of it, so that the nodes of a mesh do not change keys together
# packets, from which the key is replaced (as in MKA); 12 minutes of 1 Gbit/s left
PN_LIMIT: Final = 0xC0000000
PN_URGENT: Final = 0xF0000000  # packets, from here nobody is waited for: the kernel stops sending at the end
CONFIRM: Final = 6.0  # for neighbours to confirm a new key: MKA's life time
CONFIRM_URGENT: Final = 1.5  # of it after a revocation, which must be effective within 5
RETIRE: Final = 3.0  # an old key stays for frames under way (MKA)
RETIRE_URGENT: Final = 1.0  # of it after a revocation
# after a restart to gather the neighbours of the run before; then the key of then goes, whoever is back
SETTLE: Final = 10.0
RETRY: Final = 2.0  # until a change the kernel refused is tried again
