# SPDX-License-Identifier: Apache-2.0
"""What actions may do to the system, one file for each part of it; agent/effector.py puts them together."""
