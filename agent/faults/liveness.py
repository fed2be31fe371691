# SPDX-License-Identifier: Apache-2.0
"""Who is heard, which way is left: the questions about neighbours that several faults ask.

Silence is what is known at the newest neighbour dump (`last_seen_age`), not time that has passed since: an
unread table is no evidence. Nothing here looks further back than the newest snapshot, so it costs next to
nothing.
"""

from __future__ import annotations

from agent.events import Snapshot
from agent.faults.base import View, once
from agent.readings import Hardif, Link, Mesh, Originator, Peer, Report, Station

SUSPECT_MISSES = 2.0  # ELP intervals: one may be lost or late on any healthy link, two rarely
LIVE_MISSES = 1.5  # a way out counts only while its neighbour is on time; stricter than the suspicion above
RADIO_SUSPECT_S = 0.5  # 802.11s beacons come every 102 ms: four or five in a row were missed
RADIO_DEAD_S = 0.8  # seven beacons; may stand for ELP's silence, whose interval on radios is long
DEFAULT_ELP_S = 0.5  # batman-adv's own, where neither the kernel nor the neighbour tells
AGENT_HELLOS = (
    10.0  # hello intervals: without any for so long there is no agent that set the neighbour's timers
)
HELLO_FRESH = 2.5  # hello intervals after which what a hello said no longer counts
REPORT_FRESH_S = 5.0  # a report is repeated while it holds; older ones speak of the past
TALK_REST_S = 3.5  # after we gave a hardif back: neighbours repeat a suspicion for 3 s after its last sign
# An OGM heard by another way at most so long before the link's last sign shows that the way is there. Much
# more than an interval: what comes a long way round (each hop keeps it up to 100 ms to aggregate) mostly
# arrives after its successor and is not counted then. Less than the 200 s the table keeps a way that is lost.
WAY_KNOWN_S = 60.0
FORGET_S = 200.0  # batman-adv's PURGE_TIMEOUT: so long after its last ELP a neighbour is none any more
MAX_DOUBLINGS = 6  # 2 s become at most 128 s: a flapping link waits, but not for ever


@once
def attached(view: View) -> dict[str, Hardif]:
    """The hardifs in the mesh by name, without the dummy primary."""
    mesh = view.snapshot.mesh
    return {h.name: h for h in mesh.hardifs if h.name != view.primary} if mesh else {}


@once
def _links(view: View) -> dict[str, Link]:
    return {link.name: link for link in view.snapshot.links or ()}


@once
def _neighbours(view: View) -> dict[str, tuple[str, ...]]:
    mesh = view.snapshot.mesh
    found: dict[str, tuple[str, ...]] = {}
    for row in mesh.neighbours if mesh else ():
        found[row.hardif] = (*found.get(row.hardif, ()), row.mac)
    return found


@once
def _silences(view: View) -> dict[tuple[str, str], float]:
    mesh = view.snapshot.mesh
    return {(row.hardif, row.mac): row.last_seen_age for row in mesh.neighbours} if mesh else {}


@once
def _peers(view: View) -> dict[tuple[str, str], Peer]:
    return {(peer.hardif, peer.mac): peer for peer in view.snapshot.peers}


@once
def _elps(_: View) -> dict[tuple[str, str], float]:
    return {}  # filled as they are asked for


def link_of(view: View, name: str) -> Link | None:
    """The interface, None where it does not exist or links were not read."""
    return _links(view).get(name)


def usable(view: View, name: str) -> bool:
    """Does the interface exist and is it up by administration? (Down by a person is another matter.)"""
    link = link_of(view, name)
    return link is not None and link.admin_up


def elp_s(view: View, hardif: str, mac: str) -> float:
    """Seconds between two ELPs of this neighbour: its own interval, which its hellos tell.

    Ours where they do not tell it; where no agent is heard at all, batman-adv's default if that is longer.
    """
    known, key = _elps(view), (hardif, mac)
    if (found := known.get(key)) is None:
        found = known[key] = elp_interval_s(view.snapshot, view.thresholds.hello_interval_s, hardif, mac)
    return found


def elp_interval_s(snapshot: Snapshot, hello_interval_s: float, hardif: str, mac: str) -> float:
    """The same, for those that have no View."""
    hardifs = snapshot.mesh.hardifs if snapshot.mesh else ()
    found = next((own for own in hardifs if own.name == hardif), None)
    ours = (found.elp_interval_ms / 1000 if found and found.elp_interval_ms else 0.0) or DEFAULT_ELP_S
    peer = next((p for p in snapshot.peers if p.hardif == hardif and p.mac == mac), None)
    if peer is None or peer.hello_age > AGENT_HELLOS * hello_s(peer, hello_interval_s):
        return max(ours, DEFAULT_ELP_S)
    return peer.elp_interval_ms / 1000 if peer.elp_interval_ms else ours


