# SPDX-License-Identifier: Apache-2.0
"""What a run of an agent is called to one neighbour: the same on all interfaces, to nobody else."""

from __future__ import annotations

import secrets

from agent.kernel.macsecrows import Sci
from agent.linksec import agentrun
from agent.linksec.channel import Channel
from agent.linksec.messages import Deframer, Greeting

A, B = "spiffe://tal/node/anna", "spiffe://tal/node/berta"


def test_each_neighbour_is_told_another_name_and_every_run_has_others() -> None:
    first, second = agentrun.begin(secrets.token_bytes), agentrun.begin(secrets.token_bytes)
    assert first.towards(A) == first.towards(A)
    names = {first.towards(A), first.towards(B), second.towards(A), first.mark, second.mark}
    assert len(names) == 5


def test_a_greeting_does_not_say_what_every_beacon_says() -> None:
    run = agentrun.begin(secrets.token_bytes)
    ours = Channel(me=A, peer=B, instance=run.towards(B), sci=Sci("02:00:00:00:00:01"), now=0.0)
    (greeting,) = Deframer().feed(ours.take())
    assert isinstance(greeting, Greeting)
    assert greeting.instance != run.mark


def test_the_secret_is_in_no_text() -> None:
    run = agentrun.begin(secrets.token_bytes)
    assert run.secret.reveal().hex() not in repr(run)
    assert "<Secret of" in repr(run)
