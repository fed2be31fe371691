# SPDX-License-Identifier: Apache-2.0
"""Enrolment of the running node: loaded (it brings the crypto libraries) only where a mesh is configured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config import Config
    from agent.enrol.enrolment import Enrolment
    from agent.enrol.spreading import Neighbour
    from agent.enrol.status import Status
    from agent.securityreadings import Security


class NodeEnrolment:
    """`run` it under supervision. `security()`: what is told of links; `look()`: identity files changed."""

    def __init__(
        self, config: Config, security: Callable[[], Security | None], look: Callable[[], None]
    ) -> None:
        self._config, self._security, self._look = config, security, look
        self._enrolment: Enrolment | None = None

    async def run(self) -> None:
        """Until cancelled."""
        self._enrolment = await asyncio.to_thread(self._load)
        await self._enrolment.run()

    def status(self) -> Status | None:
        """For page and metrics; None before it was loaded."""
        return self._enrolment.status() if self._enrolment is not None else None

    def grace(self) -> float:
        """Seconds a certificate that is over still counts now."""
        return self._enrolment.grace() if self._enrolment is not None else 0.0

    def problems(self) -> dict[str, str]:
        """What is wrong, for the node's troubles."""
        status = self.status()
        if status is None:
            return {}
        found = {f"identity {number}": text for number, text in enumerate(status.troubles, 1)}
        if status.problem is not None:
            found["identity"] = f"{status.problem.what}. Mend: {status.problem.mend}"
        return found

    def _load(self) -> Enrolment:
        from agent.enrol.enrolment import Enrolment

        return Enrolment(
            self._config, neighbours=self._neighbours, on_identity=self._look, on_trust=self._look
        )

    def _neighbours(self) -> tuple[Neighbour, ...]:
        from agent.enrol.spreading import near

        told = self._security()
        return near(told.links) if told is not None else ()
