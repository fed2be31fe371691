# SPDX-License-Identifier: Apache-2.0
"""Who looks at the page: what the page must know of a request beside the status document."""

from __future__ import annotations

import msgspec


class Viewer(msgspec.Struct, frozen=True):
    """One request's language, session and what it was sent back with."""

    lang: str = "en"
    pin_set: bool = False  # is there a device PIN at all; without one no action can be asked for here
    signed_in: bool = False
    private: bool = False  # may see positions, keys and who asked for actions
    forbidden: frozenset[str] = frozenset()  # actions the policy keeps from who is signed in
    token: str = ""  # goes into every form of a signed-in viewer against forged requests
    locked_for: float = 0.0  # s until a PIN is taken again, 0 = now
    notice: str = ""  # key of a sentence in the catalogue (`notice.KEY`), "" = none
    confirm: str = ""  # the action a person asked for and has to confirm
    done: str = ""  # id of the action that was just asked for
