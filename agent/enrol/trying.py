# SPDX-License-Identifier: Apache-2.0
"""One request, by one way after the other, until an issuer has answered. asyncio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent.enrol.asking import Applicant, ask
from agent.enrol.errors import EnrolError, RefusedError, Word
from agent.enrol.ways import Way, connect
from agent.identity.enrolment import Answer
from agent.linksec.trust import Trust

ELSEWHERE: Final = frozenset({"stand-in", Word.TROUBLE})  # refusals that another seat may not share
# which of several failures is told: the later, the more it says
LEAST_FIRST: Final = (Word.UNREACHABLE, Word.PROXY, Word.TIMEOUT, Word.CLOSED, Word.CLOCK, Word.ISSUER)


async def ask_in_turn(
    ways: Sequence[Way], who: Applicant, trust: Callable[[], Trust], led: Callable[[Way, bool], None]
) -> Answer:
    """What an issuer gives. EnrolError: the issuer's refusal, or of all failures what tells most.

    `led(way, good)`: did that way lead to an issuer, whatever it said?
    """
    failures: list[EnrolError] = []
    for way in ways:
        try:
            answer = await ask(*await connect(way), who, trust())
        except EnrolError as error:
            spoken = isinstance(error, RefusedError)
            led(way, spoken)
            if spoken and error.reason not in ELSEWHERE:
                raise
            failures.append(error)
            continue
        led(way, True)
        return answer
    worst = _worst(failures)
    told = "; ".join(f"{way}: {error.what}" for way, error in zip(ways, failures, strict=True))
    raise EnrolError(worst.reason, told, worst.mend)


def _worst(failures: Sequence[EnrolError]) -> EnrolError:
    """An issuer's own words, then what is wrong with one, then no answer."""
    worth = {str(word): number for number, word in enumerate(LEAST_FIRST)}
    return max(failures, key=lambda each: worth.get(each.reason, len(worth)))
