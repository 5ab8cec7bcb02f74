"""Who has proved to hold which blobs, and whose which snapshots are: a small database of its own.

It is written as often as a pack of blobs arrives, and nothing in it is the only witness of
anything: whoever is forgotten here proves anew by uploading. So, unlike the agent's records, a
commit isn't synced (a power cut takes the last moments, never the whole), and a file that turns
out damaged is thrown away and made anew.
"""

import errno
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
from msgspec import MsgspecError, Struct, msgpack

from lanherd_agent.persist.store import disk_full, store_failed
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId

_LOG = logging.getLogger(__name__)
_VERSION = 1
_CACHE_KIB = 8192
_DAMAGED = (apsw.CorruptError, apsw.NotADBError, MsgspecError)
_TABLES = f"""
    CREATE TABLE users (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE proofs (user INTEGER, blob BLOB, bytes INTEGER NOT NULL,
        PRIMARY KEY (user, blob)) WITHOUT ROWID;
    CREATE TABLE snapshots (user INTEGER, snapshot BLOB, body BLOB NOT NULL,
        PRIMARY KEY (user, snapshot)) WITHOUT ROWID;
    PRAGMA user_version = {_VERSION};
"""
_ADD_USER = "INSERT OR IGNORE INTO users (name) VALUES (?)"
_FIND_USER = "SELECT number FROM users WHERE name = ?"
_PROVE = "INSERT OR IGNORE INTO proofs VALUES (?, ?, ?) RETURNING blob"
_BLOBS = "SELECT blob FROM proofs WHERE user = ?"
_HELD = "SELECT count(*), total(bytes) FROM proofs WHERE user = ?"
_UNPROVEN = """
    SELECT value FROM carray(?)
    WHERE NOT EXISTS (SELECT 1 FROM proofs WHERE user = ? AND blob = value)
"""
_FORGET = "DELETE FROM proofs WHERE user = ? AND blob = ?"
_SNAPSHOTS = """
    SELECT users.name, snapshots.snapshot, snapshots.body
    FROM snapshots JOIN users ON users.number = snapshots.user
"""
_PUT = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)"
_REMOVE = "DELETE FROM snapshots WHERE user = ? AND snapshot = ?"


class KeptSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot as one user has it. Times are seconds since 1970."""

    project: str
    files: int
    bytes_total: int
    created_at: float
    used_at: float
    pinned: bool = False
    pin_note: str = ""


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(KeptSnapshot).decode


class CatalogueFile:
    """The database, made when something is first written. Its methods block, and may be called from
    any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._users: dict[str, int] = {}
        self._new_users: dict[str, int] = {}
        self._opened: apsw.Connection | None = None

    def close(self) -> None:
        """The next use opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close(force=True)
                self._opened = None

    def snapshots(self) -> Iterator[tuple[str, SnapshotId, KeptSnapshot]]:
        """All that anybody has."""
        if self._opened is None and not self._path.exists():
            return
        with self._using() as connection:
            rows: list[Any] = connection.execute(_SNAPSHOTS).fetchall()
        for user, snapshot, body in rows:
            yield user, SnapshotId(snapshot.hex()), _decode(body)

    def put(self, user: str, snapshots: Iterable[tuple[SnapshotId, KeptSnapshot]]) -> None:
        """The user has these, as they are said to be."""
        with self._using() as connection:
            number = self._number(connection, user)
            rows = [(number, bytes.fromhex(one), _encode(kept)) for one, kept in snapshots]
            connection.executemany(_PUT, rows)

    def remove(self, snapshots: Iterable[tuple[str, SnapshotId]]) -> None:
        """The users have these no longer."""
        with self._using() as connection:
            rows = [(self._number(connection, user), bytes.fromhex(one)) for user, one in snapshots]
            connection.executemany(_REMOVE, rows)

    def prove(self, user: str, blobs: Mapping[BlobHash, int]) -> set[BlobHash]:
        """The user holds these blobs, of so many bytes; those that he wasn't known to hold."""
        with self._using() as connection:
            number = self._number(connection, user)
            # In order, neighbours fall into the same pages.
            rows = [(number, bytes.fromhex(blob), blobs[blob]) for blob in sorted(blobs)]
            return _blobs(connection.executemany(_PROVE, rows))

    def unproven(self, user: str, blobs: Sequence[BlobHash]) -> set[BlobHash]:
        """Those of the blobs that the user hasn't proved to hold."""
        if not blobs:
            return set()
        raw = tuple(map(bytes.fromhex, blobs))
        with self._using() as connection:
            number = self._number(connection, user)
            rows: Iterable[Any] = connection.execute(_UNPROVEN, (apsw.carray(raw), number))
            found = {row[0] for row in rows}
        return {blob for blob, one in zip(blobs, raw, strict=True) if one in found}

    def blobs(self, user: str) -> set[BlobHash]:
        """All that the user has proved to hold."""
        with self._using() as connection:
            return _blobs(connection.execute(_BLOBS, (self._number(connection, user),)))

    def held(self, user: str) -> tuple[int, int]:
        """How many blobs the user has proved to hold, and their bytes."""
        with self._using() as connection:
            number = self._number(connection, user)
            rows: list[Any] = connection.execute(_HELD, (number,)).fetchall()
        return int(rows[0][0]), int(rows[0][1])

    def forget_blobs(self, blobs: Iterable[BlobHash]) -> None:
        """Nobody holds these any more: they are gone from the store."""
        gone = [bytes.fromhex(blob) for blob in sorted(blobs)]
        with self._using() as connection:
            for (number,) in connection.execute("SELECT number FROM users").fetchall():
                connection.executemany(_FORGET, [(number, blob) for blob in gone])

    def _number(self, connection: apsw.Connection, user: str) -> int:
        known = self._users.get(user) or self._new_users.get(user)
        if known is not None:
            return known
        connection.execute(_ADD_USER, (user,))
        rows: list[Any] = connection.execute(_FIND_USER, (user,)).fetchall()
        # Known from the end of the transaction on: it may be taken back, and the number with it.
        number = self._new_users[user] = int(rows[0][0])
        return number

    @contextmanager
    def _using(self) -> Iterator[apsw.Connection]:
        """One transaction, alone."""
        with self._lock:
            connection = self._connect()
            self._new_users.clear()
            try:
                with _transaction(connection):
                    yield connection
            except _DAMAGED as cause:
                self._make_anew(cause)
                raise store_failed(
                    str(self._path),
                    f"The catalogue of snapshots was damaged ({cause}), and was made anew.",
                    "Try again: what you had there is uploaded once more.",
                ) from cause
            except apsw.Error as cause:
                raise self._problem(cause) from cause
            self._users.update(self._new_users)

    def _connect(self) -> apsw.Connection:
        if self._opened is None:
            try:
                self._opened = self._open()
            except _DAMAGED as cause:
                self._opened = self._make_anew(cause)
            except (apsw.Error, OSError) as cause:
                raise self._problem(cause) from cause
        return self._opened

    def _open(self) -> apsw.Connection:
        # Through the file's own permissions, not the umask: a catalogue tells what people have.
        self._path.touch(mode=0o600)
        connection = apsw.Connection(str(self._path))
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            version = connection.pragma("user_version")
            if version != _VERSION:
                if version:
                    raise apsw.NotADBError(f"its version is {version}, not {_VERSION}")
                with _transaction(connection):
                    connection.execute(_TABLES)
            for _user, _snapshot, body in connection.execute(_SNAPSHOTS):
                _decode(body)
        except BaseException:
            connection.close(force=True)
            raise
        return connection

    def _make_anew(self, cause: Exception) -> apsw.Connection:
        _LOG.info("The catalogue of snapshots is made anew: %s", cause)
        if self._opened is not None:
            self._opened.close(force=True)
            self._opened = None
        self._users.clear()
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
        self._opened = self._open()
        return self._opened

    def _problem(self, cause: apsw.Error | OSError) -> LanherdError:
        is_full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
        if is_full or isinstance(cause, apsw.FullError):
            return disk_full(str(self._path))
        return store_failed(str(self._path), f"{type(cause).__name__}: {cause}.")


@contextmanager
def _transaction(connection: apsw.Connection) -> Iterator[None]:
    # Not apsw's own: where a full disk has ended the transaction already, that fails again.
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _blobs(rows: Iterable[Any]) -> set[BlobHash]:
    return {BlobHash(row[0].hex()) for row in rows}
