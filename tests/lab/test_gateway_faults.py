# SPDX-License-Identifier: Apache-2.0
"""Gateways: without Internet, silent, loaded; and a mesh that splits. Told by `batctl`, not by agents alone.

n1 (20 Mbit/s) and n4 (10 Mbit/s) of the ring are gateways, each with an Internet of its own.
"""

from __future__ import annotations

import logging
import time

import pytest

from tests.lab.test_healing import actions, diagnosed, left_alone, wait_whole
from tests.lab.waits import until
from tools.lab import internet, story
from tools.lab.client import Lab

log = logging.getLogger("x0.test")

GATEWAYS = {"n1": "20.0", "n4": "10.0"}
FAR = "n3"  # two hops from n1: no link of its own tells that n1 is dead
FOUND_S = 45.0  # the next question is asked within 10 s, unanswered for 15 s; slow processors
STALE_S = 40.0  # the table is dumped every 10 s, silent for 8 s
BACK_S = 90.0  # 30 s of answers, asked for every 5 s
SEEN_S = 20.0  # by the clients' kernels
STEP_S = 130.0  # a minute and its jitter between two steps, and the load's time constant
KNOWN_S = 60.0  # before that a node is no established part of the mesh


def gateways(lab: Lab, node: str) -> dict[str, tuple[str, bool]]:
    """Gateways a node's kernel knows: name > (announced download in Mbit/s, is it selected)."""
    names = {lab.routes.identity(name): name for name in GATEWAYS}
    rows = lab.json(node, "batctl", "meshif", "bat0", "gateways_json")
    return {
        names[row["orig_address"]]: (f"{row['bandwidth_down'] / 10:.1f}", bool(row.get("best")))
        for row in rows
        if row["orig_address"] in names
    }


def announced(lab: Lab, node: str) -> dict[str, str]:
    return {name: kbit for name, (kbit, _) in gateways(lab, node).items()}


def selected(lab: Lab, node: str) -> str:
    """The node's gateway by its kernel, "" where none."""
    return next((name for name, (_, best) in gateways(lab, node).items() if best), "")


def choose(lab: Lab, node: str, gateway: str) -> None:
    """Let the node's kernel choose until it has this one: the other one says for a moment that it is slow."""
    other = next(name for name in GATEWAYS if name != gateway)
    down = int(float(GATEWAYS[other]))
    if selected(lab, node) != gateway:
        lab.exec(other, "batctl", "meshif", "bat0", "gw_mode", "server", "1mbit/2mbit")
        until(lambda: announced(lab, node).get(other) == "1.0", f"{other} says it is slow", SEEN_S)
        lab.exec(node, "batctl", "meshif", "bat0", "gw_mode", "off")
        lab.exec(node, "batctl", "meshif", "bat0", "gw_mode", "client", "1000")
        until(lambda: selected(lab, node) == gateway, f"{node} has chosen {gateway}", SEEN_S)
        lab.exec(other, "batctl", "meshif", "bat0", "gw_mode", "server", f"{down}mbit/2mbit")
    until(lambda: announced(lab, node) == GATEWAYS, "both are announced as configured", BACK_S)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "said"),
    [("gw-no-internet", "does not reach the Internet"), ("gw-no-names", "does not get names resolved")],
    ids=["ping", "names"],
)
def test_a_gateway_without_internet_withdraws_and_returns(lab_gateways: Lab, fault: str, said: str) -> None:
    lab = lab_gateways
    wait_whole(lab)
    until(lambda: announced(lab, FAR) == GATEWAYS, "both are announced", SEEN_S)
    made = lab.inject(fault, "n1")
    found = story.wait_for(lab, diagnosed("gw-no-internet"), made.at, FOUND_S, ("n1",))
    log.info("%s found after %.1f s: %s", fault, found.at - made.at, found.message)
    assert found.fields["subject"] == "gateway/self"
    assert said in found.message
    act = story.wait_for(lab, lambda e: e.event == "action", made.at, FOUND_S, ("n1",))
    assert act.message.startswith("begins: withdraw-gateway on gateway/self")
    until(lambda: "n1" not in announced(lab, FAR), "n1 is no gateway for n3 any more", SEEN_S)
    until(lambda: selected(lab, FAR) == "n4", "n3 uses the other one", SEEN_S)
    log.info("the clients use the other gateway %.1f s after the fault", time.time() - made.at)

    cleared = time.time()
    lab.clear()
    done = _returned(lab, cleared)
    log.info("announced again %.1f s after the Internet came back", done - cleared)
    assert done - cleared >= 25.0, "held down for half a minute of answers"
    until(lambda: announced(lab, FAR) == GATEWAYS, "announced as before", SEEN_S)
    left_alone(lab, done)
    assert {e.node for e in actions(lab, made.at)} == {"n1"}, "nobody else acts"


