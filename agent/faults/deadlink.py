# SPDX-License-Identifier: Apache-2.0
"""When a link to one neighbour counts as dead, and on what evidence: for link-dead, node-dead and one-way."""

from __future__ import annotations

import msgspec

from agent.faults import answers
from agent.faults import liveness as lv
from agent.faults import loss as ls
from agent.faults.base import View, once

# A link that loses three of ten packets misses four ELPs in a row twice a minute, seven almost never. Of a
# neighbour that never answered an echo nothing but its silence tells: one outage of 1.5 s is three of
# batman-adv's own ELP intervals, six are rarely chance. Later is cheap: its link is never taken out.
MUTE_PATIENCE = 2.0
MUTE = {"echo": "it never answered an echo: judged by twice the silence, and left in the mesh"}
NO_CARRIER = {"carrier": "no carrier: cable or plug"}


class DeadLink(msgspec.Struct, frozen=True):
    """A link on which nothing comes from one neighbour any more."""

    hardif: str
    mac: str
    onset: float  # monotonic seconds of the last sign of life
    evidence: dict[str, str]


@once
def dead_links(view: View) -> tuple[DeadLink, ...]:
    """Every link to a neighbour that is dead now: on attached hardifs, and on those we hold detached."""
    found = [dead_attached(view, h, mac) for h in lv.attached(view) for mac in lv.neighbours(view, h)]
    found += [_dead_detached(view, h, mac) for h in sorted(view.detached) for mac in lv.treated(view, h)]
    return tuple(link for link in found if link is not None)


def dead_attached(view: View, hardif: str, mac: str) -> DeadLink | None:
    """Silent for more ELP intervals (or beacons) than allowed and no echo answered; or no carrier.

    A neighbour that was asked and never answered, or that misses single packets: silent for `MUTE_PATIENCE`
    times as long.
    """
    link, quiet, elp = lv.link_of(view, hardif), lv.silence(view, hardif, mac), lv.elp_s(view, hardif, mac)
    mesh = view.snapshot.mesh
    if link is None or not link.admin_up or quiet is None or mesh is None:
        return None
    radio, seen = lv.station(view, hardif, mac)
    if link.carrier and not radio and quiet <= view.thresholds.elp_misses * elp:
        return None  # what a healthy link costs at every reading
    onset = mesh.neighbours_at - quiet
    evidence = {"elp": f"no ELP for {quiet:.2f} s ({quiet / elp:.1f} intervals of {elp * 1000:.0f} ms)"}
    if not link.carrier:
        if quiet <= lv.SUSPECT_MISSES * elp:
            return None
        return _with_peer(view, DeadLink(hardif, mac, onset, evidence | NO_CARRIER))
    mute = answers.mute(view, hardif, mac)
    patience = MUTE_PATIENCE if mute or ls.loses_some(view, hardif, mac) else 1.0
    beacons_missing = radio and (seen is None or seen.inactive_age > patience * lv.RADIO_DEAD_S)
    if radio:
        words = f"nothing received for {seen.inactive_age:.2f} s" if seen else "the radio no longer knows it"
        evidence["station"] = words
    too_quiet = quiet > patience * view.thresholds.elp_misses * elp or beacons_missing
    if not too_quiet or not (mute or answers.echo_silent(view, hardif, mac)):
        return None
    echoes = MUTE if mute else _echo_words(view, hardif, mac)
    return _with_peer(view, DeadLink(hardif, mac, onset, evidence | echoes))


@once
def own_trouble(view: View) -> str:
    """Are all neighbours on all of several hardifs silent? Then it is rather us, in words; else ""."""
    silent = [(h, mac) for h in lv.attached(view) for mac in lv.neighbours(view, h)]
    hardifs = {h for h, _ in silent} | view.detached
    if len(hardifs) < 2 or not silent or any(lv.heard(view, h, mac) for h, mac in silent):
        return ""
    where = f"all {len(silent)} neighbours on all {len(hardifs)} interfaces"
    return f"{where} are silent: suspect this node itself (power, switch, driver)"


def _dead_detached(view: View, hardif: str, mac: str) -> DeadLink | None:
    link = lv.link_of(view, hardif)
    if link is None or not link.admin_up:
        return None
    echo = answers.echo_of(view, hardif, mac)
    onset = view.now - (echo.unanswered_for if echo else 0.0)
    held = {"mesh": "we hold the interface out of the mesh and go on asking"}
    if not link.carrier:
        return DeadLink(hardif, mac, onset, held | NO_CARRIER)
    if not answers.echo_silent(view, hardif, mac):
        return None
    return _with_peer(view, DeadLink(hardif, mac, onset, held | _echo_words(view, hardif, mac)))


def _echo_words(view: View, hardif: str, mac: str) -> dict[str, str]:
    echo = answers.echo_of(view, hardif, mac)
    if echo is None:
        return {}
    return {"echo": f"no echo answered for {echo.unanswered_for:.2f} s ({echo.unanswered} requests)"}


def _with_peer(view: View, dead: DeadLink) -> DeadLink:
    """Names the node behind the link where a hello told it."""
    peer = lv.peer_of(view, dead.hardif, dead.mac)
    if peer is None:
        return dead
    words = f"{peer.node}, last hello {peer.hello_age:.1f} s ago"
    return DeadLink(dead.hardif, dead.mac, dead.onset, dead.evidence | {"neighbour": words})
