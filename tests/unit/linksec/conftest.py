# SPDX-License-Identifier: Apache-2.0
"""One mesh for all tests of the folder: making keys and certificates is the slow part."""

import pytest

from agent.linksec.tls import Contexts
from tests.unit.linksec.authority import Mesh


@pytest.fixture(scope="session")
def mesh() -> Mesh:
    """Root, issuer and what they sign."""
    return Mesh()


@pytest.fixture(scope="session")
def anna(mesh: Mesh) -> Contexts:
    """A node."""
    return Contexts(mesh.node("anna"))


@pytest.fixture(scope="session")
def berta(mesh: Mesh) -> Contexts:
    """Her neighbour."""
    return Contexts(mesh.node("berta"))
