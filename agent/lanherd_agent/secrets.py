"""The secrets of runs: files that only the agent's user can read, and words that nobody is told.

`home/secrets/<run>/NAME` holds a value from before its submit is acknowledged until the run has
ended for good. No other place of Lanherd's has it: the core, the store, the events and the run's
own spec know the names alone, and whatever the agent logs is redacted. A folder appears whole by a
rename, so one that is there is complete.
"""

import asyncio
import contextlib
import errno
import logging
import os
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from lanherd_agent.disk import in_thread, sync_file_system, sync_path, write_all
from lanherd_agent.home import AgentHome
from lanherd_agent.runs.rundir import RunDirError, read_plain
from lanherd_agent.shell.shell import Shell
from lanherd_agent.trash import Trash
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, is_uuid7, short_id
from lanherd_protocol.limits import SECRET_BYTES_MAX, SECRETS_PER_RUN_MAX
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended, RunView

log = logging.getLogger("lanherd.secrets")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NAME_CHARS_MAX = 128
REDACTED_CHARS_MIN = 4
"""Shorter values would be found in every other word, and what is left of the log told nothing."""
LINE_CHARS_MIN = 8
"""The same for one line of a value of several."""
FILES_SYNCED_ONE_BY_ONE = 64
UNCLAIMED_S = 600.0
"""How old a folder must be that belongs to no run; younger ones may be of a submit in progress."""
SWEEP_EVERY_S = 3600.0
TRASH = ".gone"

Values = Mapping[str, str]


def secrets_of(runs: Iterable[NewRun]) -> dict[RunId, dict[str, str]]:
    """The values that came with each run that has any. Raises INVALID_REQUEST or TOO_LARGE."""
    found: dict[RunId, dict[str, str]] = {}
    for new in runs:
        if not new.secrets and not new.spec.secrets:
            continue
        _check_names(new)
        for name, value in new.secrets.items():
            if len(value.encode()) > SECRET_BYTES_MAX:
                raise error(
                    ErrorCode.TOO_LARGE,
                    f"The secret {name} is too large.",
                    f"A secret has at most {SECRET_BYTES_MAX} bytes.",
                    "Put large files on the machine by another way.",
                    secret=name,
                    secret_bytes_max=SECRET_BYTES_MAX,
                )
        found[new.run] = new.secrets
    return found


def _check_names(new: NewRun) -> None:
    names = new.spec.secrets
    for name in names:
        if len(name) > NAME_CHARS_MAX or NAME.fullmatch(name) is None:
            raise _invalid(
                f"A secret can't be named {name[:NAME_CHARS_MAX]!r}.",
                "A secret's name becomes a file's: letters, digits and underscores,"
                f" no digit first, at most {NAME_CHARS_MAX} of them.",
                "Choose another name.",
                refusal="bad_secret_name",
                secret=name[:NAME_CHARS_MAX],
            )
    if len(names) > SECRETS_PER_RUN_MAX:
        raise _invalid(
            f"The run has {len(names)} secrets.",
            f"A run takes at most {SECRETS_PER_RUN_MAX}.",
            "Put several values into one secret.",
            refusal="many_secrets",
            secrets=len(names),
            secrets_max=SECRETS_PER_RUN_MAX,
        )
    if len(set(names)) != len(names) or set(names) != set(new.secrets):
        raise _invalid(
            "The run's secrets don't match their names.",
            "Each name in its description needs one value, and each value a name.",
            "Give every secret's name once, with its value.",
            refusal="unlike_secrets",
        )
    if not is_uuid7(new.run):
        raise _invalid(
            f"{new.run[:64]!r} is no run id.",
            "",
            "Run ids are UUIDv7 in lower case.",
            refusal="bad_run_id",
            id=new.run[:64],
        )


