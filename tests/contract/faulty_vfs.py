"""A file system that is full, or fails its fsync, when a test wants it: for SQLite's real paths."""

from typing import Any

import apsw


class FsyncFailed(apsw.IOError):
    extendedresult = apsw.SQLITE_IOERR_FSYNC


class Faults:
    """What goes wrong now."""

    def __init__(self) -> None:
        self.full = False
        self.fsync_fails = False
        self.reads_fail = False


class FaultyVfs(apsw.VFS):
    """The system's files, with faults."""

    def __init__(self, name: str, faults: Faults) -> None:
        self.name = name
        self.faults = faults
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "FaultyFile":
        return FaultyFile(name, flags, self.faults)


class FaultyFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], faults: Faults) -> None:
        self.faults = faults
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        if self.faults.full:
            raise apsw.FullError("no space")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self.faults.fsync_fails:
            raise FsyncFailed("fsync")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        if self.faults.reads_fail:
            raise apsw.IOError("read")
        return super().xRead(amount, offset)
