# SPDX-License-Identifier: Apache-2.0
"""From the YAML tree to the structs, guided by their annotations; every mistake with place and mend."""

from __future__ import annotations

import difflib
import re
from typing import Any, Protocol

import msgspec
from msgspec import inspect

from agent.config import Config, Node
from agent.configyaml import Map, Scalar, Seq, Tree

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?")
WITH_UNIT = re.compile(r"[+-]?[0-9][0-9.]*\s*[A-Za-z/%]+")
SHOWN = 60  # characters of a wrong value that are shown
BAD = object()  # the value of a field whose mistake was reported


class Report(Protocol):
    """Takes one problem."""

    def __call__(
        self, line: int, column: int, found: str, allowed: str, mend: str, key: str = ""
    ) -> None: ...


class Walk:
    """One pass over one tree. Then `places` knows where each key stands, `bad` which were wrong."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.places: dict[str, tuple[int, int]] = {"": (1, 1)}
        self.bad: set[str] = set()
        self.indices: dict[str, list[int]] = {}  # list key > original index of each item that was kept

    def config(self, tree: Tree) -> Config | None:
        """The whole configuration, wrong fields at their defaults; None where it cannot be built at all."""
        value = self._struct(tree, inspect.type_info(Config), "")
        return value if isinstance(value, Config) else None

    def problem(self, key: str, found: str, allowed: str, mend: str, involved: tuple[str, ...] = ()) -> None:
        """Report at `key` (or the nearest section in the file), unless a key involved was wrong already."""
        if any(k in self.bad for k in (key, *involved)):
            return
        place = key
        while place not in self.places:
            cut = max(place.rfind("."), place.rfind("["))
            place = place[: max(cut, 0)]
        self.report(*self.places[place], found, allowed, mend, key)

    def item(self, key: str, index: int) -> str:
        """The key in the file of the `index`th kept item of the list `key`."""
        kept = self.indices.get(key, [])
        return f"{key}[{kept[index] if index < len(kept) else index}]"

    def _wrong(self, node: Tree, key: str, found: str, allowed: str, mend: str) -> Any:
        line, column = self.places.get(key, (node.line, node.column))
        self.bad.add(key)
        self.report(line, column, found, allowed, mend, key)
        return BAD

    def _value(self, node: Tree, kind: Any, key: str, unit: str = "", default: Any = BAD) -> Any:
        """One value of any type; BAD where it was wrong."""
        extra: dict[str, Any] = {}
        while isinstance(kind, inspect.Metadata):
            extra |= kind.extra or {}
            kind = kind.type
        unit = extra.get("unit", unit)
        if isinstance(kind, inspect.StructType):
            return self._struct(node, kind, key)
        if isinstance(kind, inspect.VarTupleType):
            return self._list(node, kind, key)
        if isinstance(kind, inspect.UnionType):
            return self._union(node, kind, key, unit, default)
        allowed = describe(kind, unit, extra)
        if not isinstance(node, Scalar):
            found = "a list" if isinstance(node, Seq) else "a section"
            return self._wrong(node, key, found, allowed, "write one value after the colon")
        if node.empty():
            mend = "write a value" + (
                "" if default is BAD else f", or delete the line to get {shown(default)}"
            )
            return self._wrong(node, key, "nothing", allowed, mend)
        value, mend = scalar(node, kind, unit, extra)
        return self._wrong(node, key, quote(node), allowed, mend) if value is BAD else value

    def _union(self, node: Tree, kind: inspect.UnionType, key: str, unit: str, default: Any) -> Any:
        """`X | None`, or the word auto and X."""
        kinds = list(kind.types)
        empty = isinstance(node, Scalar) and node.empty()
        if any(isinstance(k, inspect.NoneType) for k in kinds):
            if empty:
                return None
            kinds = [k for k in kinds if not isinstance(k, inspect.NoneType)]
            if len(kinds) == 1:
                return self._value(node, kinds[0], key, unit, default)
        if isinstance(node, Scalar) and not empty:
            for k in kinds:
                value, mend = scalar(node, k, unit, {})
                if value is not BAD:
                    return value
            allowed = " or ".join(describe(k, unit) for k in kinds)
            return self._wrong(node, key, quote(node), allowed, mend)
        return self._value(node, kinds[-1], key, unit, default)

    def _list(self, node: Tree, kind: inspect.VarTupleType, key: str) -> Any:
        """A list of one type; wrong items are left out, their places remembered."""
        if isinstance(node, Scalar) and node.empty():
            return ()
        if not isinstance(node, Seq):
            found = "a section" if isinstance(node, Map) else quote(node)
            mend = "begin each item with '- '" if isinstance(node, Map) else f"write [{node.text[:SHOWN]}]"
            return self._wrong(node, key, found, "a list", mend)
        if kind.max_length is not None and len(node.items) > kind.max_length:
            allowed = f"at most {kind.max_length}"
            return self._wrong(
                node, key, f"{len(node.items)} items", allowed, "delete those that are not needed"
            )
        kept: list[Any] = []
        self.indices[key] = []
        for index, item in enumerate(node.items):
            self.places[f"{key}[{index}]"] = (item.line, item.column)
            value = self._value(item, kind.item_type, f"{key}[{index}]")
            if value is not BAD:
                kept.append(value)
                self.indices[key].append(index)
        return tuple(kept)

    def _struct(self, node: Tree, kind: Any, key: str) -> Any:
        """A section; unknown, doubled, missing keys are said; wrong values replaced by defaults."""
        fields = {f.encode_name: f for f in kind.fields}
        if isinstance(node, Scalar) and node.empty() and not any(f.required for f in kind.fields):
            return kind.cls()
        if not isinstance(node, Map):
            found = "a list" if isinstance(node, Seq) else ("nothing" if node.empty() else quote(node))
            some = ", ".join(list(fields)[:4])
            return self._wrong(
                node, key, found, f"a section with the keys {some} ...", "write KEY: VALUE lines below it"
            )
        values: dict[str, Any] = {}
        seen: dict[str, int] = {}
        whole = True
        for name, child in node.entries:
            path = f"{key}.{name.text}" if key else name.text
            if name.text in seen:
                mend = "delete one of the two"
                self.report(
                    name.line,
                    name.column,
                    f"the key twice (first in line {seen[name.text]})",
                    "once",
                    mend,
                    path,
                )
                continue
            seen[name.text] = name.line
            if name.text not in fields:
                self.report(name.line, name.column, *unknown(name.text, list(fields)), path[:SHOWN])
                continue
            written = isinstance(child, Scalar) and not child.empty()
            self.places[path] = (child.line, child.column) if written else (name.line, name.column)
            field = fields[name.text]
            default = BAD if field.required else field.default
            value = self._value(child, field.type, path, default=default)
            if value is not BAD:
                values[name.text] = value
            elif field.required:
                whole = False
        for name, field in fields.items():
            if field.required and name not in seen:
                path = f"{key}.{name}" if key else name
                line, column = self.places.get(key, (node.line, node.column))
                self.bad.add(path)
                whole = False
                self.report(line, column, "nothing", describe(field.type), f"add the line {name}: ...", path)
        if kind.cls is Config:  # goes on with a stand-in, so that the checks across fields still run
            values.setdefault("node", Node(name="unnamed"))
            whole = True
        return kind.cls(**values) if whole else BAD


def scalar(node: Scalar, kind: Any, unit: str, extra: dict[str, Any]) -> tuple[Any, str]:
    """(value, "") or (BAD, how to mend it)."""
    while isinstance(kind, inspect.Metadata):
        extra = extra | (kind.extra or {})
        kind = kind.type
    text = node.text
    if isinstance(kind, inspect.LiteralType):
        if text in kind.values:
            return text, ""
        close = difflib.get_close_matches(text.lower(), [str(v) for v in kind.values], 1, 0.5)
        return BAD, f"write {close[0]}" if close else f"write one of {', '.join(map(str, kind.values))}"
    if isinstance(kind, inspect.BoolType):
        if not node.quoted and text.lower() in {"true", "false"}:
            return text.lower() == "true", ""
        return (
            BAD,
            f"write {'true' if text.lower() in {'yes', 'on', '1', 'true'} else 'false'}, without quotes",
        )
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return number(node, kind, unit)
    if isinstance(kind, inspect.StrType):
        if kind.pattern is not None and not re.fullmatch(kind.pattern, text):
            return BAD, extra.get("mend", "write it as said")
        length = len(text.encode())
        if length < (kind.min_length or 0) or (kind.max_length is not None and length > kind.max_length):
            return BAD, "write something" if not text else f"shorten it: it has {length} bytes"
        return text, ""
    raise TypeError(f"the configuration has a field of a type this walk does not know: {kind}")


def number(node: Scalar, kind: inspect.IntType | inspect.FloatType, unit: str) -> tuple[Any, str]:
    """(number, "") or (BAD, how to mend it)."""
    whole = isinstance(kind, inspect.IntType)
    if not (WHOLE if whole else NUMBER).fullmatch(node.text):
        with_unit = WITH_UNIT.fullmatch(node.text)
        if with_unit:
            return BAD, f"write the number alone{f', in {unit}' if unit else ''}"
        return BAD, "round it" if NUMBER.fullmatch(node.text) else "write a number in digits"
    if node.quoted:
        return BAD, f"remove the quotes: {node.text}"
    value: int | float = int(node.text) if whole else float(node.text)
    if kind.ge is not None and value < kind.ge:
        return BAD, f"raise it to {kind.ge} or more"
    if kind.le is not None and value > kind.le:
        return BAD, f"lower it to {kind.le} or less"
    return value, ""


def unknown(name: str, known: list[str]) -> tuple[str, str, str]:
    """(found, allowed, mend) of a key that does not exist."""
    close = difflib.get_close_matches(name, known, 1, 0.6)
    mend = f"did you mean {close[0]}?" if close else "delete it, or move it to the section it belongs to"
    return f"the unknown key {name[:SHOWN]}", ", ".join(known), mend


def describe(kind: Any, unit: str = "", extra: dict[str, Any] | None = None) -> str:
    """What a type allows, in words: "a whole number from 40 to 10000 ms"."""
    extra = dict(extra or {})
    while isinstance(kind, inspect.Metadata):
        extra |= kind.extra or {}
        kind = kind.type
    unit = extra.get("unit", unit)
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(str(v) for v in kind.values)
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        what = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        return f"{what} from {kind.ge} to {kind.le}" + (f" {unit}" if unit else "")
    if isinstance(kind, inspect.StrType):
        if "allowed" in extra:
            return str(extra["allowed"])
        return f"text of {kind.min_length or 0} to {kind.max_length} bytes"
    if isinstance(kind, inspect.UnionType):
        parts = [describe(k, unit) for k in kind.types if not isinstance(k, inspect.NoneType)]
        return " or ".join(parts)
    if isinstance(kind, inspect.VarTupleType):
        most = f" of at most {kind.max_length}" if kind.max_length else ""
        return f"a list{most}: each {describe(kind.item_type)}"
    return "a section"


def quote(node: Scalar) -> str:
    """The value as written, shortened."""
    text = node.text if len(node.text) <= SHOWN else node.text[:SHOWN] + "..."
    return f'"{text}"' if node.quoted or not text.isprintable() or " " in text else text


def shown(value: Any) -> str:
    """A default as YAML would have it."""
    return msgspec.json.encode(value).decode()