def doubtful_after(snapshot: Snapshot, hello_interval_s: float) -> dict[tuple[str, str], float]:
    """(hardif, MAC) of every neighbour > s of silence from which on its link is in doubt (link-dead)."""
    rows = snapshot.mesh.neighbours if snapshot.mesh else ()
    return {
        (row.hardif, row.mac): SUSPECT_MISSES
        * elp_interval_s(snapshot, hello_interval_s, row.hardif, row.mac)
        for row in rows
    }


def hello_s(peer: Peer, ours: float) -> float:
    """Seconds between two hellos of this peer: as it says (hello/message.py has the bounds), else ours."""
    return peer.hello_interval_ms / 1000 if peer.hello_interval_ms else ours


def neighbours(view: View, hardif: str) -> tuple[str, ...]:
    """MACs in batman-adv's neighbour table of this hardif (kept there up to 200 s after the last ELP)."""
    return _neighbours(view).get(hardif, ())


def silence(view: View, hardif: str, mac: str) -> float | None:
    """Seconds without ELP as of the newest dump; None where the neighbour is not in the table."""
    return _silences(view).get((hardif, mac))


def forgotten(view: View, hardif: str, mac: str, since: float) -> bool:
    """Is it no neighbour at a dump later than `since` (monotonic), on a hardif that is in the mesh?"""
    mesh = view.snapshot.mesh
    if mesh is None or hardif not in attached(view) or mesh.neighbours_at <= since:
        return False
    return silence(view, hardif, mac) is None


def heard(view: View, hardif: str, mac: str) -> bool:
    """Is the neighbour in the table and its ELP not in doubt?"""
    quiet = silence(view, hardif, mac)
    return quiet is not None and quiet <= SUSPECT_MISSES * elp_s(view, hardif, mac)


def station(view: View, hardif: str, mac: str) -> tuple[bool, Station | None]:
    """(is the hardif a mesh radio whose stations are known, the neighbour's station)."""
    radio = next((r for r in view.snapshot.radios or () if r.name == hardif and r.kind == "mesh"), None)
    if radio is None:
        return False, None
    return True, next((s for s in radio.stations if s.mac == mac), None)


def peer_of(view: View, hardif: str, mac: str) -> Peer | None:
    """The agent behind this neighbour, as its hellos tell."""
    return _peers(view).get((hardif, mac))


def fresh(view: View, peer: Peer) -> bool:
    """Is what the peer's last hello said still news?"""
    return peer.hello_age <= HELLO_FRESH * hello_s(peer, view.thresholds.hello_interval_s)


def says_deaf(view: View, hardif: str, mac: str) -> str:
    """Does the neighbour say that it no longer hears us? In words, "" where not. A hint to be checked.

    A report of kind one-way says the opposite: it hears us, and we do not hear it.
    """
    peer = peer_of(view, hardif, mac)
    if (
        peer is not None
        and fresh(view, peer)
        and peer.hears_us is False
        and peer.hears_us_age is not None
        and not _outdated(view, hardif, peer.hello_age)
    ):
        return f"hello of {peer.node}: has not heard us for {peer.hears_us_age:.1f} s"
    report = report_on(view, hardif, mac, ("link-dead",))
    return f"report of {report.node} over the mesh: does not hear us on this link" if report else ""


def report_on(view: View, hardif: str, mac: str, kinds: tuple[str, ...]) -> Report | None:
    """The newest fresh report of these kinds by the neighbour about our interface on the shared link."""
    ours = link_of(view, hardif)
    found = [
        r
        for r in view.snapshot.reports
        if r.kind in kinds
        and ours is not None
        and r.subject_mac == ours.mac
        and r.about_mac == mac
        and r.age <= REPORT_FRESH_S
        and not _outdated(view, hardif, r.age)
    ]
    return min(found, key=lambda r: r.age, default=None)


def _outdated(view: View, hardif: str, age: float) -> bool:
    """Was it said before this hardif, given back by us, had settled in the mesh again?"""
    back = view.given_back.get(hardif)
    return back is not None and view.now - age < back + TALK_REST_S


def alive(view: View, hardif: str, mac: str) -> bool:
    """Is this neighbour heard on time, on a hardif that is attached and has carrier?"""
    link = link_of(view, hardif)
    quiet = silence(view, hardif, mac)
    if hardif not in attached(view) or link is None or not link.carrier or quiet is None:
        return False
    radio, seen = station(view, hardif, mac)
    if radio and (seen is None or seen.inactive_age > RADIO_SUSPECT_S):
        return False
    return quiet <= LIVE_MISSES * elp_s(view, hardif, mac)


