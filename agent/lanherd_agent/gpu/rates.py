"""How many bytes a second pass the machine's network and its disks.

Only hardware counts: what passes a bridge, a container's interface, a RAID or an encrypted volume
passes the device below it too.
"""

import os
from collections.abc import Callable, Iterator

from msgspec import Struct

Clock = Callable[[], float]

SECTOR_BYTES = 512
"""/proc/diskstats counts in these, whatever the disk's own sectors are (kernel: iostats.rst)."""
LOOPBACK = "lo"


class Rates(Struct, frozen=True, kw_only=True):
    """Bytes a second since the last reading; None where that isn't known."""

    network_received_bytes_s: float | None = None
    network_sent_bytes_s: float | None = None
    disk_read_bytes_s: float | None = None
    disk_written_bytes_s: float | None = None


Counts = tuple[int, int]
"""Bytes in and bytes out since the machine was started."""


class RateMeter:
    """Turns the kernel's counters into rates; the first reading has none yet."""

    def __init__(self, clock: Clock, proc: str = "/proc", sys: str = "/sys") -> None:
        self._clock = clock
        self._proc = proc
        # A container's only interface is no hardware; of disks, what isn't would count twice.
        self._network = _Counters(f"{sys}/class/net", only_hardware=False)
        self._disks = _Counters(f"{sys}/block", only_hardware=True)
        self._read_at: float | None = None

    def read(self) -> Rates:
        now = self._clock()
        passed_s = 0.0 if self._read_at is None else now - self._read_at
        self._read_at = now
        received, sent = self._network.rates(_network(self._proc), passed_s)
        read, written = self._disks.rates(_disks(self._proc), passed_s)
        return Rates(
            network_received_bytes_s=received,
            network_sent_bytes_s=sent,
            disk_read_bytes_s=read,
            disk_written_bytes_s=written,
        )


class _Counters:
    """The counters of one kind of device, as they were last."""

    def __init__(self, folder: str, *, only_hardware: bool) -> None:
        self._folder = folder
        self._only_hardware = only_hardware
        self._last: dict[str, Counts] = {}
        self._hardware: dict[str, bool] = {}

    def rates(
        self, found: Iterator[tuple[str, Counts]], passed_s: float
    ) -> tuple[float | None, float | None]:
        now = dict(found)
        self._hardware = {name: self._is_hardware(name) for name in now}
        if self._only_hardware or any(self._hardware.values()):
            now = {name: counts for name, counts in now.items() if self._hardware[name]}
        last, self._last = self._last, now
        both = [(now[name], last[name]) for name in now if name in last]
        if passed_s <= 0 or not both:
            return None, None
        # A device that was taken out and put in again counts from zero.
        first, second = (
            sum(max(new[way] - old[way], 0) for new, old in both) / passed_s for way in (0, 1)
        )
        return first, second

    def _is_hardware(self, name: str) -> bool:
        known = self._hardware.get(name)
        return os.path.exists(f"{self._folder}/{name}/device") if known is None else known


def _network(proc: str) -> Iterator[tuple[str, Counts]]:
    for line in _lines(f"{proc}/net/dev"):
        name, found, counts = line.partition(":")
        fields = counts.split()
        if found and len(fields) > 8 and name.strip() != LOOPBACK:
            yield name.strip(), (int(fields[0]), int(fields[8]))


def _disks(proc: str) -> Iterator[tuple[str, Counts]]:
    for line in _lines(f"{proc}/diskstats"):
        fields = line.split()
        # Whole disks and partitions alike: the partitions have no folder in /sys/block.
        if len(fields) > 9:
            yield (
                fields[2].replace("/", "!"),
                (int(fields[5]) * SECTOR_BYTES, int(fields[9]) * SECTOR_BYTES),
            )


def _lines(path: str) -> list[str]:
    # A container may lack either of them; then there is no rate.
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []
