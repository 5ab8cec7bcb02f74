"""The machines that this controller is paired with: one private JSON file.

A machine's certificate is pinned here; its addresses and port are only where it was last found.
Several programs may change the file (a window and a shell): each change is made under a lock, on
what the file holds then. A file that can't be read is kept aside, and said aloud; pairings are
never dropped without a word.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from lanherd_client.files import write_private
from lanherd_client.home import ensure_home
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.messages import Role

FORMAT = 1
PairedBy = Literal["unix"]


class KnownMachine(Struct, frozen=True, kw_only=True):
    """A paired machine. `role` is what it granted when it was paired; its hello says today's."""

    machine: DeviceId
    name: str
    certificate_pem: str
    addresses: tuple[str, ...]
    port: int
    role: Role
    paired_by: PairedBy
    paired_at: float


class _File(Struct, kw_only=True):
    format: int
    machines: tuple[KnownMachine, ...]


class MachineBook:
    """Reads and changes `HOME/machines.json`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home / "machines.json"

    def load(self) -> tuple[KnownMachine, ...]:
        """All machines. Raises `HOME_UNUSABLE`; a broken file is then under another name."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as problem:
            raise _unusable(self.path, f"{problem.strerror or problem}.") from problem
        try:
            file = msgspec.json.decode(content, type=_File)
        except msgspec.DecodeError as problem:
            raise self._kept_aside(str(problem)) from problem
        if file.format != FORMAT:
            raise _unusable(
                self.path,
                f"It has format {file.format}; this version reads format {FORMAT}.",
                "Install the Lanherd that wrote it, or a newer one.",
            )
        return file.machines

    def put(self, machine: KnownMachine) -> None:
        """Adds a machine, or replaces what is known of it."""
        self._change(lambda known: (*(m for m in known if m.machine != machine.machine), machine))

    def remove(self, machine: DeviceId) -> bool:
        """Forgets a machine; whether it was known."""
        present = any(known.machine == machine for known in self.load())
        self._change(lambda known: tuple(m for m in known if m.machine != machine))
        return present

    def move(self, machine: DeviceId, addresses: tuple[str, ...], port: int) -> None:
        """Notes where a machine was found; nothing when it is no longer known."""
        self._change(
            lambda known: tuple(
                msgspec.structs.replace(m, addresses=addresses, port=port)
                if m.machine == machine
                else m
                for m in known
            )
        )

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever the file does; None while there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _change(
        self, change: Callable[[tuple[KnownMachine, ...]], tuple[KnownMachine, ...]]
    ) -> None:
        ensure_home(self._home)
        try:
            with self._locked():
                known = self.load()
                changed = change(known)
                if changed != known:
                    content = msgspec.json.encode(_File(format=FORMAT, machines=changed))
                    write_private(self.path, msgspec.json.format(content, indent=2) + b"\n")
        except OSError as problem:
            raise _unusable(self.path, f"{problem.strerror or problem}.") from problem

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._home / "machines.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _kept_aside(self, why: str) -> LanherdError:
        number = 1
        while (aside := self.path.with_name(f"machines.broken-{number}.json")).exists():
            number += 1
        try:
            self.path.rename(aside)
        except OSError as problem:
            return _unusable(self.path, f"{why}. It can't be moved aside: {problem.strerror}.")
        return _unusable(
            self.path,
            f"It is broken: {why}. It was kept as {aside}.",
            "Mend it and move it back, or pair the machines again with 'lanherd pair'.",
        )


def _unusable(
    path: Path, why: str, remedy: str = "Make it readable and writable for you, then try again."
) -> LanherdError:
    return error(
        ErrorCode.HOME_UNUSABLE,
        f"The list of paired machines in {path} can't be used.",
        why,
        remedy,
        path=str(path),
    )
