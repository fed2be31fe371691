# SPDX-License-Identifier: Apache-2.0
"""Status documents as a node on a mast would have them, built by the agent's own code from readings."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from agent import faults, status
from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Snapshot, Verdict
from agent.hostreadings import Host
from agent.mapek.awaited import Awaited
from agent.readings import Gateway, Hardif, Mesh, Neighbour, Originator, Peer, Radio, Service, Station

NAMES = ("mill", "church", "school-roof", "barn", "water-tower", "bakery")
NOW = 100_000.0


def mac(number: int, interface: int = 0) -> str:
    """Of node `number`'s interface; 0 is its primary."""
    return f"02:78:30:{interface:02x}:{number >> 8:02x}:{number & 255:02x}"


def _wire(number: int) -> str:
    return "wlan0" if number <= 3 else f"eth{number - 3}"


def mesh(neighbours: int = 6, further: int = 9) -> Mesh:
    """This node's tables with so many neighbours, and nodes behind them."""
    near = range(1, neighbours + 1)
    ways = [Originator(mac(n), mac(n, 1), _wire(n), 0.2, 90_000 - 9000 * n, True) for n in near]
    ways += [
        Originator(mac(n), mac(1 + n % neighbours, 1), _wire(1 + n % neighbours), 0.4, 20_000, True)
        for n in range(neighbours + 1, neighbours + further + 1)
    ]
    return Mesh(
        name="bat0",
        index=5,
        mac=mac(0),
        algo="BATMAN_V",
        ogm_interval_ms=500,
        hop_penalty=30,
        gw_mode="client",
        bla=False,
        bonding=False,
        hardifs=tuple(
            Hardif(name, i, mac(0, i), True) for i, name in enumerate(("wlan0", "eth1", "eth2", "eth3"), 1)
        ),
        neighbours=tuple(Neighbour(_wire(n), mac(n, 1), 0.1 * n, 90_000 - 9000 * n) for n in near),
        neighbours_at=NOW - 0.2,
        originators=tuple(ways),
        originators_at=NOW - 0.2,
        gateways=(Gateway(mac(neighbours + 2), mac(3, 1), 50_000, 10_000, True),),
    )


def snapshot(neighbours: int = 6, further: int = 9) -> Snapshot:
    """A healthy moment."""
    near = range(1, neighbours + 1)
    return Snapshot(
        at=NOW - 0.3,
        wall=time.time(),
        mesh=mesh(neighbours, further),
        peers=tuple(
            Peer(NAMES[n - 1] if n <= 6 else f"n{n}", mac(n), _wire(n), mac(n, 1), "fe80::1", 0.3, n != 5)
            for n in near
            if n != 6
        ),
        names={mac(n): f"house-{n}" for n in range(neighbours + 1, neighbours + further + 1) if n % 5},
        radios=(
            Radio(
                "wlan0",
                7,
                mac(0, 1),
                "mesh",
                5180,
                "x0",
                tuple(Station(mac(n, 1), 0.05, signal_dbm=-51 - 13 * n) for n in near if n <= 3),
            ),
        ),
        host=Host(
            mem_total=512_000_000,
            mem_available=301_000_000,
            disk_total=7_800_000_000,
            disk_free=4_100_000_000,
            temperature_c=47.2,
            clock_synchronised=True,
            uptime_s=934_000.0,
        ),
        services=(Service("mosquitto", "running", 812), Service("dnsmasq", "running", 644)),
    )


def loop(**changes: Any) -> status.Loop:
    """The loop of a node that is well."""
    calm = status.Loop(
        now=NOW,
        wall=time.time(),
        node="mast-3",
        mode="heal",
        started=NOW - 86_000,
        healthy_once=True,
        state_since=NOW - 4000,
        location="Mill hill, pole by the pond",
    )
    return msgspec.structs.replace(calm, **changes)


def episode(
    number: int, fault: str, subject: str, sentence: str, evidence: dict[str, str], **more: Any
) -> status.Episode:
    """A fault with the words its own file has."""
    known = {each.id: each for each in faults.discover()}[fault]
    onset = NOW - 40 * number
    diagnosis = Diagnosis(f"d{number}", fault, subject, onset, onset + 0.4, evidence, (), sentence)
    return status.Episode(diagnosis, title=known.title, by_hand=known.by_hand, **more)


def contained(number: int = 1) -> status.Episode:
    """A dead link that traffic goes around."""
    subject = f"hardif/eth1/{mac(4, 1)}"
    evidence = {
        "elp": "no ELP for 0.52 s (3.5 intervals of 150 ms)",
        "echo": "no echo answered for 0.31 s (9 requests)",
        "neighbour": "barn, last hello 1.2 s ago",
    }
    sentence = (
        "The link eth1 to barn is dead: no ELP for 0.52 s (3.5 intervals of 150 ms), "
        "no echo answered for 0.31 s (9 requests)."
    )
    remedy = Remedy("detach-hardif", subject, {})
    decision = Decision(
        f"d{number}", Verdict.ACT, remedy, f"{sentence} Take the interface out of the mesh.", NOW - 39
    )
    words = f"link-dead on {subject} contained: traffic no longer depends on it"
    outcome = Outcome(
        f"d{number}", "link-dead", subject, remedy.action, Result.CONTAINED, words, NOW - 38, 0.91
    )
    return episode(
        number,
        "link-dead",
        subject,
        sentence,
        evidence,
        decision=decision,
        outcome=outcome,
        phase="contained",
        held=("detach-hardif",),
    )


