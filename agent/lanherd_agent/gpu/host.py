"""The machine beside its GPUs: load, memory, disk, and who owns a process. The only psutil user."""

import os
import platform
import pwd
import time
from pathlib import Path

import psutil
from msgspec import Struct

from lanherd_agent.gpu.rates import RateMeter
from lanherd_protocol.values import HostReading

COMMAND_CHARS_MAX = 500


class HostCapacity(Struct, frozen=True, kw_only=True):
    """What the machine has, for its facts."""

    os: str
    cpu_count: int
    memory_bytes: int
    disk_bytes: int


class ProcessOwner(Struct, frozen=True, kw_only=True):
    """Who runs a process, and what it is."""

    user: str
    command: str


class HostProbe:
    """Reads the host; `home` is where runs are stored, so its file system is the one that fills."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._rates = RateMeter(time.monotonic)
        # The first call gives the mean since boot; it starts the clock for the next one.
        psutil.cpu_percent()

    def capacity(self) -> HostCapacity:
        return HostCapacity(
            os=_os_name(),
            cpu_count=os.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            disk_bytes=psutil.disk_usage(self._home).total,
        )

    def read(self) -> HostReading:
        """One sample; CPU and rates are means since the last one."""
        rates = self._rates.read()
        return HostReading(
            cpu_percent=psutil.cpu_percent(),
            load_1m=os.getloadavg()[0],
            memory_used_bytes=_memory_used(),
            disk_free_bytes=self._disk_free(),
            network_received_bytes_s=rates.network_received_bytes_s,
            network_sent_bytes_s=rates.network_sent_bytes_s,
            disk_read_bytes_s=rates.disk_read_bytes_s,
            disk_written_bytes_s=rates.disk_written_bytes_s,
        )

    def process(self, pid: int) -> ProcessOwner | None:
        """Owner and command; None when it is gone or hidden from this user."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                command = " ".join(process.cmdline()) or process.name()
                user = _user_name(process.uids().effective)
        except psutil.Error:
            return None
        return ProcessOwner(user=user, command=command[:COMMAND_CHARS_MAX])

    def _disk_free(self) -> int | None:
        # A home on a disk that went away must not stop the gauges; saying so is the store's part.
        try:
            return psutil.disk_usage(self._home).free
        except OSError:
            return None


def _memory_used() -> int:
    memory = psutil.virtual_memory()
    return memory.total - memory.available


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
