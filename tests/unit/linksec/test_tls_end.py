# SPDX-License-Identifier: Apache-2.0
"""How a TLS connection ends: nothing that was said before is lost."""

from __future__ import annotations

import pytest

from agent.linksec.errors import Reason, TlsError
from agent.linksec.tls import Contexts
from tests.unit.linksec.authority import Mesh
from tests.unit.linksec.pairs import handshake


def test_what_came_in_one_piece_with_the_end_is_read_before_the_end_is_told(
    mesh: Mesh, anna: Contexts, berta: Contexts
) -> None:
    client, server = anna.client(mesh.verifier()), berta.server(mesh.verifier())
    handshake(client, server)
    server.write(b"the answer")
    server.close()
    client.feed(server.outgoing())
    assert client.read() == b"the answer"
    with pytest.raises(TlsError) as caught:
        client.read()
    assert caught.value.reason is Reason.CLOSED