def live_neighbours(view: View, hardif: str) -> tuple[str, ...]:
    """MACs heard on time on this hardif."""
    return tuple(mac for mac in neighbours(view, hardif) if alive(view, hardif, mac))


def other_way(view: View, hardif: str, mac: str) -> str:
    """Another attached hardif by which the node behind this link can be reached, "" where none is known.

    Its originator must have been heard there through a neighbour that is live now, not much longer ago than
    the link itself. So a dead node passes as well as a dead link: its OGMs came by both ways until it died.
    Where we do not know the originator (no hello since we run, and the MAC is no originator's) or no table
    was read, no way is known: nothing is detached then, OGMs are only hastened.
    """
    mesh, originator = view.snapshot.mesh, originator_of(view, hardif, mac)
    if mesh is None or not originator:
        return ""
    oldest = (silence(view, hardif, mac) or 0.0) + WAY_KNOWN_S
    ways = (o for o in mesh.originators if o.mac == originator and o.last_seen_age <= oldest)
    return next((o.hardif for o in ways if o.hardif != hardif and alive(view, o.hardif, o.neighbour)), "")


def other_path(view: View, hardif: str, mac: str) -> str:
    """As `other_way`, but also through another neighbour on the same interface: that one's MAC, else ""."""
    mesh, originator = view.snapshot.mesh, originator_of(view, hardif, mac)
    if mesh is None or not originator:
        return ""
    oldest = (silence(view, hardif, mac) or 0.0) + WAY_KNOWN_S
    for row in mesh.originators:
        here = (row.hardif, row.neighbour) == (hardif, mac)
        known = row.mac == originator and row.last_seen_age <= oldest
        if known and not here and alive(view, row.hardif, row.neighbour):
            return row.neighbour
    return ""


def best_via(view: View, hardif: str, mac: str) -> tuple[Originator, ...]:
    """Best ways that lead through this neighbour on this hardif."""
    rows = view.snapshot.mesh.originators if view.snapshot.mesh else ()
    return tuple(o for o in rows if o.best and o.hardif == hardif and o.neighbour == mac)


def best_elsewhere(view: View, hardif: str) -> tuple[Originator, ...]:
    """Best ways that leave through another attached hardif."""
    rows = view.snapshot.mesh.originators if view.snapshot.mesh else ()
    others = attached(view).keys() - {hardif}
    return tuple(o for o in rows if o.best and o.hardif in others)


def originator_of(view: View, hardif: str, mac: str) -> str:
    """The node's originator address behind a neighbour, "" where nobody told it."""
    known = view.last_neighbours.get(f"{hardif}/{mac}", "")
    peer = peer_of(view, hardif, mac)
    return known or (peer.originator if peer else "")


def heard_as_originator(mesh: Mesh, originator: str) -> float | None:
    """Seconds since an OGM of this originator came on any way, at the newest dump; None: not in the table."""
    return min((o.last_seen_age for o in mesh.originators if o.mac == originator), default=None)


def treated(view: View, hardif: str) -> tuple[str, ...]:
    """Neighbours of a detached hardif that we go on asking: those of open episodes or being probed."""
    prefix = f"hardif/{hardif}/"
    asked = {subject.removeprefix(prefix) for subject in view.episodes if subject.startswith(prefix)}
    asked |= {e.mac for e in view.snapshot.echoes if e.hardif == hardif and e.unanswered_for > 0}
    return tuple(sorted(asked))


def no_other_way(view: View, hardif: str, mac: str) -> bool:
    """Is the node behind this link out of reach on every other way, or every other neighbour silent?"""
    mesh = view.snapshot.mesh
    if mesh is None:
        return False
    quiet = [
        (silence(view, other, near) or 0.0) > view.thresholds.elp_misses * elp_s(view, other, near)
        for other in attached(view)
        if other != hardif
        for near in neighbours(view, other)
    ]
    if all(quiet):
        return True
    originator, wait = originator_of(view, hardif, mac), view.thresholds.originator_silence_s
    if not originator or view.now - mesh.originators_at > wait:
        return False
    heard = heard_as_originator(mesh, originator)
    return heard is None or heard >= wait


def reattach_wait(view: View, subject: str) -> float:
    """Seconds a dead link must answer before it carries traffic again; doubles with every relapse."""
    wait = view.thresholds.reattach_after_s
    return max(wait, min(view.longest_wait, wait * 2.0 ** min(view.relapses.get(subject, 0), MAX_DOUBLINGS)))
