# SPDX-License-Identifier: Apache-2.0
"""Who a node is: SPIFFE IDs, the mesh's authority and issuers, SVIDs and the rules every peer's must keep."""
