# SPDX-License-Identifier: Apache-2.0
"""What runs inside the lab's machines: standard library only, started by `init` in this folder."""
