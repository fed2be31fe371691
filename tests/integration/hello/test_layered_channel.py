# SPDX-License-Identifier: Apache-2.0
"""Where links are secured a hello is said and heard within the macsec device, and nowhere else."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator

import pytest

from agent.hello.channel import HELLO_GROUP
from agent.hello.errors import ChannelError
from agent.mesh.layered import LayeredChannel
from agent.meshdevices import MeshDevices
from tests.integration.netns import inside, ip, missing, pair

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
PORT = 7099


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[str, str]]:
    with pair("l") as names:
        yield names


def opened(namespace: str, devices: MeshDevices) -> LayeredChannel:
    with inside(namespace):
        return LayeredChannel(devices, "e1", PORT, HELLO_GROUP)


def test_a_channel_is_no_longer_right_once_security_is_switched_on_or_off(wire: tuple[str, str]) -> None:
    devices = MeshDevices.of(("e1",))
    channel = opened(wire[0], devices)
    assert (channel.name, channel.current()) == ("e1", True)
    devices.secured = True
    assert not channel.current()
    devices.secured = False
    assert channel.current()
    channel.close()


def test_before_the_macsec_device_is_there_nothing_is_said_in_clear(wire: tuple[str, str]) -> None:
    with pytest.raises(ChannelError) as caught:
        opened(wire[0], MeshDevices.of(("e1",), secured=True))
    assert caught.value.errno == errno.ENODEV


def test_it_is_opened_on_the_device_of_that_name(wire: tuple[str, str]) -> None:
    """A veth plays the macsec device, which the host's kernel may lack."""
    ip("-n", wire[0], "link", "add", "macsec0", "type", "veth", "peer", "name", "other")
    try:
        ip("-n", wire[0], "link", "set", "macsec0", "up")
        channel = opened(wire[0], MeshDevices.of(("e1",), secured=True))
        assert channel.name == "macsec0"
        with inside(wire[0]):
            assert channel.current()
        channel.close()
    finally:
        subprocess.run(["ip", "-n", wire[0], "link", "del", "macsec0"], check=False, capture_output=True)
