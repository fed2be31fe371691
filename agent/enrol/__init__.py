# SPDX-License-Identifier: Apache-2.0
"""Brings an identity onto a node and keeps it fresh: issuer, client, join proxy, renewal, spread of lists."""
