# SPDX-License-Identifier: Apache-2.0
"""What is signed, in bytes: deterministic CBOR (RFC 8949, 4.2.1), COSE_Sign1 and COSE_Mac0 (RFC 9052)."""
