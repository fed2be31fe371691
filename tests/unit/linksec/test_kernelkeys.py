# SPDX-License-Identifier: Apache-2.0
"""Removals are owed until they are done; a neighbour that offers keys without end waits for itself alone."""

from __future__ import annotations

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci
from agent.kernel.secret import Secret
from agent.linksec import kernelkeys
from agent.linksec.kernelkeys import KernelKeys
from agent.linksec.keyactions import Sak
from agent.linksec.report import Counters
from agent.linksec.worker import Done, Job
from tests.unit.linksec.pretend import PretendMacsec

ANNA, BERTA = Sci("02:00:00:00:01:02"), Sci("02:00:00:00:01:03")


def sak(an: int, name: str) -> Sak:
    return Sak(an, name.encode() * 16, Secret(name.encode() * 32))


class Bench:
    """Jobs wait until `run`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.kernel = PretendMacsec(Sci("02:00:00:00:00:01"))
        self.jobs: list[tuple[Job, Done]] = []
        self.counters = Counters()
        self.told: list[KernelError | None] = []
        self.keys = KernelKeys(
            "e1", installer=self.kernel, submit=self.submit, counters=self.counters, clock=lambda: self.now
        )

    def submit(self, job: Job, done: Done) -> None:
        self.jobs.append((job, done))

    def run(self, error: KernelError | None = None) -> None:
        """Do what waits, until nothing does; `error`: the worker could not."""
        while self.jobs:
            job, done = self.jobs.pop(0)
            if error is None:
                job()
            done(error)

    def install(self, sci: Sci, one: Sak) -> None:
        self.keys.install(sci, one, 1, self.told.append)


def test_a_neighbour_has_one_job_under_way_and_a_newer_key_takes_the_place_of_one_that_waits() -> None:
    bench = Bench()
    for name in "abcdefgh":
        bench.install(ANNA, sak(0, name))
    bench.install(BERTA, sak(0, "z"))
    assert len(bench.jobs) == 2
    bench.run()
    assert bench.kernel.calls.count("install") == 3, "the first, the last, and the other neighbour's"
    assert bench.kernel.receive[ANNA][0].key_id == b"h" * 16
    assert bench.told == [None, None, None]


def test_a_removal_is_tried_until_it_is_done_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.install(ANNA, sak(0, "a"))
    bench.run()
    bench.kernel.refuse = "forget_all"
    bench.keys.clear(ANNA)
    for _ in range(5):
        bench.run()
        assert bench.keys.leaving() == [ANNA]
        bench.now += kernelkeys.RETRY
        bench.keys.tick()
    assert len(caplog.records) == 1
    bench.kernel.refuse = ""
    bench.run()
    assert ANNA not in bench.kernel.receive
    assert bench.keys.leaving() == []
    assert bench.counters.failures == {"kernel": 5}


def test_a_removal_that_found_no_place_in_the_queue_is_tried_again() -> None:
    bench = Bench()
    bench.install(ANNA, sak(0, "a"))
    bench.run()
    bench.keys.clear(ANNA)
    bench.run(KernelError("1024 changes wait"))
    assert ANNA in bench.kernel.receive
    bench.now = kernelkeys.RETRY
    bench.keys.tick()
    bench.run()
    assert ANNA not in bench.kernel.receive


def test_nothing_is_put_into_a_channel_whose_removal_failed() -> None:
    bench = Bench()
    bench.install(ANNA, sak(0, "a"))
    bench.run()
    bench.kernel.refuse = "forget_all"
    bench.keys.clear(ANNA)
    bench.install(ANNA, sak(1, "b"))
    bench.run()
    assert 1 not in bench.kernel.receive[ANNA]
    assert isinstance(bench.told[-1], KernelError)
    bench.kernel.refuse = ""
    bench.install(ANNA, sak(1, "c"))
    bench.run()
    assert {an: one.key_id for an, one in bench.kernel.receive[ANNA].items()} == {1: b"c" * 16}


def test_what_waits_for_a_channel_is_void_when_the_channel_goes() -> None:
    bench = Bench()
    bench.install(ANNA, sak(0, "a"))
    bench.install(ANNA, sak(0, "b"))
    bench.keys.clear(ANNA)
    bench.run()
    assert ANNA not in bench.kernel.receive


def test_a_removal_that_failed_is_not_repeated_upon_the_key_that_took_its_place() -> None:
    bench = Bench()
    bench.install(ANNA, sak(0, "a"))
    bench.run()
    bench.kernel.refuse = "forget"
    bench.keys.forget(ANNA, 0)
    bench.run()
    bench.install(ANNA, sak(0, "b"))
    bench.kernel.refuse = ""
    bench.run()
    bench.now = kernelkeys.RETRY
    bench.keys.tick()
    bench.run()
    assert bench.kernel.receive[ANNA][0].key_id == b"b" * 16


def test_an_old_key_of_ours_that_stays_is_removed_later_and_never_the_one_in_use() -> None:
    bench = Bench()
    for an, name in ((0, "a"), (1, "b")):
        bench.keys.change_over(sak(an, name), bench.told.append)
    bench.run()
    bench.kernel.refuse = "remove"
    bench.keys.remove(0)
    bench.run()
    assert set(bench.kernel.transmit) == {0, 1}
    bench.keys.change_over(sak(0, "c"), bench.told.append)
    bench.kernel.refuse = ""
    bench.run()
    bench.now = kernelkeys.RETRY
    bench.keys.tick()
    bench.run()
    assert bench.kernel.transmit[0].key_id == b"c" * 16


def test_channels_that_are_nobodys_are_swept_and_those_under_way_are_not() -> None:
    bench = Bench()
    for sci in (ANNA, BERTA):
        bench.kernel.install(sci, sak(0, "a"), 1)
    newcomer = Sci("02:00:00:00:01:04")
    bench.install(newcomer, sak(0, "n"))
    found = bench.kernel.state()
    bench.keys.sweep(found, {ANNA})
    bench.run()
    assert set(bench.kernel.receive) == {ANNA, newcomer}
