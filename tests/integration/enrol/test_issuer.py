# SPDX-License-Identifier: Apache-2.0
"""Enrolment and renewal over a real connection: what is given, and to whom nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from agent.enrol.asking import Applicant
from agent.enrol.errors import EnrolError
from agent.identity import keys, signerkey, svid
from agent.identity.certificate import key_id_of
from agent.identity.keys import ML_DSA_65, ML_DSA_87
from agent.identity.limits import DAY, SVID_LIFE, YEAR
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed
from agent.identity.revoked import Entry, Kind, Revoked
from tests.integration.enrol.serving import issuer
from tests.unit.enrol.world import AT_NOW, Foreign, a_token, blank, identity, of, trust
from tests.unit.identity.mesh import NOW, mesh


def leaping() -> Callable[[], float]:
    """A clock that gives every connection all of its rate back."""
    now = iter(range(0, 10**9, 1000))
    return lambda: float(next(now))


async def enrolled(served: object, who: Applicant) -> tuple[Applicant, Keyed]:
    """The node after enrolment, ready to renew: (who asks next, its identity)."""
    answer = await served.ask(who)  # type: ignore[attr-defined]
    own = Keyed(who.tls, answer.svid)
    after = msgspec.structs.replace(
        who, token="", own=own, tls=keys.generate(ML_DSA_65), signer=Keyed(who.signer.key, answer.signer)
    )
    return after, own


async def test_a_blank_node_with_a_token_is_given_both_certificates(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        who = blank(text=a_token(roles=("router",)))
        answer = await served.ask(who)
        own = svid.verify(answer.svid, mesh().bundle, AT_NOW)
        assert (own.node, own.roles, own.key_id) == (
            "hill-new",
            ("router",),
            key_id_of(who.tls.public_key()),
        )
        assert signerkey.verify(answer.signer, mesh().bundle, AT_NOW).node == "hill-new"
        assert served.service.tally.enrolled == 1


async def test_a_node_renews_with_a_new_tls_key_and_the_same_signing_key(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        after, _ = await enrolled(served, blank(text=a_token()))
        answer = await served.ask(after)
        assert svid.verify(answer.svid, mesh().bundle, AT_NOW).key_id == key_id_of(after.tls.public_key())
        assert served.service.tally.renewed == 1


async def test_a_node_whose_svid_is_over_renews_and_one_that_is_revoked_does_not(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        after, _ = await enrolled(served, blank(text=a_token()))
        late = Moment(NOW + SVID_LIFE + 30 * DAY)
        at_late = identity("hill", ("issuer",), at=late.at)
        served.trust = trust(late)
        entry = Entry(Kind.NODE, "hill-new", int(NOW))
        async with issuer(tmp_path / "late", own=at_late, clock=leaping()) as later:
            later.trust = trust(late)
            answer = await later.ask(after, trust(late))
            assert svid.verify(answer.svid, mesh().bundle, late).node == "hill-new"
            later.trust = trust(late, revoked=Revoked({(entry.kind, entry.value): entry}, {}))
            with pytest.raises(EnrolError) as caught:
                await later.ask(after, trust(late))
            assert caught.value.reason == "closed"
            assert later.service.tally.renewed == 1


async def test_a_stand_in_renews_and_enrols_nobody(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        after, _ = await enrolled(served, blank(text=a_token()))
    own = identity("hill-lake", ("issuer",))
    async with issuer(tmp_path / "lake", own=own, stand_in=True, clock=leaping()) as lake:
        assert (await lake.ask(after)).svid
        with pytest.raises(EnrolError, match="stands in") as caught:
            await lake.ask(blank("hill-other", a_token()))
        assert caught.value.reason == "stand-in"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lambda: a_token(at=NOW - 30 * DAY), "expired"),
        (lambda: a_token(key=bytes(32)), "forged"),
        (lambda: a_token(domain="other.mesh"), "mesh"),
        (lambda: a_token(name="hill-farm-*"), "name"),
        (lambda: a_token(serial="A1"), "serial"),
        (lambda: "x0join.AAAA", "form"),
    ],
)
async def test_a_token_that_is_no_good_is_refused_in_the_issuers_words(
    tmp_path: Path, text: Callable[[], str], reason: str
) -> None:
    async with issuer(tmp_path) as served:
        with pytest.raises(EnrolError, match="issuer hill refuses") as caught:
            await served.ask(blank(text=text()))
        assert caught.value.reason == reason
        assert served.service.tally.refused == {reason: 1}
        assert not served.service.desk.register.nodes()


async def test_a_token_for_one_node_enrols_no_second_one_and_the_same_one_again(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        text = a_token()
        who = blank(text=text)
        await served.ask(who)
        await served.ask(who)
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank("hill-second", text))
        assert caught.value.reason == "used-up"
        assert [node.name for node in served.service.desk.register.nodes()] == ["hill-new"]


async def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        await served.ask(blank(text=a_token()))
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank(text=a_token()))
        assert caught.value.reason == "name-taken"


async def test_who_asks_without_token_and_without_certificate_is_refused(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank())
        assert caught.value.reason == "certificate"


async def test_an_issuer_without_a_clock_signs_nothing(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        served.trust = trust(Moment(NOW, trusted=False))
        with pytest.raises(EnrolError, match="clock is not set"):
            await served.ask(blank(text=a_token()))


async def test_a_blank_node_without_a_clock_enrols(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        known = trust(Moment(NOW - 20 * DAY, trusted=False))
        answer = await served.ask(blank(text=a_token()), known)
        assert svid.verify(answer.svid, mesh().bundle, AT_NOW).node == "hill-new"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (lambda: identity("hill-lake"), "does not have the role issuer"),
        (lambda: Foreign().identity(), "no root we know"),
    ],
)
async def test_a_token_is_shown_to_nobody_but_the_issuer_of_the_bundle(
    tmp_path: Path, own: Callable[[], Keyed], words: str
) -> None:
    async with issuer(tmp_path, own=own()) as served:
        with pytest.raises(EnrolError, match=words) as caught:
            await served.ask(blank(text=a_token()))
        assert caught.value.reason == "issuer"
        assert served.service.tally == type(served.service.tally)()


async def test_a_token_is_not_shown_to_another_issuer_of_the_same_mesh(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        who = msgspec.structs.replace(blank("lake-new", a_token()), issuer="lake")
        with pytest.raises(EnrolError, match="of issuer hill, the token of lake") as caught:
            await served.ask(who)
        assert caught.value.reason == "issuer"


async def test_a_blank_node_of_another_mesh_says_so_and_shows_no_token(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        with pytest.raises(EnrolError, match="no root we know"):
            await served.ask(blank(text=a_token()), trust(known=Foreign().bundle))
        assert served.service.tally == type(served.service.tally)()


@pytest.mark.parametrize("years", [10, -10])
async def test_a_node_whose_clock_is_ten_years_off_says_that_it_is_the_clock(
    tmp_path: Path, years: int
) -> None:
    async with issuer(tmp_path) as served:
        known = trust(Moment(NOW + years * YEAR))
        with pytest.raises(EnrolError, match="by our clock") as caught:
            await served.ask(blank(text=a_token()), known)
        assert caught.value.reason == "clock"
        assert served.service.tally == type(served.service.tally)()


@pytest.mark.parametrize(("days", "reason"), [(3650, "expired"), (-3650, "answer"), (3, "answer")])
async def test_what_an_issuer_with_a_wrong_clock_gives_is_not_used(
    tmp_path: Path, days: int, reason: str
) -> None:
    async with issuer(tmp_path) as served:
        served.trust = trust(Moment(NOW + days * DAY))
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank(text=a_token()))
        assert caught.value.reason == reason


async def test_the_cnsa_set_enrols_and_renews_within_the_same_bounds(tmp_path: Path) -> None:
    known = trust(known=of(ML_DSA_87).bundle)
    async with issuer(tmp_path, algorithm=ML_DSA_87, clock=leaping()) as served:
        served.trust = known
        who = blank(text=a_token(), algorithm=ML_DSA_87)
        answer = await served.ask(who, known)
        after = msgspec.structs.replace(
            who,
            token="",
            own=Keyed(who.tls, answer.svid),
            tls=keys.generate(ML_DSA_87),
            signer=Keyed(who.signer.key, answer.signer),
        )
        assert svid.verify((await served.ask(after, known)).svid, known.bundle, AT_NOW).node == "hill-new"


async def test_a_node_of_another_set_is_refused_by_the_handshake(tmp_path: Path) -> None:
    async with issuer(tmp_path, algorithm=ML_DSA_87) as served:
        served.trust = trust(known=of(ML_DSA_87).bundle)
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank(text=a_token()))
        assert caught.value.reason == "closed"