class Redactor(logging.Filter):
    """Takes live secrets out of texts; as a filter of a log's handlers, out of all that is logged.

    The value is looked for as it is, as Python's repr writes it, and line by line.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_runs: dict[RunId, frozenset[str]] = {}
        self._words: tuple[str, ...] | None = ()
        """All of them, the longest first, since one may be the beginning of another; None if they
        are to be put together anew."""

    def learn(self, run: RunId, values: Values) -> None:
        self._of_runs[run] = frozenset(word for value in values.values() for word in _words(value))
        self._words = None

    def forget(self, run: RunId) -> None:
        if self._of_runs.pop(run, None):
            self._words = None

    def words(self) -> tuple[str, ...]:
        """All that is taken out, in this order."""
        if self._words is None:
            words = frozenset[str]().union(*self._of_runs.values())
            self._words = tuple(sorted(words, key=lambda word: (-len(word), word)))
        return self._words

    def redact(self, text: str) -> str:
        for word in self.words():
            if word in text:
                text = text.replace(word, "***")
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._of_runs:
            return True
        record.msg, record.args = self.redact(record.getMessage()), None
        if record.exc_info is not None and record.exc_info[0] is not None:
            # What a formatter finds here it takes, instead of writing the traceback itself.
            told = record.exc_text or "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = self.redact(told.rstrip("\n"))
        if record.stack_info is not None:
            record.stack_info = self.redact(record.stack_info)
        return True


def _words(value: str) -> Iterable[str]:
    stripped = value.strip()
    if len(stripped) < REDACTED_CHARS_MIN:
        return
    yield stripped
    yield repr(stripped)[1:-1]
    lines = stripped.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= LINE_CHARS_MIN)


def words_on_disk(home: Path, run: RunId) -> tuple[str, ...] | None:
    """What is to be taken out of the texts of a run, as its files say; None if they are gone."""
    values = _read(home / "secrets" / run)
    if not values:
        return None
    redactor = Redactor()
    redactor.learn(run, values)
    return redactor.words()


class Secrets:
    """The secrets of one agent's runs."""

    def __init__(self, home: AgentHome, shell: Shell) -> None:
        self.redactor = Redactor()
        self._root = home.root / "secrets"
        self._runs = home.runs
        self._shell = shell
        self._tasks: TaskOwner | None = None
        self._writing = asyncio.Lock()
        self._offered: Counter[RunId] = Counter()
        shell.on_published(self._on_published)

    async def open(self, tasks: TaskOwner) -> None:
        """Learn the live secrets, and remove those that nobody needs; again now and then."""
        self._tasks = tasks
        await self.sweep(unclaimed_s=0.0)
        tasks.spawn(self._keep_sweeping(), "secrets")

    @contextmanager
    def redacting(self, logger: logging.Logger) -> Iterator[None]:
        """Nothing that this logger's handlers write has a secret in it, for a block."""
        handlers = tuple(logger.handlers)
        for handler in handlers:
            handler.addFilter(self.redactor)
        try:
            yield
        finally:
            for handler in handlers:
                handler.removeFilter(self.redactor)

    def folder(self, run: RunId) -> Path:
        return self._root / run

    def has(self, run: RunId) -> bool:
        return self.folder(run).is_dir()

    def redact(self, text: str) -> str:
        return self.redactor.redact(text)

    @asynccontextmanager
    async def offered(self, secrets: Mapping[RunId, Values]) -> AsyncIterator[None]:
        """Keeps the values on disk while the block submits their runs; those that nobody has taken
        by its end are removed. Raises CONFLICT for other values of a run that has its own."""
        if not secrets:
            yield
            return
        self._offered.update(secrets.keys())
        refused = True
        try:
            await self._keep(secrets)
            yield
            refused = False
        except asyncio.CancelledError:
            # Nobody waits for the answer, yet the runs may be taken: the sweep will see.
            refused = False
            raise
        finally:
            self._offered.subtract(secrets.keys())
            self._offered += Counter()
            if refused:
                await self._drop_unneeded(run for run in secrets if not self._offered[run])

    async def values(self, run: RunId) -> dict[str, str] | None:
        """The run's secrets; None if they are gone."""
        return await in_thread(partial(_read, self.folder(run)))

    async def sweep(self, unclaimed_s: float = UNCLAIMED_S) -> None:
        """Remove what belongs to runs that have ended, or that nobody knows."""
        found = await in_thread(partial(_list, self._root, unclaimed_s))
        needed = await self._which_are_needed(found.whole)
        for run in found.torn:
            await self._remove(run)
        for run in found.whole:
            unclaimed = needed[run] is None and run in found.old
            if self._offered[run] or not (unclaimed or needed[run] is False):
                values = await self.values(run)
                if values is not None:
                    self.redactor.learn(run, values)
            else:
                await self._remove(run)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            await self.sweep()

    async def _keep(self, secrets: Mapping[RunId, Values]) -> None:
        async with self._writing:
            kept = await in_thread(lambda: {run: _read(self.folder(run)) for run in secrets})
            for run, before in kept.items():
                if before is not None and before != secrets[run]:
                    raise _other_values(run)
            known = await self._shell.find(run for run in secrets if kept[run] is None)
            new = {run: secrets[run] for run in secrets if kept[run] is None and run not in known}
            # Before they are written: nothing that goes wrong meanwhile may tell them.
            for run, values in new.items():
                self.redactor.learn(run, values)
            if new:
                try:
                    await in_thread(partial(_write, self._root, new))
                except OSError as problem:
                    raise _not_written(problem) from problem

    async def _drop_unneeded(self, runs: Iterable[RunId]) -> None:
        for run, needed in (await self._which_are_needed(runs)).items():
            if not needed:
                await self._remove(run)

    async def _which_are_needed(self, runs: Iterable[RunId]) -> dict[RunId, bool | None]:
        """Whether each of them is not over; None for one that is not known at all."""
        asked = tuple(runs)
        known = await self._shell.find(asked)
        # A directory that could not be trusted when the records were rebuilt: it may be alive.
        untrusted = await in_thread(lambda: {r for r in asked if os.path.lexists(self._runs / r)})
        return {
            run: not isinstance(known[run].state, Ended)
            if run in known
            else (True if run in untrusted else None)
            for run in asked
        }

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        for view in views:
            if view.spec.secrets and isinstance(view.state, Ended) and self._tasks is not None:
                self._tasks.spawn(self._remove(view.run), f"remove the secrets of {view.run}")

    async def _remove(self, run: RunId) -> None:
        try:
            async with self._writing:
                await in_thread(partial(_remove, self._root / run))
        except OSError as problem:
            log.warning("the secrets of run %s can't be removed: %s", run, problem)
        else:
            self.redactor.forget(run)


