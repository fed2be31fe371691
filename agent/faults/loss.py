# SPDX-License-Identifier: Apache-2.0
"""What a link loses, with how sure that is: from the echo requests of agent/sensors/losses.py.

Both directions together: an echo is lost on the way there or on the way back.
"""

from __future__ import annotations

from math import sqrt

from agent.faults.base import View, once
from agent.readings import Loss

SINGLY = 2  # losses with answers between them, from which a link is known to lose some
SURE = 1.96  # standard deviations: the true share lies within the bounds in 95 of 100 cases


@once
def _losses(view: View) -> dict[tuple[str, str], Loss]:
    return {(loss.hardif, loss.mac): loss for loss in view.snapshot.losses}


def loss_of(view: View, hardif: str, mac: str) -> Loss | None:
    """What was measured to this neighbour, None where it is not measured."""
    return _losses(view).get((hardif, mac))


def loses_some(view: View, hardif: str, mac: str) -> bool:
    """Were several of the last requests lost, with answers between? Then silence is longer by chance."""
    loss = loss_of(view, hardif, mac)
    return loss is not None and loss.spells >= SINGLY and loss.answer_age is not None


def least(loss: Loss) -> float:
    """The least share, 0..1, that is likely lost (lower bound of Wilson's interval)."""
    return _wilson(loss.lost, loss.asked, -SURE)


def most(loss: Loss) -> float:
    """The largest share, 0..1, that is likely lost (upper bound)."""
    return _wilson(loss.lost, loss.asked, SURE)


def _wilson(lost: int, asked: int, deviations: float) -> float:
    if asked <= 0:
        return 0.0 if deviations < 0 else 1.0
    share, square = lost / asked, deviations * deviations
    spread = sqrt(share * (1 - share) / asked + square / (4 * asked * asked))
    middle = share + square / (2 * asked)
    return min(
        1.0, max(0.0, (middle + (spread if deviations > 0 else -spread) * SURE) / (1 + square / asked))
    )
