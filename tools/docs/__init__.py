# SPDX-License-Identifier: Apache-2.0
"""Pages that are written from the code, so that they cannot disagree with it."""
