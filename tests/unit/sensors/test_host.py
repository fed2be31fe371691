# SPDX-License-Identifier: Apache-2.0
"""The host sensor reads what is there and says None for the rest."""

import os
import time
from pathlib import Path

import pytest

from agent.hostreadings import Heat, Host, NeighbourTable
from agent.sensors.host import HostSensor


def machine(tmp_path: Path) -> HostSensor:
    return HostSensor(
        str(tmp_path),
        str(tmp_path / "state"),
        proc=tmp_path / "proc",
        sys=tmp_path / "sys",
        run=tmp_path / "run",
        fstab=tmp_path / "fstab",
    )


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


# as a unit with ProtectSystem=strict sees it: every mount is read-only, the file system is not
SANDBOX = "29 1 254:1 / / ro,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("29 1 179:2 / / rw,relatime shared:1 - ext4 /dev/mmcblk0p2 ro,errors=remount-ro", True),
        ("29 1 179:2 / / rw,relatime - ext4 /dev/mmcblk0p2 rw", False),
        ("29 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw,emergency_ro,errors=remount-ro", True),
        (SANDBOX, False),
        ("29 1 179:2 / / ro,relatime - squashfs /dev/root ro", False),
        ("1 1 0:1 / / ro - squashfs /dev/root ro\n2 1 0:2 / / rw - overlay overlay ro,lowerdir=/a", True),
        ("29 1 0:1 / /boot rw - vfat /dev/mmcblk0p1 ro", None),
        ("nonsense\n- - -\n", None),
    ],
    ids=["remounted", "well", "emergency", "sandbox", "squashfs", "overlay", "another", "nonsense"],
)
def test_a_root_that_went_read_only_shows_but_one_that_is_meant_so_does_not(
    tmp_path: Path, lines: str, expected: bool | None
) -> None:
    write(tmp_path, "proc/self/mountinfo", f"20 29 0:5 / /proc rw - proc proc rw\n{lines}\n")
    host = machine(tmp_path).read(0.0)
    assert host.root_read_only is expected
    assert host.read_only == (("/",) if expected else ())


def test_what_fstab_calls_read_only_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/mountinfo", "29 1 179:2 / / ro - ext4 /dev/mmcblk0p2 ro\n")
    write(tmp_path, "fstab", "# / ext4 rw\nPARTUUID=x / ext4 defaults,ro 0 1\n")
    assert machine(tmp_path).read(0.0).root_read_only is False


def test_the_file_system_of_the_state_counts_too(tmp_path: Path) -> None:
    state = (tmp_path / "state").resolve()
    write(
        tmp_path,
        "proc/self/mountinfo",
        f"29 1 179:2 / / ro - squashfs x ro\n30 29 179:3 / {state} rw - ext4 y ro,errors=remount-ro\n",
    )
    assert machine(tmp_path).read(0.0).read_only == (str(state),)


def test_each_file_system_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    disks = machine(tmp_path).read(0.0).disks
    assert disks[0].path == str(tmp_path)
    assert 0 < disks[0].free <= disks[0].total
    assert str(tmp_path / "state") not in [disk.path for disk in disks]


def test_what_is_full_by_design_is_no_disk(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    where = tmp_path.resolve()
    write(tmp_path, "proc/self/mountinfo", f"30 29 179:3 / {where} ro - squashfs y ro\n")
    paths = [disk.path for disk in HostSensor(str(where), str(where), proc=tmp_path / "proc").read(0.0).disks]
    assert str(where) not in paths


def zone(tmp_path: Path, number: int, **files: str) -> None:
    for name, value in files.items():
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/{name}", f"{value}\n")


def test_the_zone_nearest_to_its_own_limit_is_told(tmp_path: Path) -> None:
    zone(
        tmp_path, 0, temp="70000", type="cpu-thermal", trip_point_0_type="passive", trip_point_0_temp="60000"
    )
    zone(
        tmp_path,
        1,
        temp="66000",
        type="modem",
        trip_point_0_type="hot",
        trip_point_0_temp="70000",
        trip_point_1_type="critical",
        trip_point_1_temp="75000",
    )
    zone(tmp_path, 2, temp="-273000", type="broken")
    assert machine(tmp_path).read(0.0).heat == Heat("modem", 66.0, 65.0)


def test_a_trip_point_of_nonsense_is_not_believed(tmp_path: Path) -> None:
    zone(tmp_path, 0, temp="50000", type="soc", trip_point_0_type="critical", trip_point_0_temp="0")
    assert machine(tmp_path).read(0.0).heat == Heat("soc", 50.0, 80.0)


@pytest.mark.parametrize(
    ("flags", "weak"), [("0\n", False), ("50000\n", False), ("50005\n", True), ("x", None)]
)
def test_under_voltage_counts_while_it_lasts(tmp_path: Path, flags: str, weak: bool | None) -> None:
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", flags)
    assert machine(tmp_path).read(0.0).under_voltage is weak


ARP = """\
entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast rcv_probes_ucast \
periodic_gc_runs forced_gc_runs unresolved_discards table_fulls
0000000c 00000010 00000004 00000000 0 0 00000000 0 0 00000001 00000000 00000000 0000000a
0000000c 00000010 00000004 00000000 0 0 00000000 0 0 00000001 00000000 00000000 00000002
"""


def test_a_neighbour_table_s_columns_are_hexadecimal_and_its_refusals_of_all_processors_count(
    tmp_path: Path,
) -> None:
    write(tmp_path, "proc/net/stat/arp_cache", ARP)
    write(tmp_path, "proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n")
    write(tmp_path, "proc/net/stat/ndisc_cache", "other columns\n1 2\n")
    assert machine(tmp_path).read(0.0).neighbour_tables == (NeighbourTable("arp_cache", 12, 1024, 12),)


def test_the_biggest_processes_are_looked_for_only_where_memory_is_short(tmp_path: Path) -> None:
    for pid, pages, name in ((7, 100, "mosquitto"), (8, 900, "eater"), (9, 0, "kthread"), (10, 5, "init")):
        write(tmp_path, f"proc/{pid}/statm", f"{pages * 2} {pages} 0 0 0 0 0\n")
        write(tmp_path, f"proc/{pid}/comm", f"{name}\n")
    write(tmp_path, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n")
    assert machine(tmp_path).read(0.0).biggest == ()
    write(tmp_path, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
    found = machine(tmp_path).read(0.0).biggest
    assert [(each.pid, each.name) for each in found] == [(8, "eater"), (7, "mosquitto"), (10, "init")]
    assert found[0].rss == 900 * os.sysconf("SC_PAGE_SIZE")


def test_the_hottest_believable_zone_counts(tmp_path: Path) -> None:
    for n, value in enumerate(("45000", "71500", "-273000", "999000", "x")):
        write(tmp_path, f"sys/class/thermal/thermal_zone{n}/temp", value)
    assert machine(tmp_path).read(0.0).temperature_c == 71.5


def test_endless_files_are_read_to_a_bound(tmp_path: Path) -> None:
    rows = "9 1 0:1 / /y rw - x x rw\n" * 500_000
    write(tmp_path, "proc/self/mountinfo", rows + "29 1 179:2 / / rw - ext4 x ro\n")
    assert machine(tmp_path).read(0.0).root_read_only is None


def test_a_reading_costs_less_than_a_thousandth_of_a_core() -> None:
    sensor = HostSensor()
    sensor.read(0.0)
    began = time.thread_time()
    for _ in range(20):
        sensor.read(0.0)
    assert (time.thread_time() - began) / 20 < sensor.period(False) / 1000
