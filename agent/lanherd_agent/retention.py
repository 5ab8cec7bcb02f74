"""Keeps the machine's disk from filling up with what old runs left, by the machine's own rules.

What ended runs hold is surveyed now and then, in a thread that yields to others: their directories
are listed, runs that are not known yet are looked up, and the size of each is measured once, since
what a run left does not grow. `core/retention.py` decides; the core lets be what is live or pinned
by then, whatever was decided here.
"""

import asyncio
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from lanherd_agent.core import retention as core
from lanherd_agent.core.events import DiskRead, FilesRemovalDue
from lanherd_agent.core.reasons import LOW_DISK, low_disk
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.store import AuditEntry
from lanherd_agent.problems import Problems
from lanherd_agent.shell.shell import Shell
from lanherd_agent.trash import disk_usage, idle_thread
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import CommandId, RunId, is_uuid7
from lanherd_protocol.messages import ListRuns
from lanherd_protocol.retention_messages import PutRetention, RetentionState
from lanherd_protocol.states import Ended, RunView, StateName
from lanherd_protocol.values import Removal, RetentionRules

log = logging.getLogger("lanherd.retention")

META = "retention"
ROUND_S = 600.0
LOW_ROUND_S = 60.0
"""How often it is tried to make room while the disk is low."""
CHUNK_RUNS_MAX = 500
CHUNK_S_MAX = 60.0
"""How long one chunk of removals is waited for before the next is asked for."""
COMMANDS_KEPT = 64
LOW_CLEARED_SHARE = 1.1

Result = TypeVar("Result")
_NOT_OVER: tuple[StateName, ...] = ("queued", "preparing", "starting", "running", "stopping")


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store's meta holds: the rules, and the last commands that set rules."""

    rules: RetentionRules = RetentionRules()
    commands: dict[CommandId, str] = {}


