# SPDX-License-Identifier: Apache-2.0
"""The whole way in memory: handshake, greeting, a key given, installed, confirmed, used."""

from agent.kernel.secret import Secret
from agent.linksec.keyactions import ChangeOver, Give, Sak, Tell
from agent.linksec.keys import SakLife
from agent.linksec.messages import Active, Installed, Offer
from agent.linksec.received import Confirm, Install, Received
from agent.linksec.tls import Contexts
from tests.unit.linksec.authority import Mesh
from tests.unit.linksec.pairs import End, exchange


def test_two_neighbours_exchange_confirm_and_use_a_key(mesh: Mesh, anna: Contexts, berta: Contexts) -> None:
    a = End(anna.client(mesh.verifier()), anna.spiffe_id, 1)
    b = End(berta.server(mesh.verifier()), berta.spiffe_id, 2)
    exchange(a, b)
    assert a.channel is not None
    assert b.channel is not None
    assert a.channel.confirmed
    assert b.channel.confirmed
    assert (a.channel.peer, b.channel.peer) == (berta.spiffe_id, anna.spiffe_id)
    assert (a.channel.sci, b.channel.sci) == (b.sci, a.sci)

    ours = SakLife(0.0, random=lambda size: bytes([size]) * size, jitter=lambda: 0.5)
    theirs = Received()
    (give,) = ours.joined(berta.spiffe_id, b.instance, 0.0)
    assert isinstance(give, Give)
    assert not ours.live(berta.spiffe_id)
    a.say(Offer(give.sak.an, give.sak.key_id, give.sak.key.reveal(), give.pn))
    exchange(a, b)
    (offer,) = b.heard
    assert isinstance(offer, Offer)
    assert theirs.offered(offer) == [Install(Sak(offer.an, offer.key_id, Secret(bytes([32]) * 32)), 1)]
    assert theirs.installed(offer.key_id) == [Confirm(offer.key_id)]
    b.say(Installed(offer.key_id))
    exchange(a, b)
    (installed,) = a.heard
    assert isinstance(installed, Installed)
    assert ours.confirmed(berta.spiffe_id, installed.key_id, 0.1) == [ChangeOver(give.sak)]
    assert ours.live(berta.spiffe_id)
    (tell,) = ours.switched(give.sak.key_id, 0.2)
    assert isinstance(tell, Tell)
    a.say(Active(tell.key_id, int(tell.retire * 1000)))
    exchange(a, b)
    told = b.heard[-1]
    assert isinstance(told, Active)
    theirs.active(told, 0.3)
    assert theirs.any
