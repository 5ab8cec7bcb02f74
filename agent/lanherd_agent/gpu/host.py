"""The machine beside its GPUs: load, memory, disk, and who owns a process. The only psutil user."""

import os
import platform
import pwd
from collections.abc import Mapping
from pathlib import Path

import psutil
from msgspec import Struct

from lanherd_protocol.ids import RunId
from lanherd_protocol.values import HostReading

COMMAND_CHARS_MAX = 500
ANCESTORS_MAX = 64
"""How far up a process tree is looked; a deeper one is not taken for ours."""


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
        """One sample; CPU is the mean since the last one."""
        return HostReading(
            cpu_percent=psutil.cpu_percent(),
            load_1m=os.getloadavg()[0],
            memory_used_bytes=_memory_used(),
            disk_free_bytes=self._disk_free(),
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

    def run_of(self, pid: int, roots: Mapping[int, RunId]) -> RunId | None:
        """The run in whose process tree this is; `roots` are the tops of the trees."""
        here = pid
        for _ in range(ANCESTORS_MAX):
            run = roots.get(here)
            if run is not None or here <= 1:
                return run
            try:
                here = psutil.Process(here).ppid()
            except psutil.Error:
                return None
        return None

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
