"""The store on disk: SQLite by apsw, which brings a SQLite of its own.

WAL with synchronous=FULL: a commit is one write and one fsync of the log. The database is locked
for as long as it is open (and so needs no shared memory file). Checkpoints are not left to SQLite,
which would not say that their fsync failed: `tidy` does them, after whoever waited for the commit
has been answered.

A file whose content is damaged is not written to any more. That is remembered in a file beside it,
so that damage which is met late, in a page that is rarely read, is known to the next to open it.
"""

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import apsw
from msgspec import MsgspecError, msgpack

from lanherd_agent.core.effects import Durable
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.core.step import Command, Kept
from lanherd_agent.persist.reserve import Reserve
from lanherd_agent.persist.schema import CREATE_VERSION_TABLE, TABLES, VERSIONS
from lanherd_agent.persist.store import (
    AUDIT_KEPT,
    COMMANDS_KEPT,
    EVENTS_KEPT,
    PRUNE_EVERY,
    SEQ_FLOOR,
    AuditEntry,
    Batch,
    DamagedError,
    Device,
    FeedEvent,
    Loaded,
    damaged,
    disk_full,
    event_view,
    store_failed,
)
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended, RunView

WAL_PAGES_MAX = 1000
"""Pages in the log at which it is written back into the database."""
LOOKUP_MAX = 500
CHECK_BYTES_MAX = 64 * 1024 * 1024
"""A larger file is looked through only after a crash: its pages take a second for each 500 MB."""

_LOG = logging.getLogger(__name__)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError, MsgspecError)
_FSYNC_FAILED = (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC)

_PUT_RUN = """
    INSERT INTO runs (ordinal, run, ended, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (ordinal) DO UPDATE SET ended = excluded.ended, body = excluded.body
"""
_PUT_EVENT = "INSERT INTO events (seq, run, body) VALUES (?, ?, ?)"
_PUT_EFFECT = "INSERT OR REPLACE INTO effects (id, body) VALUES (?, ?)"
_END_EFFECT = "DELETE FROM effects WHERE id = ?"
_PUT_COMMAND = "INSERT OR REPLACE INTO commands (command, body) VALUES (?, ?)"
_NEWEST_COMMANDS = """
    SELECT body FROM (SELECT number, body FROM commands ORDER BY number DESC LIMIT ?)
    ORDER BY number
"""
_PUT_DEVICE = "INSERT OR REPLACE INTO devices (device, body) VALUES (?, ?)"
_PUT_AUDIT = "INSERT INTO audit (body) VALUES (?)"
_PUT_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_PUT_MACHINE = "INSERT OR REPLACE INTO machine (number, body) VALUES (1, ?)"

Result = TypeVar("Result")
_encode = msgpack.Encoder().encode
_run = msgpack.Decoder(RunRecord).decode
_event = msgpack.Decoder(FeedEvent).decode
_effect: Callable[[bytes], Durable] = msgpack.Decoder(Durable).decode
_command = msgpack.Decoder(Command).decode
_device = msgpack.Decoder(Device).decode
_machine = msgpack.Decoder(MachineState).decode
_audit_entry = msgpack.Decoder(AuditEntry).decode


