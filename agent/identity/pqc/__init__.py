# SPDX-License-Identifier: Apache-2.0
"""Post-quantum primitives behind one interface: ML-KEM (FIPS 203) and ML-DSA (FIPS 204), by two libraries.

`cryptography` is the default and makes every certificate and TLS handshake. `liboqs` may be chosen for key
exchange and for verifying, by people who want a second implementation; it knows no certificates.
"""
