# SPDX-License-Identifier: Apache-2.0
"""A small file that always becomes the newest of what was put, written in a thread, in one step each time."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

log = logging.getLogger("x0.files")


class LatestFile:
    """`put` from the event loop; what was overtaken is never written. Readable by its owner only."""

    def __init__(self, path: Path, most: int) -> None:
        """`most`: bytes that are read back."""
        self._path, self._most = path, most
        self._raw = b""
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""

    def read(self) -> bytes:
        """What a former run left, b"" where there is nothing that can be read."""
        try:
            with self._path.open("rb") as file:
                return file.read(self._most)
        except OSError:
            return b""

    def put(self, raw: bytes) -> None:
        """Write it soon. A full disk is logged once: what was put stays in its owner's memory."""
        self._raw = raw
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def wait(self) -> None:
        """Until the newest is written, or cannot be."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        written: bytes | None = None
        try:
            while written is not self._raw:
                written = self._raw
                await asyncio.to_thread(self._write, written)
        finally:
            self._task = None

    def _write(self, raw: bytes) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123  of a descriptor
                file.write(raw)
            draft.replace(self._path)
            self._trouble = ""
        except OSError as error:
            words = f"{self._path} cannot be written ({error.strerror or error})"
            if words != self._trouble:
                log.warning("%s; free space or make its folder writable", words)
            self._trouble = words
