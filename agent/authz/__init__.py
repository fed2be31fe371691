# SPDX-License-Identifier: Apache-2.0
"""Who may do what: a default-deny table, asked for each act (docs/policy.md, decision 0013)."""