@dataclass(slots=True)
class _Run:
    project: str
    ended_at: float
    pinned: bool
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What ended runs hold on the disk, and how much of the disk is free or about to be."""

    files: tuple[core.EndedFiles, ...]
    free_bytes: int

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.files)

    @property
    def reachable_bytes(self) -> int:
        loose = (one for one in self.files if not (one.pinned or one.needed))
        return self.free_bytes + sum(one.size_bytes for one in loose)


class Retention:
    """One agent's retention. Made before the shell serves, opened with it."""

    def __init__(self, home: AgentHome, shell: Shell, problems: Problems) -> None:
        self._home = home
        self._shell = shell
        self._problems = problems
        kept = shell.meta(META)
        self._kept = msgspec.json.decode(kept, type=_Kept) if kept is not None else _Kept()
        self._ended: dict[RunId, _Run] = {}
        self._surveying = asyncio.Lock()
        self._cancelled = threading.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._due = asyncio.Event()
        self._looked_at = -LOW_ROUND_S
        self._going: set[RunId] = set()
        self._gone = asyncio.Event()
        self._applied: OrderedDict[CommandId, tuple[Removal, ...]] = OrderedDict()
        shell.on_published(self._on_published)
        shell.before_turns(self._read_disk)

    @property
    def rules(self) -> RetentionRules:
        return self._kept.rules

    def open(self, tasks: TaskOwner) -> None:
        """Apply the rules now and then, in a task of `tasks`."""
        tasks.spawn(self._keep_applying(), "retention")

    def on_disk(self, free_bytes: int) -> None:
        """The disk has that much free: say when it is low, and make room at once then."""
        rules = self.rules
        low = rules.low_disk_bytes
        if free_bytes < low:
            self._problems.put(low_disk(free_bytes, low))
        elif free_bytes >= low * LOW_CLEARED_SHARE:
            self._problems.clear(LOW_DISK)
        now = asyncio.get_running_loop().time()
        if (
            free_bytes < max(low, rules.free_bytes_min or 0)
            and now - self._looked_at >= LOW_ROUND_S
        ):
            self._looked_at = now
            self._due.set()

    async def state(self) -> RetentionState:
        survey = await self.survey()
        return RetentionState(
            rules=self.rules,
            size_bytes=survey.size_bytes,
            runs=len(survey.files),
            free_bytes=survey.free_bytes,
        )

    async def put(self, request: PutRetention, audit: AuditEntry | None = None) -> None:
        """Set the rules. Raises INVALID_REQUEST, and CONFLICT for a command of other rules."""
        body = hashlib.sha256(msgspec.json.encode(request.rules)).hexdigest()
        known = self._kept.commands.get(request.command)
        if known is not None:
            if known != body:
                raise _other_rules(request.command)
            return
        await self.check(request.rules)
        commands = {**self._kept.commands, request.command: body}
        while len(commands) > COMMANDS_KEPT:
            del commands[next(iter(commands))]
        kept = _Kept(rules=request.rules, commands=commands)
        await self._shell.put_meta(META, msgspec.json.encode(kept).decode(), audit)
        self._kept = kept
        self._due.set()

    async def check(self, rules: RetentionRules) -> None:
        """Raises INVALID_REQUEST for rules that make no sense on this machine."""
        core.check_rules(rules)
        survey = await self.survey()
        disk_bytes = await asyncio.to_thread(_disk_bytes, self._home.root)
        core.check_rules(rules, disk_bytes, survey.reachable_bytes)

    async def plan(self, rules: RetentionRules | None = None) -> tuple[Removal, ...]:
        """What would go now, by the machine's rules or by these; nothing is removed."""
        if rules is None:
            rules = self.rules
        else:
            await self.check(rules)
        survey = await self.survey()
        return core.plan(survey.files, rules, survey.free_bytes, time.time())

    async def apply(self, command: CommandId, audit: AuditEntry) -> tuple[Removal, ...]:
        """Remove what goes by the rules; the answer is the same however often it is asked."""
        known = self._applied.get(command)
        if known is not None:
            return known
        removals = await self.plan()
        await self._shell.record(audit)
        self._applied[command] = removals
        while len(self._applied) > COMMANDS_KEPT:
            self._applied.popitem(last=False)
        self._due.set()
        return removals

    async def survey(self) -> Survey:
        """What there is. The first one after a start measures every directory; later ones, only
        those of runs that have ended since."""
        async with self._surveying:
            runs = await self._in_thread(partial(_list, self._home.runs))
            for gone in self._ended.keys() - runs:
                del self._ended[gone]
            await self._look_up(run for run in runs if run not in self._ended)
            await self._measure()
            needed = await self._needed()
            free_bytes = await self._in_thread(partial(_free_bytes, self._home, self._cancelled))
            files = tuple(
                core.EndedFiles(
                    run=run,
                    project=kept.project,
                    ended_at=kept.ended_at,
                    size_bytes=kept.size_bytes,
                    pinned=kept.pinned,
                    needed=run in needed,
                )
                for run, kept in self._ended.items()
                if kept.size_bytes is not None
            )
            return Survey(files, free_bytes)

    async def _measure(self) -> None:
        """What can't be read now is left alone, and said; the rest is not kept waiting by it."""
        unread: list[OSError] = []
        for run, kept in tuple(self._ended.items()):
            if kept.size_bytes is None:
                measure = partial(disk_usage, self._home.runs / run, self._cancelled)
                try:
                    kept.size_bytes = await self._in_thread(measure)
                except OSError as problem:
                    log.warning("the files of run %s can't be measured: %s", run, problem)
                    unread.append(problem)
        if unread:
            self._problems.put(core.not_measured(len(unread), str(unread[0])))
        else:
            self._problems.clear(core.NOT_MEASURED)

    async def _keep_applying(self) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(ROUND_S):
                        await self._due.wait()
                except TimeoutError:
                    pass  # time for another round
                self._due.clear()
                try:
                    await self._apply()
                except (LanherdError, OSError) as problem:
                    log.warning("the rules of retention can't be applied now: %s", problem)
                    self._problems.put(core.not_applied(str(problem)))
                else:
                    self._problems.clear(core.NOT_APPLIED)
        finally:
            self._cancelled.set()
            if self._thread is not None:
                self._thread.shutdown(wait=False)

    async def _apply(self) -> None:
        removals = await self.plan()
        for begin in range(0, len(removals), CHUNK_RUNS_MAX):
            chunk = removals[begin : begin + CHUNK_RUNS_MAX]
            for removal in chunk:
                log.info("the files of run %s go: %s", removal.run, removal.reason.text)
            self._going = {removal.run for removal in chunk}
            self._gone.clear()
            self._shell.post(FilesRemovalDue(runs=tuple(removal.run for removal in chunk)))
            try:
                async with asyncio.timeout(CHUNK_S_MAX):
                    await self._gone.wait()
            except TimeoutError:
                log.info("%d of the runs' files are not gone yet", len(self._going))

    async def _look_up(self, runs: Iterable[RunId]) -> None:
        unknown = list(runs)
        for begin in range(0, len(unknown), CHUNK_RUNS_MAX):
            found = await self._shell.find(unknown[begin : begin + CHUNK_RUNS_MAX])
            for run, record in found.items():
                if isinstance(record.state, Ended) and record.files_removed_at is None:
                    pinned = record.settings.pinned
                    self._ended[run] = _Run(record.spec.project, record.state.at, pinned)

    async def _needed(self) -> set[RunId]:
        """The runs on which those that are not over depend."""
        needed: set[RunId] = set()
        before: RunId | None = None
        while True:
            page = await self._shell.list_runs(
                ListRuns(states=_NOT_OVER, limit=CHUNK_RUNS_MAX, before=before)
            )
            for view in page.runs:
                needed.update(dependency.run for dependency in view.spec.dependencies)
            if not page.more:
                return needed
            before = page.runs[-1].run

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._thread is None:
            self._thread = idle_thread()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _read_disk(self) -> DiskRead | None:
        """Before anything may start: the last sample may be from before a disk filled up."""
        try:
            status = os.statvfs(self._home.root)
        except OSError:
            return None  # the samples tell of it
        free_bytes = status.f_bavail * status.f_frsize
        return DiskRead(free_bytes=free_bytes, low_bytes=self.rules.low_disk_bytes)

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        for view in views:
            if not isinstance(view.state, Ended):
                continue
            if view.files_removed_at is not None:
                self._ended.pop(view.run, None)
                self._going.discard(view.run)
            elif view.run in self._ended:
                self._ended[view.run].pinned = view.settings.pinned
        if not self._going:
            self._gone.set()


def _list(folder: Path) -> set[RunId]:
    with os.scandir(folder) as entries:
        return {RunId(e.name) for e in entries if is_uuid7(e.name) and _is_folder(e)}


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _disk_bytes(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_blocks * status.f_frsize


def _free_bytes(home: AgentHome, cancelled: threading.Event) -> int:
    """With what is in the trash, which is about to be free."""
    status = os.statvfs(home.root)
    return status.f_bavail * status.f_frsize + disk_usage(home.root / "trash", cancelled)


def _other_rules(command: CommandId) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "This command has set other rules already.",
        "The same command can't be used for something else.",
        "Send it as a new command.",
        command=command,
    )
