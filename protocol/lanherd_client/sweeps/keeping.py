"""What a controller keeps of a sweep: where it went, and the ids of runs that may be on their way.

HOME/sweeps/<hash of its name>.json is written before a sweep is sent, and its ids are dropped once
the machine has acknowledged them. So a sweep that was cut off is sent again under the same ids, and
nothing of it is taken twice; and it goes to the same machine again. Losing the file loses no run:
those that a machine has are known by their keys.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from lanherd_client.files import write_private
from lanherd_client.home import ensure_home
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import DeviceId, RunId

KEPT_MAX = 1000
"""Sweeps that are remembered; of more, the least recent are forgotten."""


class Sent(Struct, frozen=True, kw_only=True):
    """A sweep's machine, and the ids under which runs may be on their way, by their keys."""

    name: str
    machine: DeviceId
    ids: dict[str, RunId] = {}


class SweepBook:
    """Reads and changes the files of a controller's sweeps."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / "sweeps"

    def load(self, name: str) -> Sent | None:
        """What is kept of a sweep; a file that can't be read is as good as none."""
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=Sent)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, sent: Sent) -> None:
        """Keeps it, on the disk when this returns. Raises `HOME_UNUSABLE`."""
        with self._usable():
            write_private(self._path(sent.name), msgspec.json.encode(sent))
            self._forget_oldest()

    @contextmanager
    def sending(self, name: str) -> Iterator[None]:
        """For the time that a sweep is being sent. Raises `CONFLICT` when another program sends
        it, and `HOME_UNUSABLE`."""
        with self._usable():
            handle = os.open(self._path(name).with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(handle, name)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        ensure_home(self._home)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            yield
        except OSError as problem:
            raise error(
                ErrorCode.HOME_UNUSABLE,
                f"{self._folder} can't be used for Lanherd's own state.",
                f"{problem.strerror or problem}.",
                "Make it writable, then send the sweep again.",
            ) from problem

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _forget_oldest(self) -> None:
        kept = list(self._folder.glob("*.json"))
        if len(kept) <= KEPT_MAX:
            return
        kept.sort(key=lambda path: path.stat().st_mtime)
        for path in kept[:-KEPT_MAX]:
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)


def _lock(handle: int, name: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        raise error(
            ErrorCode.CONFLICT,
            f"The sweep {name!r} is being sent by another program.",
            "Two at once would send its runs twice.",
            "Wait until that has ended, then send it again: only what is new is added.",
        ) from problem
