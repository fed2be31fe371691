# SPDX-License-Identifier: Apache-2.0
"""Two agents as processes, each with a YAML: one issues, the other comes to its certificates at it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from agent.identity import bundle, issuing, keys, svid, token
from agent.identity.issuing import Signer
from agent.identity.keys import ML_DSA_65
from agent.identity.moment import Moment
from agent.identity.nodefiles import NodeFiles
from tests.integration.running import Agent
from tests.unit.enrol.world import TOKEN_KEY, folder_of
from tests.unit.identity.mesh import DOMAIN

PATIENCE = 90.0


def test_an_agent_enrols_at_another_and_says_nothing_is_wrong(tmp_path: Path) -> None:
    now = time.time()
    root_key, issuer_key = keys.generate(ML_DSA_65), keys.generate(ML_DSA_65)
    root = Signer(issuing.root(root_key, DOMAIN, now), root_key)
    hill = Signer(issuing.issuer(root, issuer_key.public_key(), DOMAIN, "t1", now), issuer_key)
    trusted = bundle.make(DOMAIN, 1, (root.certificate,))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    common = {"mesh": DOMAIN, "bundle": bundle.dump(trusted).decode()}
    text, _ = token.make(TOKEN_KEY, DOMAIN, "t1", now)
    issues = {**common, "issuer": True, "trust_clock": True, "listen": where}
    asks = {**common, "token": text, "issuers": [{"name": "t1", "address": where}]}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    folder_of(tmp_path / "a" / "state" / "issuer", hill)
    issuer = Agent(tmp_path / "a", more=f"identity: {json.dumps(issues)}\n")
    node = Agent(tmp_path / "b", more=f"identity: {json.dumps(asks)}\n".replace("t1-n", "t1"))
    node.config.write_text(node.config.read_text().replace("name: t1,", "name: t1-b,"))
    try:
        files, end = NodeFiles(tmp_path / "b" / "state" / "identity"), time.monotonic() + PATIENCE
        while (found := files.svid()) is None or not found.chain:
            assert time.monotonic() < end, node.log_file.read_text()
            time.sleep(0.1)
        assert svid.verify(found.chain, trusted, Moment(time.time())).node == "t1-b"
    finally:
        for agent in (issuer, node):
            agent.process.terminate()
            agent.process.wait(PATIENCE)
    assert not [line for each in (issuer, node) for line in each.lines() if line["level"] == "error"]
