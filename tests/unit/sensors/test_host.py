# SPDX-License-Identifier: Apache-2.0
"""The host sensor reads what is there and says None for the rest."""

import time
from pathlib import Path

from agent.hostreadings import Host
from agent.sensors.host import HostSensor


def machine(tmp_path: Path) -> HostSensor:
    return HostSensor(str(tmp_path), proc=tmp_path / "proc", sys=tmp_path / "sys")


def write(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine_is_read() -> None:
    host = HostSensor().read(0.0)
    assert host.mem_total is not None
    assert host.mem_available is not None
    assert 0 < host.mem_available <= host.mem_total
    assert host.disk_free is not None
    assert host.uptime_s is not None
    assert host.agent_rss is not None
    assert host.agent_rss > 1_000_000


def test_missing_sources_are_none_not_errors(tmp_path: Path) -> None:
    host = HostSensor("/does/not/exist", proc=tmp_path, sys=tmp_path).read(0.0)
    assert host.disk_total is None
    assert host.psi_cpu is None
    assert host.mem_total is None
    assert host.root_read_only is None
    assert host.temperature_c is None
    assert host.agent_rss is None
    assert isinstance(host, Host)


def test_pressure_and_memory_are_shares_and_bytes(tmp_path: Path) -> None:
    write(
        tmp_path, "proc/pressure/memory", "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00\n"
    )
    write(tmp_path, "proc/pressure/io", "nonsense\n")
    write(
        tmp_path,
        "proc/meminfo",
        "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 500 kB\nHugePages_Total: 0\n",
    )
    host = machine(tmp_path).read(0.0)
    assert host.psi_memory == 0.125
    assert host.psi_io is None
    assert (host.mem_total, host.mem_available) == (1_024_000, 512_000)


def test_cpu_share_is_counted_between_two_readings(tmp_path: Path) -> None:
    sensor = machine(tmp_path)
    write(tmp_path, "proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n")
    assert sensor.read(0.0).cpu_share is None
    write(tmp_path, "proc/stat", "cpu  125 0 150 825 0 0 0 0 0 0\n")
    assert sensor.read(5.0).cpu_share == 0.75


def test_a_root_remounted_read_only_shows_but_a_squashfs_is_meant_so(tmp_path: Path) -> None:
    sensor = machine(tmp_path)
    for line, expected in (
        ("/dev/mmcblk0p2 / ext4 ro,relatime 0 0", True),
        ("/dev/mmcblk0p2 / ext4 rw,errors=remount-ro 0 0", False),
        ("/dev/root / squashfs ro 0 0", False),
        ("/dev/root / squashfs ro 0 0\noverlay / overlay ro,lowerdir=/a 0 0", True),
    ):
        write(tmp_path, "proc/self/mounts", f"proc /proc proc rw 0 0\n{line}\n")
        assert sensor.read(0.0).root_read_only is expected


def test_the_hottest_believable_zone_counts(tmp_path: Path) -> None:
    for n, value in enumerate(("45000", "71500", "-273000", "999000", "x")):
        write(tmp_path, f"sys/class/thermal/thermal_zone{n}/temp", value)
    assert machine(tmp_path).read(0.0).temperature_c == 71.5


def test_endless_files_are_read_to_a_bound(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/mounts", "x /y z rw 0 0\n" * 500_000 + "/dev/sda / ext4 ro 0 0\n")
    assert machine(tmp_path).read(0.0).root_read_only is None


def test_a_reading_costs_less_than_a_thousandth_of_a_core() -> None:
    sensor = HostSensor()
    sensor.read(0.0)
    began = time.thread_time()
    for _ in range(20):
        sensor.read(0.0)
    assert (time.thread_time() - began) / 20 < sensor.period(False) / 1000
