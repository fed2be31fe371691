# SPDX-License-Identifier: Apache-2.0
"""What verify() says of a whole chain. The rules one by one: test_rules.py."""

import pytest

from agent.identity import bundle, svid
from agent.identity.grace import Standing
from agent.identity.keys import ML_DSA_65, ML_DSA_87
from agent.identity.limits import CERTIFICATE_BYTES, DAY, GRACE, SVID_LIFE, YEAR
from agent.identity.moment import Moment
from agent.identity.revoked import Entry, Kind, Revoked
from tests.unit.identity.forge import issuer, leaf, uri
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)


def broken(chain: list[bytes], moment: Moment = AT_NOW, **options: object) -> list[str]:
    with pytest.raises(svid.SvidError) as caught:
        svid.verify(chain, mesh().bundle, moment, **options)  # type: ignore[arg-type]
    return [each.rule for each in caught.value.broken]


@pytest.mark.parametrize("algorithm", [ML_DSA_65, ML_DSA_87])
def test_a_node_of_the_mesh_is_recognised_with_name_and_roles(algorithm: str) -> None:
    own = mesh(DOMAIN, algorithm)
    found = svid.verify(own.chain, own.bundle, Moment(NOW))
    assert (found.node, found.roles, found.standing) == ("hill-n1", ("router",), Standing.VALID)
    assert str(found.id) == "spiffe://valley.mesh/node/hill-n1"
    assert found.issuer_name == "hill"


def test_a_root_sent_along_is_passed_over_a_foreign_third_is_not() -> None:
    own, other = mesh(), mesh("other.mesh")
    assert svid.verify([*own.chain, own.root.certificate.der], own.bundle, Moment(NOW)).node == "hill-n1"
    assert broken([*own.chain, other.root.certificate.der]) == ["chain-length"]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 1000])
def test_a_chain_of_another_length_is_refused_unread(count: int) -> None:
    assert broken([b"garbage"] * count) == ["chain-length"]


def test_an_oversized_certificate_is_refused_unread() -> None:
    own = mesh()
    assert broken([b"\x30" * (CERTIFICATE_BYTES + 1), own.chain[1]]) == ["readable"]
    assert broken([own.chain[0], own.chain[1] + b"\0"]) == ["readable"]


def test_another_mesh_is_named_in_the_refusal() -> None:
    with pytest.raises(svid.SvidError, match=r"of other\.mesh, this mesh is valley\.mesh"):
        svid.verify(mesh("other.mesh").chain, mesh().bundle, Moment(NOW))


def test_what_a_stranger_wrote_cannot_act_on_a_terminal_or_fill_a_log() -> None:
    names = [uri("spiffe://\x1b[2J\n" + "x" * 5_000)]
    with pytest.raises(svid.SvidError) as caught:
        svid.verify([leaf(), issuer(names=names)], mesh().bundle, AT_NOW)
    assert caught.value.what.isprintable()
    assert len(str(caught.value)) < 2_000


def test_an_empty_bundle_trusts_nothing() -> None:
    with pytest.raises(svid.SvidError) as caught:
        svid.verify(mesh().chain, bundle.make(DOMAIN, 2, ()), Moment(NOW))
    assert [each.rule for each in caught.value.broken] == ["under-a-root"]


@pytest.mark.parametrize(("years", "rule"), [(10, "not-over"), (-10, "not-early")], ids=["ahead", "behind"])
def test_a_trusted_clock_ten_years_wrong_refuses_and_names_both_times(years: int, rule: str) -> None:
    moment = Moment(NOW + years * YEAR)
    assert rule in broken(mesh().chain, moment)
    with pytest.raises(svid.SvidError, match=r"2027-01-.*our clock says 20[13]7-01-"):
        svid.verify(mesh().chain, mesh().bundle, moment)


def test_an_untrusted_clock_ten_years_behind_defers_the_validity() -> None:
    found = svid.verify(mesh().chain, mesh().bundle, Moment(NOW - 10 * YEAR, trusted=False))
    assert found.standing is Standing.DEFERRED


def test_an_untrusted_time_past_the_end_refuses_as_it_is_a_lower_bound() -> None:
    assert broken(mesh().chain, Moment(NOW + SVID_LIFE + 1, trusted=False)) == ["not-over"]


def test_grace_keeps_an_svid_for_its_time_and_no_second_longer() -> None:
    last = mesh().svid.not_after + GRACE
    found = svid.verify(mesh().chain, mesh().bundle, Moment(last), grace=GRACE)
    assert found.standing is Standing.GRACE
    assert broken(mesh().chain, Moment(last + 1), grace=GRACE) == ["not-over"]
    assert broken(mesh().chain, Moment(mesh().svid.not_after + 1)) == ["not-over"]


def test_grace_is_never_for_the_revoked() -> None:
    entry = Entry(Kind.NODE, "hill-n1", int(NOW))
    revoked = Revoked({(entry.kind, entry.value): entry})
    moment = Moment(NOW + SVID_LIFE + DAY)
    assert svid.verify(mesh().chain, mesh().bundle, moment, grace=GRACE).standing is Standing.GRACE
    assert broken(mesh().chain, moment, grace=GRACE, revoked=revoked) == ["not-revoked"]