def shown_again(number: int = 1) -> status.Episode:
    """The same link, to which its neighbour's traffic has come back although it is still dead."""
    before = contained(number)
    remedy = Remedy("hasten-ogms", "mesh/bat0", {})
    said = f"{before.diagnosis.sentence} will hasten the mesh later: it came back"
    decision = Decision(f"d{number}", Verdict.WAIT, remedy, said, NOW - 3, "cooling", NOW + 20)
    return msgspec.structs.replace(before, decision=decision, phase="deciding", next_try=NOW + 20)


def partition(number: int = 5) -> status.Episode:
    """A part of the mesh that fell silent: two nodes whose names were told, and one that told none."""
    lost = ", ".join(mac(n) for n in (7, 8, 10))
    seen = {
        "unreachable": lost,
        "nodes": "3 nodes fell silent within 8 s, 12 s ago",
        "reached": "6 other known nodes are heard",
    }
    sentence = f"The mesh has split: {lost} cannot be reached from here; {seen['nodes']}, {seen['reached']}."
    said = f"{sentence} Nothing the agent can do mends it; a person must look."
    decision = Decision(f"d{number}", Verdict.NOTHING, None, said, NOW - 3, "no-rung")
    return episode(
        number,
        "partition",
        "mesh/bat0",
        sentence,
        seen,
        decision=decision,
        phase="deciding",
        needs_person=True,
    )


def hot(number: int = 4) -> status.Episode:
    """A machine that looks half as often until it is cooler."""
    sentence = "The node is too hot: 91 C, the limit is 85 C."
    remedy = Remedy("rest", "host/heat", {})
    decision = Decision(f"d{number}", Verdict.ACT, remedy, f"{sentence} Rest.", NOW - 9)
    words = "thermal on host/heat contained: it is held in check (rest)"
    outcome = Outcome(f"d{number}", "thermal", "host/heat", "rest", Result.CONTAINED, words, NOW - 8, 9.0)
    seen = {"temperature": "91 C, the limit is 85 C"}
    return episode(
        number, "thermal", "host/heat", sentence, seen,
        decision=decision, outcome=outcome, phase="contained", held=("rest",),
    )  # fmt: skip


def unhealed(number: int = 2) -> status.Episode:
    """A service that two restarts did not mend."""
    sentence = "The service mosquitto runs (pid 812) but has not answered for 12.4 s: no CONNACK."
    decision = Decision(
        f"d{number}", Verdict.NOTHING, None, f"{sentence} Every rung was tried once.", NOW - 3, "exhausted"
    )
    outcome = Outcome(
        f"d{number}",
        "service-dead",
        "service/mosquitto",
        "restart-service",
        Result.FAILED,
        "service-dead on service/mosquitto failed: not verified within 10 s",
        NOW - 5,
        31.0,
    )
    return episode(
        number,
        "service-dead",
        "service/mosquitto",
        sentence,
        {"state": "runs (pid 812) but has not answered"},
        decision=decision,
        outcome=outcome,
        phase="deciding",
        needs_person=True,
    )


def waiting(number: int = 3) -> status.Episode:
    """A second try that waits for its time."""
    sentence = "The mesh has lost an interface it should use: eth2 exists and is up with carrier."
    decision = Decision(
        f"d{number}", Verdict.WAIT, None, f"{sentence} The next try is due.", NOW - 2, "refused", NOW + 8
    )
    return episode(
        number,
        "hardif-missing",
        "hardif/eth2",
        sentence,
        {"interface": "eth2 exists and is up"},
        decision=decision,
        phase="deciding",
        next_try=NOW + 8,
    )


def ended(count: int) -> tuple[status.Episode, ...]:
    """Faults of before."""
    return tuple(
        msgspec.structs.replace(contained(100 + n), open=False, phase="closed", held=()) for n in range(count)
    )


def healthy(**changes: Any) -> dict[str, Any]:
    """Six neighbours, nothing wrong."""
    return status.build(loop(**changes), snapshot())


def starting(reason: Awaited) -> dict[str, Any]:
    """A node that was never healthy, and why."""
    return status.build(loop(healthy_once=False, awaited=msgspec.to_builtins(reason)), snapshot())


def broken() -> dict[str, Any]:
    """One fault for a person, one bypassed, one waiting, some of before."""
    return status.build(loop(episodes=(*ended(4), waiting(), contained(), unhealed())), snapshot())


def crowd(neighbours: int = 100) -> dict[str, Any]:
    """A festival: many neighbours at once."""
    return status.build(loop(), snapshot(neighbours, 30))
