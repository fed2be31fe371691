# SPDX-License-Identifier: Apache-2.0
"""What `make test-all` can fail with, apart from the tests."""


class TestAllError(Exception):
    """The long tests could not be run: what, where, how to mend."""

    __test__ = False  # pytest: no test class
