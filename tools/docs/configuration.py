# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md from the structs of agent/config.py.

`python -m tools.docs.configuration >docs/configuration.md`; a test compares the page with what this writes.
"""

from __future__ import annotations

import sys
from typing import Any

from msgspec import Struct, inspect

from agent.config import Config
from agent.configchange import RELOADABLE
from agent.configwalk import describe, shown

HEAD = """<!-- Written by `python -m tools.docs.configuration`; edit agent/config.py instead. -->
# Configuration

One YAML file, `/etc/x0/x0.yaml`. Commented examples stand in `configs/`. Check a file with
`x0 config check FILE`: it says every mistake with line, key, what was found, what is allowed and how to mend
it. Unknown keys are mistakes; anchors, aliases and tags are refused; the file has at most 64 KiB. A file with
a mistake is not used at all.

`kill -HUP` (or `systemctl reload x0-agent`) reads the file again. Taken over at once:
{reloadable}. Everything else needs a restart of the agent, and the
log says so; the mesh keeps forwarding meanwhile.

Values are taken as the key wants them: `mode: off` is the word off, `country: NO` is Norway.
"""


def page() -> str:
    """The whole page."""
    names = ", ".join(f"`{name}`" for name in sorted(RELOADABLE))
    lines = [HEAD.format(reloadable=names)]
    _section("", inspect.type_info(Config), lines)
    return "\n".join(lines).rstrip() + "\n"


def _section(key: str, kind: Any, lines: list[str]) -> None:
    lines += [f"## `{key}`" if key else "## Top level", "", (kind.cls.__doc__ or "").strip(), ""]
    lines += ["| key | default | allowed | what |", "|---|---|---|---|"]
    below: list[tuple[str, Any]] = []
    for field in kind.fields:
        words, inner = "", field.type
        while isinstance(inner, inspect.Metadata):
            words = words or str((inner.extra_json_schema or {}).get("description", ""))
            inner = inner.type
        struct, many = _struct(inner)
        path = f"{key}.{field.encode_name}" if key else field.encode_name
        if struct is not None:
            below.append((path + ("[]" if many else ""), struct))
        allowed = ("a list of sections" if many else "a section") if struct else describe(field.type)
        default = (
            "required"
            if field.required
            else ("see below" if isinstance(field.default, Struct) else _default(field.default))
        )
        lines.append(
            f"| `{field.encode_name}` | {default} | {allowed.replace('|', chr(92) + '|')} | {words} |"
        )
    lines.append("")
    for path, struct in below:
        _section(path, struct, lines)


def _struct(kind: Any) -> tuple[Any, bool]:
    """(the struct a field holds or None, whether it is a list of them)."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.StructType):
        return kind, False
    if isinstance(kind, inspect.VarTupleType):
        return _struct(kind.item_type)[0], True
    if isinstance(kind, inspect.UnionType):
        return next((found for k in kind.types if (found := _struct(k)[0]) is not None), None), False
    return None, False


def _default(value: Any) -> str:
    return "none" if value is None else f"`{shown(value)}`"


if __name__ == "__main__":
    sys.stdout.write(page())
