# SPDX-License-Identifier: Apache-2.0
"""What strangers may cost a running agent."""

from __future__ import annotations

from tests.integration.running import Agent

GROWTH_KB = 3000  # what strangers may make the agent grow
LOG_MAX = 60  # lines of a run of some seconds, whatever strangers send


def settle(agent: Agent) -> int:
    """PSS after the caches of a first round of everything are filled."""
    for path in ("/", "/metrics", "/api/v1/status", "/healthz"):
        agent.get(path)
    return agent.pss_kb()


def unharmed(agent: Agent, before_kb: int, health: tuple[int, ...] = (200,)) -> None:
    """`health`: what /healthz may answer; 503 too where there is no mesh to be healthy in."""
    assert agent.pss_kb() - before_kb < GROWTH_KB
    assert agent.get("/healthz")[0] in health
    assert len(agent.lines()) < LOG_MAX
    assert agent.acted() == []
