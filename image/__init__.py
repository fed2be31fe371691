# SPDX-License-Identifier: Apache-2.0
"""The rootfs recipe: one table of settings, several targets."""
