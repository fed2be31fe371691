# SPDX-License-Identifier: Apache-2.0
"""Rules of the metrics. The parser is prometheus_client's own."""

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from agent import status
from agent.authz.authoriser import Authoriser
from agent.authz.subject import READER
from agent.events import Snapshot
from agent.hostreadings import Host
from agent.readings import Hardif, Link, Mesh, Neighbour, Service
from agent.telemetry import exposition, metrics

MAC = "02:78:30:02:00:01"


def inputs() -> metrics.Inputs:
    mesh = Mesh(
        name="bat0", index=3, mac="02:78:30:00:00:01", algo="BATMAN_V", ogm_interval_ms=300, hop_penalty=30,
        gw_mode="off", bla=False, bonding=False, hardifs=(Hardif("e2", 4, MAC, True),),
        neighbours=(Neighbour("e2", MAC, 0.25, 100_000),),
    )  # fmt: skip
    links = (Link("e2", 4, MAC, 1532, True, True, rx_bytes=7), Link("lo", 1, "", 65536, True, True))
    snapshot = Snapshot(
        at=1.0, wall=2.0, mesh=mesh, links=links, host=Host(load1=0.5, agent_rss=30_000_000, agent_cpu_s=1.5),
        services=(Service("mosquitto", "hung"),), errors={"radios": "none"},
    )  # fmt: skip
    loop = status.Loop(now=1.0, wall=2.0, node="n1", mode="heal", started=0.0, healthy_once=True)
    counters = metrics.Counters()
    counters.found("link-dead")
    counters.found("link-dead")
    counters.ended("link-dead", "detach-hardif", "contained")
    return metrics.Inputs(status.build(loop, snapshot), snapshot, counters, 0.1, {"loop": 0}, 1, 0)


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_values_arrive_in_base_units() -> None:
    samples = _samples(metrics.text(inputs()))
    neighbour = (("interface", "e2"), ("neighbour", MAC))
    assert samples[("x0_neighbour_throughput_bits_per_second", neighbour)] == 100e6
    assert samples[("x0_neighbour_last_seen_seconds", neighbour)] == 0.25
    assert samples[("x0_mesh_ogm_interval_seconds", ())] == 0.3
    assert samples[("x0_faults_found_total", (("fault", "link-dead"),))] == 2
    assert samples[("x0_state", (("state", "healthy"),))] == 1
    assert samples[("x0_service_running", (("service", "mosquitto"),))] == 0
    assert samples[("x0_link_receive_bytes_total", (("interface", "e2"),))] == 7


def test_interfaces_outside_the_mesh_are_left_out() -> None:
    assert 'interface="lo"' not in metrics.text(inputs())


def test_unread_values_are_left_out_not_zero() -> None:
    assert "x0_host_temperature_celsius" not in metrics.text(inputs())


def test_starting_agent_can_be_scraped() -> None:
    loop = status.Loop(now=1.0, wall=2.0, node="n1", mode="heal", started=0.0, healthy_once=False)
    text = metrics.text(metrics.Inputs(status.build(loop, None), None, metrics.Counters(), 0.0, {}, 0, 0))
    assert _samples(text)[("x0_state", (("state", "starting"),))] == 1


def test_names_follow_the_conventions() -> None:
    for family in text_string_to_metric_families(metrics.text(inputs())):
        assert family.name.startswith("x0_")
        assert family.documentation
        assert all(sample.name.endswith("_total") == (family.type == "counter") for sample in family.samples)


def test_labels_cannot_break_out_of_their_quotes() -> None:
    out = exposition.Metrics()
    out.gauge("x0_a", "A.", 1, label='a"b\\c\n{}')
    assert _samples(out.text()) == {("x0_a", (("label", 'a"b\\c {}'),)): 1.0}


def test_series_are_bounded() -> None:
    out = exposition.Metrics()
    out.add("x0_a", "gauge", "A.", {(("n", str(n)),): n for n in range(exposition.SERIES_MAX * 2)})
    assert len(_samples(out.text())) == exposition.SERIES_MAX


def test_counters_are_bounded() -> None:
    counters = metrics.Counters()
    for number in range(metrics.COUNTED_MAX * 2):
        counters.found(f"f{number}")
    assert len(counters.faults) == metrics.COUNTED_MAX


def test_decisions_of_the_authorisation_are_counted_by_rule_and_verdict() -> None:
    authoriser = Authoriser()
    authoriser.watch(authoriser.decide(READER, "page.read", "/"), lambda _now: None)
    authoriser.decide(READER, "page.act", "reboot")
    found = msgspec.structs.replace(
        inputs(), decisions=authoriser.tally.series(), watched=authoriser.open, cut=authoriser.cut
    )
    samples = _samples(metrics.text(found))
    allowed = (
        ("action", "page.read"),
        ("rule", "built-in/page-is-open"),
        ("subject", "reader"),
        ("verdict", "allow"),
    )
    refused = (("action", "page.act"), ("rule", "none"), ("subject", "reader"), ("verdict", "deny"))
    assert samples["x0_authz_decisions_total", allowed] == 1
    assert samples["x0_authz_decisions_total", refused] == 1
    assert (samples["x0_authz_open", ()], samples["x0_authz_cut_total", ()]) == (1, 0)
