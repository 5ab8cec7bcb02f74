"""What /proc tells of a process on a GPU, read as rarely and as cheaply as can be."""

import errno
import os
from typing import NamedTuple

RUN_VARIABLE = b"LANHERD_RUN_ID="
RUN_VARIABLE_BYTES_MAX = 80
"""A run's id is a UUID; what is longer names none."""


class Stat(NamedTuple):
    """The parent, and when it was started (clock ticks since boot): with its pid, which it is."""

    parent: int
    started: int


class Proc:
    """Reads `root`; what is gone, or hidden from this user, is None or empty."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def stat(self, pid: int) -> Stat | None:
        # The name in brackets may hold brackets and spaces of its own.
        _, _, rest = self._read(pid, "stat").rpartition(b") ")
        fields = rest.split()
        return Stat(int(fields[1]), int(fields[19])) if len(fields) > 19 else None

    def cgroup(self, pid: int) -> str:
        return self._read(pid, "cgroup").decode("utf-8", "replace")

    def run_named(self, pid: int) -> str | None:
        """The run that an own process was started for, by its environment.

        That one variable is looked at and nothing else is kept: others may be secrets. Another
        user's word is not taken.
        """
        try:
            owner = os.stat(f"{self._root}/{pid}").st_uid
        except OSError:
            return None
        if owner != os.geteuid():
            return None
        for variable in self._read(pid, "environ").split(b"\0"):
            if variable.startswith(RUN_VARIABLE) and len(variable) <= RUN_VARIABLE_BYTES_MAX:
                return variable[len(RUN_VARIABLE) :].decode("utf-8", "replace") or None
        return None

    def is_gone(self, pid: int) -> bool:
        """Whether there is no such process; one that /proc hides (`hidepid`) is there."""
        try:
            os.close(os.pidfd_open(pid))
        except OSError as problem:
            return problem.errno == errno.ESRCH
        return False

    def _read(self, pid: int, name: str) -> bytes:
        try:
            with open(f"{self._root}/{pid}/{name}", "rb", buffering=0) as file:
                return file.read()
        except OSError:
            return b""
