# SPDX-License-Identifier: Apache-2.0
"""What a changed configuration (SIGHUP) means: what can be taken over at once and what needs a restart."""

from __future__ import annotations

from agent.config import Config

SPLIT = frozenset({"hello"})  # sections whose keys are told apart, as they differ in what a change needs
RELOADABLE = frozenset(
    {"mode", "link_security", "links", "healing", "log", "services", "policy", "hello.interval"}
)


def changed_sections(old: Config, new: Config) -> tuple[str, ...]:
    """Top-level keys that differ, in the configuration's order; of `hello` its keys, e.g. `hello.port`."""
    changed: list[str] = []
    for name in Config.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if name in SPLIT:
            keys = before.__struct_fields__
            changed += [f"{name}.{key}" for key in keys if getattr(before, key) != getattr(after, key)]
        else:
            changed.append(name)
    return tuple(changed)


def needs_restart(changed: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `changed_sections` that only a restart of the agent takes over."""
    return tuple(name for name in changed if name not in RELOADABLE)


def reload_sentence(changed: tuple[str, ...]) -> str:
    """What a reload did, for the log and the technician."""
    if not changed:
        return "The configuration is as before."
    late = needs_restart(changed)
    now = [name for name in changed if name not in late]
    parts = [f"Taken over: {', '.join(now)}."] if now else []
    if late:
        parts.append(f"Needs a restart of the agent (systemctl restart x0-agent): {', '.join(late)}.")
    return " ".join(parts)