class _Found:
    """What lies in the folder of all secrets."""

    def __init__(self) -> None:
        self.whole: list[RunId] = []
        self.torn: list[RunId] = []
        self.old: set[RunId] = set()


def _list(root: Path, unclaimed_s: float) -> _Found:
    """Those that have been there for `unclaimed_s` count as old."""
    found = _Found()
    with contextlib.suppress(FileNotFoundError), os.scandir(root) as entries:
        now = time.time()
        for entry in entries:
            run = RunId(entry.name)
            if run == TRASH:
                continue
            (found.whole if is_uuid7(run) else found.torn).append(run)
            if now - entry.stat(follow_symlinks=False).st_mtime >= unclaimed_s:
                found.old.add(run)
    return found


def _write(root: Path, secrets: Mapping[RunId, Values]) -> None:
    """All of them, durably, or an OSError; what was written then is removed by the caller."""
    root.mkdir(mode=0o700, exist_ok=True)
    root.chmod(0o700)
    one_by_one = sum(map(len, secrets.values())) <= FILES_SYNCED_ONE_BY_ONE
    for run, values in secrets.items():
        temporary = root / f".{run}.new"
        if os.path.lexists(temporary):
            _remove(temporary)
        temporary.mkdir(mode=0o700)
        try:
            for name, value in values.items():
                _write_file(temporary / name, value, sync=one_by_one)
            if one_by_one:
                sync_path(temporary)
            temporary.rename(root / run)
        except OSError:
            _remove(temporary)
            raise
    if one_by_one:
        sync_path(root)
    else:
        sync_file_system(root)
    sync_path(root.parent)


def _write_file(path: Path, value: str, *, sync: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        write_all(descriptor, value.encode())
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: Path) -> dict[str, str] | None:
    """None also if they are not as they were written: the run can reach its own."""
    try:
        found = {name: read_plain(folder / name, SECRET_BYTES_MAX) for name in os.listdir(folder)}
        return {name: data.decode() for name, data in found.items() if data is not None}
    except (OSError, RunDirError, UnicodeDecodeError):
        return None


def _remove(path: Path) -> None:
    """Out of sight by one rename first, so that what is seen is whole."""
    trash = Trash(path.with_name(TRASH))
    if os.path.lexists(path):
        trash.take(path)
    emptied = trash.empty(threading.Event())
    if emptied.left:
        raise OSError("; ".join(emptied.problems))


def _invalid(title: str, message: str, remedy: str, **data: str | int) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, message, remedy, **data)


def _other_values(run: RunId) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"Run {short_id(run)} was submitted with other secrets.",
        "The same run can't be given other values.",
        "Submit it as a new run.",
        refusal="other_secrets",
        run=run,
    )


def _not_written(problem: OSError) -> LanherdError:
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return error(
        ErrorCode.DISK_FULL if full else ErrorCode.STORE_FAILED,
        "The run's secrets can't be kept on the machine.",
        f"{problem.strerror or problem}.",
        "Make room in the agent's home and submit the run again.",
        refusal="secrets_not_kept",
        why=problem.strerror or str(problem),
    )
