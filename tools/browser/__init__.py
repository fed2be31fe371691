# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium driven over its debugging pipe: for the page's tests and for pictures of it."""