def _returned(lab: Lab, since: float) -> float:
    return story.wait_for(
        lab,
        lambda e: e.event == "outcome" and e.fields["result"] == "healed",
        since,
        BACK_S,
        ("n1",),
    ).at


@pytest.mark.long
def test_a_client_lets_go_of_a_dead_gateway_and_takes_the_better_living_one(lab_gateways: Lab) -> None:
    lab = lab_gateways
    wait_whole(lab)
    choose(lab, "n2", "n4")  # the slower one, so that the kernel takes the better one when asked anew
    made = lab.inject("gw-stale", "n4")
    found = story.wait_for(lab, diagnosed("gw-stale"), made.at, STALE_S, ("n2",))
    log.info("found after %.1f s: %s", found.at - made.at, found.message)
    story.wait_for(
        lab,
        lambda e: e.event == "action" and e.message.startswith("begins: leave-gateway"),
        made.at,
        STALE_S,
        ("n2",),
    )
    until(lambda: selected(lab, "n2") == "n1", "n2 uses the living gateway", SEEN_S)
    log.info("the living gateway is used %.1f s after the death", time.time() - made.at)
    assert "n4" in announced(lab, "n2"), "its kernel still keeps the dead one"
    lab.clear()
    wait_whole(lab)


@pytest.mark.long
def test_a_client_whose_best_gateway_is_dead_asks_all_until_it_lives_again(lab_gateways: Lab) -> None:
    """The kernel would take the dead one again, so the node is nobody's client: DHCP requests reach all."""
    lab = lab_gateways
    wait_whole(lab)
    choose(lab, FAR, "n1")
    made = lab.inject("gw-stale", "n1")
    found = story.wait_for(lab, diagnosed("gw-stale"), made.at, STALE_S, (FAR,))
    log.info("found after %.1f s: %s", found.at - made.at, found.message)
    until(
        lambda: lab.exec(FAR, "batctl", "meshif", "bat0", "gw_mode").stdout.startswith("off"),
        "n3 is nobody's client",
        SEEN_S,
    )
    assert selected(lab, FAR) == ""
    cleared = time.time()
    lab.clear()
    until(lambda: selected(lab, FAR) == "n1", "n3 is the gateway's client again", BACK_S)
    log.info("its client again %.1f s after it came back", time.time() - cleared)
    wait_whole(lab)


@pytest.mark.long
def test_a_loaded_gateway_announces_less_step_by_step_and_the_agent_s_end_undoes_it(
    lab_gateways: Lab,
) -> None:
    lab = lab_gateways
    wait_whole(lab)
    until(lambda: announced(lab, FAR) == GATEWAYS, "both are announced as configured", BACK_S)
    begun = time.time()
    internet.download(lab, "n4", 9_500, 2 * STEP_S)
    seen: list[str] = []

    def fallen() -> bool:
        now = announced(lab, FAR)["n4"]
        if not seen or seen[-1] != now:
            seen.append(now)
            log.info("%.0f s: n4 announces %s Mbit/s", time.time() - begun, now)
        return len(seen) >= 3

    until(fallen, "two steps down", STEP_S)
    assert seen[:3] == ["10.0", "8.0", "6.0"]
    assert announced(lab, FAR)["n1"] == "20.0"
    lab.agent("n4", "SIGKILL")
    lab.agent("n4", "stop")
    until(lambda: announced(lab, FAR)["n4"] == "10.0", "as without an agent", SEEN_S)
    lab.agent("n4", "start")
    wait_whole(lab)


@pytest.mark.long
def test_a_split_mesh_is_said_by_name_nothing_is_done_and_it_joins_by_itself(lab_gateways: Lab) -> None:
    lab = lab_gateways
    wait_whole(lab)
    time.sleep(KNOWN_S)
    made = lab.inject("partition", "n3", "n5")
    found = story.wait_for(lab, diagnosed("partition"), made.at, STALE_S, ("n1",))
    log.info("found after %.1f s: %s", found.at - made.at, found.message)
    for number in (3, 4, 5):
        assert lab.routes.identity(f"n{number}") in found.message
    decided = story.wait_for(
        lab,
        lambda e: e.event == "decision" and "split" in e.message,
        made.at,
        STALE_S,
        ("n1",),
    )
    assert decided.fields["verdict"] == "nothing"
    cleared = time.time()
    lab.clear()
    gone = story.wait_for(
        lab,
        lambda e: e.event == "outcome" and e.fields["fault"] == "partition",
        cleared,
        BACK_S,
        ("n1",),
    )
    assert gone.fields["result"] == "gone"
    log.info("joined and said %.1f s after the cut was mended", gone.at - cleared)
    wait_whole(lab)
