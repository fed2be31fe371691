# SPDX-License-Identifier: Apache-2.0
"""The support bundle, made by a process of its own: its memory and its searching are not the agent's."""
