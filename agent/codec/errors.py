# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with encoded bytes."""

from __future__ import annotations


class CodecError(Exception):
    """Bytes that are not of the form, or a value that has none: what is wrong and where."""
