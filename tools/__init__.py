# SPDX-License-Identifier: Apache-2.0
"""The virtual mesh, the benchmarks and the simulators: nothing here runs on a node."""
