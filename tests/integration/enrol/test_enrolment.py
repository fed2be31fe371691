# SPDX-License-Identifier: Apache-2.0
"""Enrolment as the agent starts it: from a configuration alone, on loopback."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.configfile import load_text
from agent.enrol import enrolment as module
from agent.enrol.enrolment import Enrolment
from agent.enrol.status import State
from agent.identity import bundle
from agent.identity.errors import IdentityError
from agent.identity.nodefiles import NodeFiles
from agent.linksec.errors import PeerRefusedError, TlsError
from tests.unit.enrol.test_standing import next_bundle, revoked
from tests.unit.enrol.world import a_token, folder_of
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

PATIENCE = 60.0
BUNDLE = bundle.dump(mesh().bundle).decode()


class Running:
    """An Enrolment in the test's loop, and what it told."""

    def __init__(self, path: Path, name: str, *, trusted: bool = True, **identity: object) -> None:
        whole = {
            "node": {"name": name, "state_dir": str(path)},
            "mesh": {"enabled": False, "name": "x0none"},
            "identity": {"mesh": DOMAIN, "bundle": BUNDLE, **identity},
        }
        self.path = path
        self.told: list[str] = []
        self.it = Enrolment(
            load_text(json.dumps(whole)),
            on_identity=lambda: self.told.append("identity"),
            on_trust=lambda: self.told.append("trust"),
            wall=lambda: (NOW, trusted),
            rng=random.Random(name),
        )

    async def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, self.it.status()
            await asyncio.sleep(0.02)

    async def enrolled(self) -> None:
        await self.until(lambda: self.it.status().state is State.ENROLLED)


@asynccontextmanager
async def started(*nodes: Running) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(node.it.run()) for node in nodes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def issuing(path: Path, where: str, *, trusted: bool = True, trust_clock: bool = False) -> Running:
    folder_of(path / "issuer", mesh().issuer)
    return Running(
        path,
        "hill",
        trusted=trusted,
        issuer=True,
        listen=where,
        issuer_port=free_port(),
        trust_clock=trust_clock,
    )


async def test_an_issuer_enrols_itself_and_a_node_at_its_configured_address(tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    hill = issuing(tmp_path / "hill", where)
    node = Running(tmp_path / "n", "Hill-N1", token=a_token(), issuers=[{"name": "hill", "address": where}])
    async with started(hill, node):
        await hill.enrolled()
        await node.enrolled()
        status = node.it.status()
        assert (status.node, status.issuer, status.roles) == (f"spiffe://{DOMAIN}/node/hill-n1", "hill", ())
        assert status.issuer_reachable
        assert status.problem is None
        assert "identity" in node.told
        await node.until(lambda: (node.path / "identity" / "bundle.json").exists())
        here = hill.it.status().here
        assert here is not None
        assert (here.name, here.enrols, here.enrolled) == ("hill", True, 1)
        own = NodeFiles(node.path / "identity").svid()
        assert own is not None
        assert hill.it.verify(own.chain).peer == status.node == node.it.contexts().spiffe_id
        assert node.it.issuers() == (mesh().issuer.certificate.der,)


async def test_lists_and_bundles_put_into_the_inbox_count_and_are_told_and_kept(tmp_path: Path) -> None:
    hill = issuing(tmp_path, f"127.0.0.1:{free_port()}")
    async with started(hill):
        await hill.enrolled()
        inbox = tmp_path / "identity" / "inbox"
        await hill.until(inbox.is_dir)
        hill.told.clear()
        update, new = next_bundle()
        (inbox / "bundle-2.cose").write_bytes(update)
        (inbox / "root-1.cose").write_bytes(revoked(1, "hill-x"))
        (inbox / "what.cose").write_bytes(b"a photograph")
        await hill.until(lambda: (inbox / "what.cose.refused").exists() and not list(inbox.glob("*.cose")))
        assert hill.it.trust().bundle == new
        assert hill.it.trust().revoked.node("hill-x")
        files = NodeFiles(tmp_path / "identity")
        await hill.until(lambda: files.revocations(new)[0].revoked.node("hill-x"))
        assert hill.told.count("trust") >= 2
        assert not hill.it.take(revoked(1, "hill-x"))
        with pytest.raises(IdentityError):
            hill.it.take(b"nothing")


async def test_a_bundle_that_is_missing_is_said_and_mended_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.05)
    path = tmp_path / "bundle.json"
    node = Running(tmp_path / "n", "hill-n1", bundle=str(path), token=a_token())
    async with started(node):
        await node.until(lambda: node.it.status().problem)
        status = node.it.status()
        assert status.state is State.UNUSABLE
        assert status.problem is not None
        assert str(path) in status.problem.what
        with pytest.raises(TlsError):
            node.it.contexts()
        with pytest.raises(PeerRefusedError):
            node.it.verify(())
        with pytest.raises(IdentityError):
            node.it.take(b"")
        assert (node.it.issuers(), node.it.grace(), node.it.enrolled) == ((), 0.0, False)
        path.write_text(BUNDLE)
        await node.until(lambda: node.it.status().state is State.BLANK)


@pytest.mark.parametrize("what", ["missing", "foreign", "open to others"])
async def test_an_issuers_folder_that_is_no_good_is_said(tmp_path: Path, what: str) -> None:
    from tests.unit.enrol.world import Foreign

    if what == "foreign":
        folder_of(tmp_path / "issuer", Foreign().issuer)
    elif what == "open to others":
        (folder_of(tmp_path / "issuer", mesh().issuer) / "issuer.pem").chmod(0o644)
    node = Running(tmp_path, "hill", issuer=True)
    words = {"missing": "cannot be read", "foreign": "under no root", "open to others": "mode 644"}
    async with started(node):
        await node.until(lambda: node.it.status().problem)
        problem = node.it.status().problem
        assert problem is not None
        assert words[what] in problem.what


async def test_without_a_mesh_nothing_is_done(tmp_path: Path) -> None:
    node = Enrolment(load_text(f"node: {{name: n, state_dir: {tmp_path}/n}}\nmesh: {{enabled: false}}\n"))
    task = asyncio.create_task(node.run())
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done
    assert node.status().state is State.OFF
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not (tmp_path / "n").exists()


async def test_a_clock_with_a_battery_is_trusted_where_the_configuration_says_so(tmp_path: Path) -> None:
    hill = issuing(tmp_path / "1", f"127.0.0.1:{free_port()}", trusted=False)
    other = issuing(tmp_path / "2", f"127.0.0.1:{free_port()}", trusted=False, trust_clock=True)
    async with started(hill, other):
        await other.enrolled()
        await hill.until(lambda: hill.it.status().problem)
        assert "clock is not set" in str(hill.it.status().problem)


async def test_another_name_in_the_configuration_is_told(tmp_path: Path) -> None:
    async with started(hill := issuing(tmp_path, f"127.0.0.1:{free_port()}")):
        await hill.enrolled()
    renamed = Running(tmp_path, "hill-top", token=a_token())
    async with started(renamed):
        await renamed.enrolled()
        assert any("hill-top" in each for each in renamed.it.status().troubles)


async def test_the_issuers_folder_brings_its_revocations(tmp_path: Path) -> None:
    hill = issuing(tmp_path, f"127.0.0.1:{free_port()}")
    (tmp_path / "issuer" / "revocations.cose").write_bytes(revoked(1, "hill-x"))
    async with started(hill):
        await hill.enrolled()
        assert hill.it.trust().revoked.node("hill-x")
        await hill.until(lambda: (tmp_path / "identity" / "revocations.cbor").exists())
