# SPDX-License-Identifier: Apache-2.0
"""What each target consists of. One table of frozen settings; the recipe reads nothing else."""

from dataclasses import dataclass

PUBLIC_MIRROR = (
    "http://deb.debian.org/debian"  # signed by Debian's keys, so plain HTTP is safe and can be cached
)
PUBLIC_SECURITY = "http://deb.debian.org/debian-security"
PYTHON_DIR = "/usr/lib/x0/python"  # the agent's libraries; on PYTHONPATH of whoever starts it


class ImageError(Exception):
    """The image cannot be built. The text says what failed and how to mend it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One product of the recipe."""

    name: str
    arch: str  # Debian's name of the architecture
    suite: str
    python: str  # the suite's Python, for which wheels are fetched
    platforms: tuple[str, ...]  # wheel platforms, newest first
    kernel: str  # kernel package
    packages: tuple[str, ...]
    masked_units: tuple[str, ...]
    initrd_modules: tuple[str, ...]  # with their dependencies from modules.dep
    plain_modules: tuple[str, ...]  # kept decompressed in the root: unpacking xz is slow under emulation
    squashfs_options: tuple[str, ...]


# Everything a node has, less what only hardware needs.
NODE_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "kmod",
    "python3",
    "libbpf1",
    "batctl",
    "iproute2",
    "iw",
    "wpasupplicant",
    "wireless-regdb",
    "ethtool",
    "mosquitto",
    "procps",
)
# For the people and the tests that look at it from outside the agent.
LAB_PACKAGES = (
    "busybox-static",
    "hostapd",
    "iputils-ping",
    "mosquitto-clients",
    "psmisc",
    "tcpdump",
    "wireguard-tools",
)

MESH_MODULES = (
    "batman-adv",
    "bridge",
    "dummy",
    "i6300esb",
    "ifb",
    "mac80211_hwsim",
    "macsec",
    "sch_ingress",
    "sch_netem",
    "sch_tbf",
    "softdog",
    "veth",
    "virtio_console",
    "virtio_net",
    "virtio_rng",
    "vrf",
    "wireguard",
)

TARGETS = {
    target.name: target
    for target in (
        Target(
            name="lab",
            arch="amd64",
            suite="trixie",
            python="3.13",
            platforms=("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
            kernel="linux-image-amd64",  # not linux-image-cloud-amd64: it has no batman-adv
            packages=NODE_PACKAGES + LAB_PACKAGES,
            masked_units=(
                "apt-daily-upgrade.timer",
                "apt-daily.timer",
                "dpkg-db-backup.timer",
                "e2scrub_all.timer",
                "fstrim.timer",
                "mosquitto.service",  # each node starts its own
                "systemd-networkd-wait-online.service",  # stalls the boot for two minutes without a network
                "wpa_supplicant.service",
            ),
            initrd_modules=("virtio_pci", "virtio_blk", "squashfs", "overlay", "9p", "9pnet_virtio"),
            plain_modules=MESH_MODULES,
            # Measured under emulation: as fast as uncompressed (4 s to the first program), 200 MB for 300.
            squashfs_options=("-comp", "lz4"),
        ),
    )
}


def target_named(name: str) -> Target:
    """The target of that name; raises ImageError naming those there are."""
    try:
        return TARGETS[name]
    except KeyError:
        raise ImageError(f"no target {name!r}; there are: {', '.join(sorted(TARGETS))}") from None