class SqliteStore:
    """An agent's database file. Opening it makes it, or brings it to this version's tables."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._where = str(path)
        self._failed: LanherdError | None = None
        self._inodes: dict[str, int] = {}
        self._closed = False
        self._wal_pages = 0
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._damage = damage_note(path)
        try:
            _make_private(path)
            crashed = _has_content(path.with_name(f"{path.name}-wal"))
            large = path.stat().st_size > CHECK_BYTES_MAX
        except OSError as cause:
            raise self._os_problem(cause) from cause
        with self._told_as_failure():
            self._connection = apsw.Connection(self._where, vfs=vfs)
        try:
            with self._told_as_failure():
                self._set_up()
                self._check(thoroughly=crashed or not large)
                self._migrate()
                self._events_since_prune = self._beyond("events", "seq", EVENTS_KEPT)
                self._commands_since_prune = self._beyond("commands", "number", COMMANDS_KEPT)
                self._audit_since_prune = self._beyond("audit", "number", AUDIT_KEPT)
            self._reserve.restore()
            self._check_still_there()
        except LanherdError:
            self.close()
            raise

    # --- Reading ---------------------------------------------------------------------------------

    def load(self, ended_max: int) -> Loaded:
        with self._told_as_failure():
            ended, left_out = self._newest_ended(ended_max)
            waiting_or_live = self._bodies("SELECT body FROM runs WHERE ended = 0 ORDER BY ordinal")
            highest = self._one("SELECT max(run) FROM runs") if left_out else None
            machine = self._one("SELECT body FROM machine")
            return Loaded(
                kept=Kept(
                    runs=[*ended, *map(_run, waiting_or_live)],
                    effects=[_effect(body) for body in self._bodies("SELECT body FROM effects")],
                    commands=[
                        _command(body) for body in self._bodies(_NEWEST_COMMANDS, (COMMANDS_KEPT,))
                    ],
                    seq=self._one("SELECT max(seq) FROM events") or self._seq_floor(),
                    ordinal=self._one("SELECT max(ordinal) FROM runs") or 0,
                    elsewhere_max=highest or "",
                    machine=_machine(machine) if machine is not None else MachineState(),
                ),
                devices=tuple(_device(b) for b in self._bodies("SELECT body FROM devices")),
                runs_total=self._one("SELECT count(*) FROM runs") or 0,
                events_from=self._events_from(),
                meta=dict(self._connection.execute("SELECT key, value FROM meta")),
            )

    def find_runs(self, runs: Iterable[RunId]) -> tuple[RunRecord, ...]:
        found: list[RunRecord] = []
        rest = iter(runs)
        with self._told_as_failure():
            while asked := tuple(islice(rest, LOOKUP_MAX)):
                marks = ",".join("?" * len(asked))
                bodies = self._bodies(f"SELECT body FROM runs WHERE run IN ({marks})", asked)
                found.extend(map(_run, bodies))
        return tuple(found)

    def ended_before(self, ordinal: int, limit: int) -> tuple[RunRecord, ...]:
        query = """
            SELECT body FROM runs WHERE ordinal < ? AND ended = 1 ORDER BY ordinal DESC LIMIT ?
        """
        with self._told_as_failure():
            return tuple(map(_run, self._bodies(query, (ordinal, limit))))

    def events_since(self, seq: int, limit: int) -> tuple[RunView, ...] | None:
        query = """
            SELECT events.body, runs.body FROM events JOIN runs ON runs.run = events.run
            WHERE events.seq > ? ORDER BY events.seq LIMIT ?
        """
        with self._told_as_failure():
            if seq + 1 < self._events_from():
                return None
            rows = self._connection.execute(query, (seq, limit))
            return tuple(event_view(_event(event), _run(run)) for event, run in rows)

    def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        query = "SELECT body FROM audit ORDER BY number DESC LIMIT ?"
        with self._told_as_failure():
            return tuple(map(_audit_entry, self._bodies(query, (limit,))))

    def _newest_ended(self, most: int) -> tuple[list[RunRecord], bool]:
        query = "SELECT body FROM runs WHERE ended = 1 ORDER BY ordinal DESC LIMIT ?"
        newest = list(self._bodies(query, (most + 1,)))
        return [_run(body) for body in reversed(newest[:most])], len(newest) > most

    def _events_from(self) -> int:
        return self._one("SELECT min(seq) FROM events") or self._seq_floor() + 1

    def _seq_floor(self) -> int:
        query = f"SELECT value FROM meta WHERE key = '{SEQ_FLOOR}'"
        return int(self._one(query) or 0)

    def _bodies(self, query: str, bindings: tuple[Any, ...] = ()) -> Iterator[bytes]:
        return (row[0] for row in self._connection.execute(query, bindings))

    def _one(self, query: str) -> Any:
        for (value,) in self._connection.execute(query):
            return value
        return None

    # --- Writing ---------------------------------------------------------------------------------

    def commit(self, batch: Batch, *, urgent: bool = False) -> bool:
        released = False
        while True:
            try:
                with self._told_as_failure():
                    self._transact(lambda: self._put(batch))
                self._check_still_there()
                break
            except LanherdError as failure:
                full = failure.code is ErrorCode.DISK_FULL
                if not (urgent and full and self._reserve.release()):
                    raise
                released = True
        self._events_since_prune += len(batch.events)
        self._commands_since_prune += len(batch.commands)
        self._audit_since_prune += len(batch.audit)
        return released

    def _check_still_there(self) -> None:
        """A file that was removed or replaced takes what is written as before, and keeps nothing:
        what was just committed is not to be acknowledged."""
        for path in (self._where, f"{self._where}-wal"):
            try:
                inode = os.stat(path).st_ino
            except FileNotFoundError:
                inode = 0
            if self._inodes.setdefault(path, inode) != inode or not inode:
                self._failed = store_failed(
                    self._where,
                    "They were removed or replaced while the agent used them.",
                    "Start the agent again: it makes them anew from the directories of the runs.",
                )
                raise self._failed

    def _put(self, batch: Batch) -> None:
        many = self._connection.executemany
        if batch.runs:
            many(
                _PUT_RUN,
                [(r.ordinal, r.run, isinstance(r.state, Ended), _encode(r)) for r in batch.runs],
            )
        if batch.events:
            many(_PUT_EVENT, [(event.seq, event.run, _encode(event)) for event in batch.events])
        if batch.effects_added:
            many(_PUT_EFFECT, [(effect.id, _encode(effect)) for effect in batch.effects_added])
        if batch.effects_ended:
            many(_END_EFFECT, [(effect,) for effect in batch.effects_ended])
        if batch.commands:
            many(_PUT_COMMAND, [(c.command, _encode(c)) for c in batch.commands])
        if batch.devices:
            many(_PUT_DEVICE, [(device.device, _encode(device)) for device in batch.devices])
        if batch.audit:
            many(_PUT_AUDIT, [(_encode(entry),) for entry in batch.audit])
        if batch.meta:
            many(_PUT_META, list(batch.meta.items()))
        if batch.machine is not None:
            self._connection.execute(_PUT_MACHINE, (_encode(batch.machine),))

    @property
    def untidy(self) -> bool:
        """Whether `tidy` has something to do."""
        return (
            self._wal_pages >= WAL_PAGES_MAX
            or not self._reserve.is_whole()
            or self._events_since_prune >= PRUNE_EVERY
            or self._commands_since_prune >= PRUNE_EVERY
            or self._audit_since_prune >= PRUNE_EVERY
        )

    def tidy(self) -> None:
        """Remove what is older than needed, and write the log back into the database.

        A full disk only puts this off.
        """
        if not self._reserve.is_whole():
            self._reserve.restore()
        with self._told_as_failure():
            try:
                if self._events_since_prune >= PRUNE_EVERY:
                    self._prune("events", "seq", EVENTS_KEPT)
                    self._events_since_prune = 0
                if self._commands_since_prune >= PRUNE_EVERY:
                    self._prune("commands", "number", COMMANDS_KEPT)
                    self._commands_since_prune = 0
                if self._audit_since_prune >= PRUNE_EVERY:
                    self._prune("audit", "number", AUDIT_KEPT)
                    self._audit_since_prune = 0
                if self._wal_pages >= WAL_PAGES_MAX:
                    self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                    self._wal_pages = 0
            except apsw.FullError:
                self._events_since_prune = self._commands_since_prune = self._wal_pages = 0
                self._audit_since_prune = 0

    def fold(self) -> None:
        """Write the whole log back into the database, and say so if that fails."""
        with self._told_as_failure():
            left = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if left != (0, 0):
                raise store_failed(self._where, "The log could not be written back.")
            self._wal_pages = 0

    def _beyond(self, table: str, number: str, most: int) -> int:
        """How many rows are older than needed, as a life that ended before it pruned left them."""
        span = f"SELECT max({number}) - min({number}) + 1 FROM {table}"
        return max(0, (self._one(span) or 0) - most)

    def _prune(self, table: str, number: str, most: int) -> None:
        query = f"DELETE FROM {table} WHERE {number} <= (SELECT max({number}) FROM {table}) - ?"
        self._transact(lambda: self._connection.execute(query, (most,)))

    def _transact(self, write: Callable[[], object]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            write()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def close(self, *, fold: bool = True) -> None:
        if not self._closed and (self._failed is not None or not fold):
            # After a failure the log is the last word on what was kept, and is not to be folded
            # into a file that can't be trusted.
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._closed = True
        self._connection.close(force=True)

    # --- Opening ---------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self._connection.set_busy_timeout(0)
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if self._one("PRAGMA journal_mode = WAL") != "wal":
            raise store_failed(self._where, "SQLite can't keep a write-ahead log there.")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA journal_size_limit = 16777216")
        self._connection.set_wal_hook(self._on_wal)

    def _on_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _check(self, *, thoroughly: bool) -> None:
        """Damage is better met now than by what is committed next."""
        if _is_noted(self._damage, Path(self._where)):
            raise damaged(self._where, "They were found so when they were last used.")
        found = self._one("PRAGMA quick_check(1)") if thoroughly else "ok"
        if found != "ok":
            raise damaged(self._where, f"{found}.")

    def _migrate(self) -> None:
        self._transact(self._apply_versions)
        names = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema")}
        if not names >= TABLES:
            missing = ", ".join(sorted(TABLES - names))
            raise damaged(self._where, f"These tables are missing: {missing}.")

    def _apply_versions(self) -> None:
        self._connection.execute(CREATE_VERSION_TABLE)
        version = self._one("SELECT max(version) FROM schema_version") or 0
        if version > len(VERSIONS):
            raise store_failed(
                self._where,
                f"They were written by a newer Lanherd (version {version} of the tables; "
                f"this one knows {len(VERSIONS)}).",
                "Install that version again, or move the file aside to start anew.",
            )
        for number, script in enumerate(VERSIONS[version:], version + 1):
            self._connection.execute(script)
            self._connection.execute("INSERT INTO schema_version VALUES (?)", (number,))

    # --- Failures --------------------------------------------------------------------------------

    @contextmanager
    def _told_as_failure(self) -> Iterator[None]:
        """Turn what SQLite says into DISK_FULL, or into STORE_FAILED for good."""
        if self._failed is not None:
            raise self._failed
        try:
            yield
        except apsw.FullError as cause:
            raise disk_full(self._where) from cause
        except apsw.BusyError as cause:
            raise store_failed(
                self._where,
                "Another process has the file open.",
                "Stop the other agent, or give this one another home.",
            ) from cause
        except DamagedError as failure:
            self._remember_damage(failure)
            raise
        except _DAMAGED as cause:
            found = damaged(self._where, f"{type(cause).__name__}: {cause}.")
            self._remember_damage(found)
            raise found from cause
        except apsw.Error as cause:
            if self._is_for_space(cause):
                raise disk_full(self._where) from cause
            self._failed = store_failed(self._where, f"{type(cause).__name__}: {cause}.")
            raise self._failed from cause

    def _remember_damage(self, failure: DamagedError) -> None:
        self._failed = failure
        try:
            inode = os.stat(self._where).st_ino
            self._damage.write_text(f"{inode} {failure}\n")
        except OSError as problem:
            _LOG.warning("It could not be noted that %s is damaged: %s", self._where, problem)

    def _is_for_space(self, cause: Exception) -> bool:
        """Whether an I/O error is a full disk or quota under another name. Never for an fsync:
        after one has failed, nobody knows what is on the disk."""
        result = getattr(cause, "extendedresult", None)
        return (
            isinstance(cause, apsw.IOError)
            and result is not None
            and result not in _FSYNC_FAILED
            and self._connection.system_errno in _NO_SPACE
        )

    def _os_problem(self, cause: OSError) -> LanherdError:
        if cause.errno in _NO_SPACE:
            return disk_full(self._where)
        return store_failed(self._where, f"{cause.strerror}.")


def damage_note(path: Path) -> Path:
    """The file that says of a database (by its inode) that it was found damaged."""
    return path.with_name(f"{path.name}.damaged")


def _is_noted(note: Path, path: Path) -> bool:
    """Whether the note is about this very file, and not about one that had its name before."""
    try:
        return note.read_text().partition(" ")[0] == str(path.stat().st_ino)
    except (FileNotFoundError, IsADirectoryError):
        return False


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _make_private(path: Path) -> None:
    """Make the file if it is missing, for nobody but this user; a link is not followed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(path, flags, 0o600)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "It is not a regular file")
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.fchmod(file, 0o600)
    finally:
        os.close(file)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
