# SPDX-License-Identifier: Apache-2.0
"""`make test-all`: the long tests in parts, each bounded, its result kept, resumed where it stopped."""
