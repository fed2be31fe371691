# SPDX-License-Identifier: Apache-2.0
"""Puts back what a stopped or killed agent left changed: `python -m agent.undo --config FILE`.

For the unit's ExecStopPost: replays the undo journal without the loop. Exit code 0: nothing is left
changed; 1: something could not be put back (said, it stays in the journal); 2: the configuration cannot be
read, so interfaces were put back without their settings and the OGM interval was not looked at; 3: an agent
is running.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import Config, ConfigError, load
from agent.mapek.journal import NAME, Journal
from agent.mapek.journalfile import JournalBusyError, JournalError
from agent.mapek.replay import undo_records
from agent.mapek.sparejournal import spare_of
from agent.meshdevices import MeshDevices
from agent.remedies import discover
from agent.remedies.base import Action, ActionError, Effector

if TYPE_CHECKING:
    from agent.mesh.wanted import HardifSettings

LEFT = 1
NO_CONFIG = 2
RUNNING = 3
STATE_DIR = "/var/lib/x0"  # where the unit's StateDirectory= is, if systemd does not say
RUNTIME_DIR = "/run/x0"  # the same of its RuntimeDirectory=

Say = Callable[[str], object]


def undo(
    state_dir: Path,
    actions: Mapping[str, Action],
    effector: Callable[[], Effector],
    say: Say,
    spare: Path | None = None,
) -> int:
    """Replays the journal in `state_dir`, or its `spare` where there is one. Exit code.

    Builds the effector only where it is needed.
    """
    journal = Journal(spare if spare is not None and spare.exists() else state_dir / NAME)
    try:
        journal.open()
    except JournalBusyError as error:
        say(f"undo: {error}\n")
        return RUNNING
    except JournalError as error:  # a full or read-only disk must not leave the network changed
        say(f"undo: {error}; what is written is put back all the same\n")
        try:
            journal.open_read_only()
        except JournalError as unread:
            say(f"undo: {unread}\n")
            return RUNNING if isinstance(unread, JournalBusyError) else LEFT
    try:
        entries = journal.open_records()
        put_back: list[int] = []
        errors: list[str] = []
        if entries:
            put_back, errors = undo_records(journal, actions, effector())
        for note in journal.notes:
            say(f"undo: {note}\n")
        for entry in reversed(entries):
            if entry.seq in put_back:
                say(f"undo: put back {entry.record.action} {_words(entry.record.args)}\n")
        for text in errors:
            say(f"undo: {text}\n")
        if not entries:
            say("undo: nothing to put back\n")
    finally:
        journal.close()
    return LEFT if errors else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="agent.undo", description="Put back what the agent left changed.")
    parser.add_argument("--config", required=True, metavar="FILE", help="the node's configuration")
    options = parser.parse_args(arguments)
    actions = {action.id: action for action in discover()}
    try:
        config = load(options.config)
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"undo: {error}\n")
        return _without_config(actions)
    spare = spare_of(config.node.control_socket)
    code = undo(Path(config.node.state_dir), actions, lambda: _effector(config), sys.stdout.write, spare)
    return code if code == RUNNING else max(code, _timers(config))


def _without_config(actions: Mapping[str, Action]) -> int:
    """A mistake in the configuration must not leave the network changed: the journal names all it needs."""
    folder = Path(os.environ.get("STATE_DIRECTORY", "").split(":")[0] or STATE_DIR)
    if not folder.is_dir():
        sys.stderr.write(f"undo: {folder}: there is no such state directory, nothing was put back\n")
        return NO_CONFIG
    sys.stderr.write(f"undo: the journal in {folder} is replayed without the configuration\n")
    spare = Path(os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or RUNTIME_DIR) / NAME
    return undo(folder, actions, _bare_effector, sys.stdout.write, spare) or NO_CONFIG


def _bare_effector() -> Effector:
    return _kernel_effector(lambda _: lambda _: None)


def _effector(config: Config) -> Effector:
    from agent.kernel.links import Links
    from agent.kernel.linkspeed import link_speed_kbit
    from agent.mesh import timers, wanted

    def settings_of(devices: MeshDevices) -> Callable[[str], wanted.HardifSettings | None]:
        links = Links()

        def settings(name: str) -> wanted.HardifSettings | None:
            interface = next((found for found in config.mesh.interfaces if found.name == name), None)
            link = links.get(name)
            if interface is None or link is None:
                return None
            secured = devices.device(name) != name
            speed = None
            if not link.kind:  # hardware: batman-adv asks the device itself, where it has that
                speed = link_speed_kbit(name) if secured else 0
            rest = timers.rest(config.mesh, 0)
            return wanted.hardif_settings(interface, link, speed, rest, secured=secured)

        return settings

    return _kernel_effector(settings_of)


def _kernel_effector(
    settings_of: Callable[[MeshDevices], Callable[[str], HardifSettings | None]],
) -> Effector:
    """Over the devices there are: what was changed may be of another configuration."""
    from agent.effector import KernelEffector  # late: mostly there is nothing to put back
    from agent.kernel.errors import KernelError
    from agent.kernel.links import Links
    from agent.mesh.layered import LayeredBatAdv, LayeredLinks, found_devices

    try:
        devices = found_devices(Links())
    except KernelError as error:
        sys.stderr.write(f"undo: {error}; taken as if links were not secured\n")
        devices = MeshDevices({})
    return KernelEffector(
        settings=settings_of(devices),
        restart=_no_restart,
        links=LayeredLinks(devices),
        batadv=LayeredBatAdv(devices),
    )


def _no_restart(name: str) -> None:
    raise ActionError(f"restarting {name} is no undo")


def _timers(config: Config) -> int:
    """What is not in the journal: OGMs to their interval at rest, what balances gateways.

    0, or LEFT where that failed.
    """
    from agent.kernel.batadv import BatAdv
    from agent.kernel.errors import KernelError
    from agent.kernel.links import Links
    from agent.mesh.restore import restore_gateway, restore_timers

    try:
        links, batadv = Links(), BatAdv()
        if restore_timers(config, links, batadv):
            sys.stdout.write("undo: OGM interval back at rest\n")
        if restore_gateway(config, links, batadv):
            sys.stdout.write("undo: gateway settings as without an agent\n")
    except KernelError as error:
        sys.stderr.write(f"undo: OGM interval and gateway: {error}\n")
        return LEFT
    return 0


def _words(args: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in args.items())


if __name__ == "__main__":
    sys.exit(main())
