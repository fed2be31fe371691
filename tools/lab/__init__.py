# SPDX-License-Identifier: Apache-2.0
"""The lab: a virtual mesh on a virtual machine with the real kernel. `lab --help`, docs/lab.md."""
