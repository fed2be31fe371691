# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: figures anyone can make again with `make bench`."""
