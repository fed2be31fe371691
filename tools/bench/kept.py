# SPDX-License-Identifier: Apache-2.0
"""What a part has measured so far, so that an end in its middle loses nothing of an hour's work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PARTIAL = Path(__file__).resolve().parents[2] / "build/bench-partial.json"


def keep(name: str, figures: Any) -> None:
    """Write these figures (of builtin types) under their name, beside what stands there."""
    known = json.loads(PARTIAL.read_text()) if PARTIAL.exists() else {}
    PARTIAL.parent.mkdir(exist_ok=True)
    PARTIAL.write_text(json.dumps(known | {name: figures}, indent=1))
