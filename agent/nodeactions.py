# SPDX-License-Identifier: Apache-2.0
"""What the actions of the status page do on this node; agent/web/actions.py says when.

None of it is a remedy: a person asked, so it works in observe mode too, but nothing of it changes the mesh
itself, and what a stop undoes is undone before a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from socket import if_nametoindex
from typing import Any, NamedTuple

import msgspec

from agent import __version__
from agent.config import Config
from agent.control import ControlError
from agent.events import Snapshot
from agent.hello.peers import eui64
from agent.kernel.errors import KernelError
from agent.linktest import Link, measure
from agent.web.actions import ActionError, Done, Fields, Runner, minutes, neighbour
from agent.web.limits import BUNDLE_MAX

SYSTEMD = Path("/run/systemd/system")  # there where systemd runs the machine: sd_booted(3)
LEAST_UPTIME = 150.0  # s of the agent between restarts: the unit allows five starts in ten minutes
ANSWER_FIRST = 1.0  # s before the agent stops, so that the page's answer is out
REBOOT_S = 10.0  # s systemctl has to take the wish
BUNDLE_S = 50.0  # s; a slow board takes 20
UNIT = "x0-agent.service"
UNDER_SYSTEMD = "This agent was not started by systemd"


class Powers(NamedTuple):
    """What of agent/node.py is asked or told."""

    config: Callable[[], Config]
    document: Callable[[], dict[str, Any]]
    snapshot: Callable[[], Snapshot | None]
    address: Callable[[str, str], str]  # (hardif, MAC) > link-local address
    pause: Callable[[float], float]  # ControlError
    resume: Callable[[], bool]  # ControlError
    stop: Callable[[], None]
    began: float  # monotonic s of the agent's start
    device: Callable[[str], str] = str  # what batman-adv has of an interface


class NodeActions:
    """The runners by name."""

    def __init__(
        self,
        powers: Powers,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        systemd: Path = SYSTEMD,
    ) -> None:
        self._powers, self._environ, self._clock, self._systemd = powers, environ, clock, systemd

    def runners(self) -> dict[str, Runner]:
        """For agent/web/actions.py."""
        return {
            "pause": self._pause,
            "resume": self._resume,
            "link-test": self._link_test,
            "restart-agent": self._restart,
            "support-bundle": self._bundle,
            "reboot": self._reboot,
        }

    async def _pause(self, fields: Fields) -> Done:
        wanted = minutes(fields)
        try:
            self._powers.pause(wanted * 60.0)
        except ControlError as error:
            raise ActionError("not-yet", f"It cannot be paused: {error.what}; {error.mend}.") from None
        return Done(
            "paused", f"Repairs are paused for {wanted} min. The node goes on watching.", {"minutes": wanted}
        )

    async def _resume(self, _fields: Fields) -> Done:
        try:
            paused = self._powers.resume()
        except ControlError as error:
            raise ActionError("not-yet", f"It cannot be resumed: {error.what}; {error.mend}.") from None
        if not paused:
            return Done("not-paused", "Repairs were not paused.")
        return Done("resumed", "Repairs go on.")

    async def _link_test(self, fields: Fields) -> Done:
        hardif, mac = neighbour(fields)
        snapshot = self._powers.snapshot()
        known = snapshot is not None and (
            any((row.hardif, row.mac) == (hardif, mac) for row in snapshot.peers)
            or any(
                (row.hardif, row.mac) == (hardif, mac)
                for row in (snapshot.mesh.neighbours if snapshot.mesh else ())
            )
        )
        if not known:
            raise ActionError(
                "no-neighbour",
                f"{mac} is no neighbour on {hardif} now. Look whether it is in the list.",
                hardif=hardif,
            )
        addresses = tuple(dict.fromkeys((self._powers.address(hardif, mac), eui64(mac))))
        device = self._powers.device
        try:
            link = await measure(hardif, addresses, index=lambda name: if_nametoindex(device(name)))
        except (KernelError, OSError) as error:
            raise ActionError(
                "no-echo", f"No echo can be sent on {hardif}: {error}.", hardif=hardif
            ) from None
        return _link_words(hardif, mac, link)

    async def _restart(self, _fields: Fields) -> Done:
        self._under_systemd("restart it by hand")
        up = self._clock() - self._powers.began
        if up < LEAST_UPTIME:
            wait = int(LEAST_UPTIME - up) + 1
            raise ActionError(
                "too-young",
                f"The agent started only {up:.0f} s ago, and systemd gives up after five starts in ten "
                f"minutes. Ask again in {wait} s.",
                wait=wait,
            )
        await asyncio.sleep(ANSWER_FIRST)
        self._powers.stop()
        return await _never()

    async def _reboot(self, _fields: Fields) -> Done:
        self._under_systemd("reboot the machine by hand")
        await asyncio.sleep(ANSWER_FIRST)
        code, words = await _run(("systemctl", "--no-wall", "reboot"), REBOOT_S)
        if code:
            raise ActionError("refused", f"systemctl reboot failed: {words or code}. Reboot it by hand.")
        return await _never()

    async def _bundle(self, _fields: Fields) -> Done:
        status, snapshot = self._powers.document(), self._powers.snapshot()
        given = msgspec.json.encode(
            {
                "status": status,
                "config": msgspec.to_builtins(self._powers.config()),
                "macs": sorted(_mesh_macs(snapshot)),
                "version": __version__,
                "mesh": self._powers.config().mesh.name,
                "unit": UNIT,
            }
        )
        content = await _make_bundle(given)
        kilobytes = max(1, len(content) // 1000)
        return Done("bundle", f"The support bundle is ready ({kilobytes} kB).", {"kB": kilobytes}, content)

    def _under_systemd(self, mend: str) -> None:
        if "NOTIFY_SOCKET" not in self._environ or not self._systemd.is_dir():
            raise ActionError("no-systemd", f"{UNDER_SYSTEMD}, so nothing would start it again: {mend}.")


def _link_words(hardif: str, mac: str, link: Link) -> Done:
    values: dict[str, str | int | float] = {
        "hardif": hardif, "mac": mac, "sent": link.sent, "answered": link.answered, "loss": round(link.loss),
    }  # fmt: skip
    if not link.answered:
        why = f" ({link.trouble})" if link.trouble else ""
        return Done("link-silent", f"{mac} on {hardif} answered none of {link.sent} echoes{why}.", values)
    least, mean, most = (round(rtt or 0.0, 1) for rtt in (link.rtt_least, link.rtt_mean, link.rtt_most))
    values |= {"least": least, "mean": mean, "most": most}
    return Done(
        "link-tested",
        f"{mac} on {hardif} answered {link.answered} of {link.sent} echoes: {link.loss:.0f} % lost, "
        f"round trip {mean} ms ({least} to {most} ms).",
        values,
    )


def _mesh_macs(snapshot: Snapshot | None) -> set[str]:
    if snapshot is None:
        return set()
    found = {peer.mac for peer in snapshot.peers} | {link.mac for link in snapshot.links or ()}
    if mesh := snapshot.mesh:
        found |= {mesh.mac} | {row.mac for row in mesh.hardifs} | {row.mac for row in mesh.neighbours}
        found |= {row.mac for row in mesh.originators} | {row.neighbour for row in mesh.originators}
    return found


async def _make_bundle(given: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.support",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(BUNDLE_S):
            content, _ = await process.communicate(given)
    except TimeoutError:
        raise ActionError("timeout", f"The support bundle was not ready after {BUNDLE_S:.0f} s.") from None
    finally:
        await _kill(process)
    if process.returncode or not content or len(content) > BUNDLE_MAX:
        raise ActionError("broken", "The support bundle could not be made; the agent's log may say why.")
    return content


async def _run(words: tuple[str, ...], within: float) -> tuple[int, str]:
    """(exit code, what it said in one line)."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return 1, error.strerror or str(error)
    try:
        async with asyncio.timeout(within):
            said, _ = await process.communicate()
    except TimeoutError:
        return 1, f"no answer within {within:.0f} s"
    finally:
        await _kill(process)
    return process.returncode or 0, " ".join(said.decode("utf-8", "replace").split())[:200]


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _never() -> Done:
    """Until the agent is gone; what is under way then is told by the next one (agent/web/actions.py)."""
    await asyncio.Event().wait()
    raise AssertionError
