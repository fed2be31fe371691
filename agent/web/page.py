# SPDX-License-Identifier: Apache-2.0
"""The status page as HTML from the status document. All is escaped: names come from strangers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

_STYLE = (Path(__file__).parent / "page.css").read_text()
_SCRIPT = (Path(__file__).parent / "live.js").read_text()


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: this page's own style and script and nothing else."""

# Never colour alone: each state has its word and its sign.
STATES = {
    "starting": ("work", "… starting"),
    "healthy": ("good", "✓ healthy"),
    "healing": ("work", "↻ healing"),
    "paused": ("work", "‖ paused"),
    "broken": ("bad", "✗ needs you"),
}
FAULT_STATES = {
    "found": ("work", "found"),
    "healing": ("work", "being repaired"),
    "waiting": ("work", "waiting"),
    "observed": ("bad", "seen, not repaired"),
    "unhealed": ("bad", "needs you"),
    "healed": ("good", "healed"),
    "contained": ("work", "contained"),
    "gone": ("good", "gone by itself"),
    "failed": ("bad", "repair failed"),
    "error": ("bad", "repair failed"),
}


def document(status: dict[str, Any]) -> str:
    """The whole page, readable without JavaScript."""
    name = escape(status["node"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}: x0tta6bl4</title><style>{_STYLE}</style></head><body>"
        f'<header><h1>Node {name}</h1><p id="stale" role="alert" hidden></p></header>'
        f"<main>{sections(status)}</main>"
        '<footer><a href="/api/v1/status">Status as JSON</a> <a href="/metrics">Metrics</a></footer>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def sections(status: dict[str, Any]) -> str:
    """What lies in <main>: the parts that change."""
    return "".join(
        (
            _section("verdict", "", _verdict(status), live=True),
            _section("faults", "Faults", _faults(status["faults"])),
            _section("neighbours", "Neighbours", _neighbours(status["neighbours"])),
            _section("mesh", "Mesh", _mesh(status["mesh"])),
            _section("node", "Node", _node(status)),
            _section("errors", "What cannot be read", _errors(status["errors"])) if status["errors"] else
            '<section id="errors"></section>',
        )
    )  # fmt: skip


def _section(name: str, title: str, body: str, live: bool = False) -> str:
    heading = f"<h2>{title}</h2>" if title else ""
    return f'<section id="{name}"{" aria-live=polite" if live else ""}>{heading}{body}</section>'


def _verdict(status: dict[str, Any]) -> str:
    kind, word = STATES[status["state"]]
    verdict = status["verdict"]
    return (
        f'<div class="verdict {kind}"><p class="word">{word}</p>'
        f'<p class="sentence">{escape(verdict["sentence"])}</p>'
        + _list((("The node", verdict["doing"]), ("You", verdict["you"])))
        + "</div>"
    )


def _faults(faults: list[dict[str, Any]]) -> str:
    return "".join(map(_fault, faults)) or "<p>None since the start.</p>"


def _fault(fault: dict[str, Any]) -> str:
    kind, word = FAULT_STATES[fault["state"]]
    rows = [("Evidence", _evidence(fault["evidence"]))]
    if decision := fault["decision"]:
        rows.append(("Decision", escape(decision["sentence"])))
    if outcome := fault["outcome"]:
        after = f" ({_duration(outcome['after_onset'])} after it began)"
        rows.append(("Outcome", escape(outcome["sentence"]) + after))
    if fault["open"] and fault["by_hand"]:
        rows.append(("By hand", escape(fault["by_hand"])))
    rows.append(("Began", f"{_duration(fault['onset_ago'])} ago"))
    return (
        f'<article class="fault {kind}"><p class="word">{word}</p>'
        f"<h3>{escape(fault['title'])}: <code>{escape(fault['subject'])}</code></h3>"
        f"<p>{escape(fault['sentence'])}</p>" + _raw_list(rows) + "</article>"
    )


def _evidence(evidence: dict[str, str]) -> str:
    return "; ".join(f"{escape(key)}: {escape(value)}" for key, value in evidence.items()) or "none noted"


def _neighbours(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "<p>None is heard.</p>"
    return _table(
        ("Node", "Interface", "Throughput", "Signal", "Last heard", "Hears us"),
        (
            (
                (escape(row["node"]) or "<i>no hello yet</i>") + f"<br><code>{escape(row['mac'])}</code>",
                escape(row["hardif"]),
                _throughput(row["throughput_kbit"]),
                "–" if row["signal_dbm"] is None else f"{row['signal_dbm']} dBm",
                f"{row['last_seen_ms'] / 1000:.1f} s ago",
                {True: "yes", False: "no", None: "unknown"}[row["hears_us"]],
            )
            for row in rows
        ),
    )


def _mesh(mesh: dict[str, Any] | None) -> str:
    if mesh is None:
        return "<p>This machine is in no batman-adv mesh.</p>"
    interfaces = ", ".join(
        escape(hardif["name"]) + ("" if hardif["active"] else " (inactive)") for hardif in mesh["hardifs"]
    )
    return _raw_list(
        (
            ("Interface", f"{escape(mesh['name'])} ({escape(mesh['algo'])})"),
            ("Address", f"<code>{escape(mesh['mac'])}</code>"),
            ("Other nodes", str(mesh["nodes"])),
            ("Runs over", interfaces or "no interface"),
            ("OGM interval", f"{mesh['ogm_interval_ms']} ms"),
            ("Gateway", escape(mesh["gateway"] or "none") + f" (mode {escape(mesh['gateway_mode'])})"),
        )
    )


def _node(status: dict[str, Any]) -> str:
    host = status["host"] or {}
    rows = [("Mode", status["mode"]), ("Agent runs for", _duration(status["uptime"]))]
    if status["data_age"] is not None:
        rows.append(("Data", f"{status['data_age']:.1f} s old"))
    if host.get("uptime_s") is not None:
        rows.append(("Machine runs for", _duration(host["uptime_s"])))
    if host.get("mem_total") and host.get("mem_available") is not None:
        rows.append(("Memory free", f"{_bytes(host['mem_available'])} of {_bytes(host['mem_total'])}"))
    if host.get("disk_total") and host.get("disk_free") is not None:
        rows.append(("Disk free", f"{_bytes(host['disk_free'])} of {_bytes(host['disk_total'])}"))
    if host.get("temperature_c") is not None:
        rows.append(("Temperature", f"{host['temperature_c']:.0f} °C"))
    if host.get("clock_synchronised") is not None:
        rows.append(("Clock", "synchronised" if host["clock_synchronised"] else "not synchronised"))
    rows += [
        (f"Service {row['name']}", f"{row['state']} {row['detail']}".strip()) for row in status["services"]
    ]
    return _list(rows)


def _errors(errors: dict[str, str]) -> str:
    return _list(errors.items())


def _list(rows: Iterable[tuple[str, str]]) -> str:
    return _raw_list((escape(key), escape(value)) for key, value in rows)


def _raw_list(rows: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in rows) + "</dl>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f'<td class="n">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    # A region that scrolls must be reachable by keyboard.
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Neighbours">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _throughput(kbit: int | None) -> str:
    if kbit is None:
        return "–"
    return f"{kbit / 1000:.1f} Mbit/s" if kbit < 1_000_000 else f"{kbit / 1_000_000:.1f} Gbit/s"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
