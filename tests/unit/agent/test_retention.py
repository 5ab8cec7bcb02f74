"""The agent's retention: what it surveys, plans and has removed, and which rules it keeps."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent import retention as module
from lanherd_agent.core.effects import Acting, RemoveFiles, StartAttempt
from lanherd_agent.core.events import AttemptExited, AttemptStarted, FilesRemoved
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.persist.store import AuditEntry
from lanherd_agent.problems import Problems
from lanherd_agent.retention import Retention
from lanherd_agent.shell.shell import Shell
from lanherd_agent.trash import disk_usage
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.messages import ChangeRun
from lanherd_protocol.retention_messages import PutRetention
from lanherd_protocol.states import Ended, Queued, RunView
from lanherd_protocol.values import Dependency, RetentionRule, RetentionRules, RunSettings
from tests.support.doors import new_run, new_run_id
from tests.support.waiting import wait_until_async

KIB = 1024
AUDIT = AuditEntry(at=0.0, who="ada", action="retention.apply", target="all rules")


class Pretending:
    """Starts and ends every run at once, with a file of its own; removes files when told to."""

    def __init__(self, home: AgentHome, size_bytes: int) -> None:
        self._home, self._size_bytes = home, size_bytes
        self.shell: Shell | None = None
        self.removed: list[RunId] = []
        self.clock = 1_000_000.0

    def begin(self, effects: tuple[Acting, ...]) -> None:
        assert self.shell is not None
        for effect in effects:
            match effect:
                case StartAttempt(run=run, attempt=attempt):
                    folder = self._home.runs / run / str(attempt)
                    folder.mkdir(parents=True)
                    (folder / "log").write_bytes(b"x" * self._size_bytes)
                    self.clock += 10.0
                    at = self.clock
                    self.shell.post(AttemptStarted(run=run, attempt=attempt, pid=1, at=at))
                    self.shell.post(AttemptExited(run=run, attempt=attempt, at=at, code=0))
                case RemoveFiles(run=run):
                    self.removed.append(run)
                    (self._home.runs / run).rename(self._home.root / f"gone-{run}")
                    self.shell.post(FilesRemoved(run=run, at=self.clock))
                case _:
                    pass


class Room:
    def __init__(
        self, home: AgentHome, shell: Shell, store: MemoryStore, executor: Pretending
    ) -> None:
        self.home, self.shell, self.store, self.executor = home, shell, store, executor
        self.problems = Problems()
        self.retention = Retention(home, shell, self.problems)

    async def ended(self, count: int = 1, **more: Any) -> list[RunId]:
        """Runs that have ended, one after the other."""
        runs = []
        for _ in range(count):
            new = new_run("true", **more)
            over = asyncio.Event()

            def note(views: tuple[RunView, ...], run: RunId = new.run, over: Any = over) -> None:
                if any(v.run == run and isinstance(v.state, Ended) for v in views):
                    over.set()

            end = self.shell.on_published(note)
            await self.shell.submit("ada", (new,))
            await over.wait()
            end()
            runs.append(new.run)
        return runs

    async def pin(self, run: RunId) -> None:
        command = CommandId(new_run_id())
        await self.shell.change(None, ChangeRun(command=command, run=run, pinned=True))

    async def put(self, *some: RetentionRule, **more: Any) -> PutRetention:
        wanted = RetentionRules(rules=some, low_disk_bytes=0, **more)
        request = PutRetention(command=CommandId(new_run_id()), rules=wanted)
        await self.retention.put(request)
        return request


@asynccontextmanager
async def room(size_bytes: int = 64 * KIB) -> AsyncIterator[Room]:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    store = MemoryStore()
    shell = await Shell.open(store)
    executor = Pretending(home, size_bytes)
    executor.shell = shell
    async with TaskOwner("test") as tasks:
        tasks.spawn(shell.serve(executor), "shell")
        made = Room(home, shell, store, executor)
        made.retention.open(tasks)
        yield made
        await shell.close()


async def test_a_survey() -> None:
    async with room() as agent:
        first, second = await agent.ended(2, project="vision")
        await agent.pin(second)
        (agent.home.runs / "no-run").mkdir()
        (agent.home.runs / new_run_id()).mkdir()  # a directory of a run that nobody knows
        (agent.home.runs / new_run_id()).write_text("no directory")
        survey = await agent.retention.survey()
        files = {one.run: one for one in survey.files}
        assert set(files) == {first, second}
        assert files[first].size_bytes >= 64 * KIB
        assert files[first].project == "vision"
        assert not files[first].pinned
        assert files[second].pinned
        state = await agent.retention.state()
        assert (state.runs, state.size_bytes) == (2, survey.size_bytes)
        assert state.free_bytes is not None
        # Pinned since it was looked up; and measured once.
        await agent.pin(first)
        (agent.home.runs / first / "1" / "more").write_bytes(b"x" * 64 * KIB)
        again = {one.run: one for one in (await agent.retention.survey()).files}
        assert again[first].pinned
        assert again[first].size_bytes == files[first].size_bytes


async def test_a_plan_removes_nothing() -> None:
    async with room() as agent:
        runs = await agent.ended(3)
        removals = await agent.retention.plan(
            RetentionRules(rules=(RetentionRule(runs_max=1),), low_disk_bytes=0)
        )
        assert [removal.run for removal in removals] == runs[:2]
        assert await agent.retention.plan() == ()
        assert agent.executor.removed == []


async def test_rules_are_applied_as_soon_as_they_are_set() -> None:
    async with room() as agent:
        runs = await agent.ended(4)
        await agent.pin(runs[0])
        await agent.put(RetentionRule(runs_max=2))
        await wait_until_async(lambda: agent.executor.removed == [runs[1]])
        await wait_until_async(lambda: not agent.retention._going)
        view = await agent.shell.view(runs[1])
        assert view.files_removed_at is not None
        assert (await agent.retention.state()).runs == 3
        assert (agent.home.runs / runs[0]).is_dir()


async def test_what_a_waiting_run_depends_on_stays() -> None:
    async with room() as agent:
        first, second = await agent.ended(2)
        waiting = new_run("true", dependencies=(Dependency(run=first),))
        held = replace(waiting, settings=RunSettings(held=True))
        await agent.shell.submit("ada", (held,))
        await agent.put(RetentionRule(age_s_max=1.0))
        await wait_until_async(lambda: agent.executor.removed == [second])
        assert [one.needed for one in (await agent.retention.survey()).files] == [True]


async def test_many_go_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_RUNS_MAX", 2)
    async with room(KIB) as agent:
        runs = await agent.ended(5)
        await agent.put(RetentionRule(age_s_max=1.0))
        await wait_until_async(lambda: agent.executor.removed == runs)


async def test_the_same_command_once_and_for_the_same_rules() -> None:
    async with room() as agent:
        request = await agent.put(RetentionRule(runs_max=5))
        later = await agent.put(RetentionRule(runs_max=7))
        await agent.retention.put(request)
        assert agent.retention.rules == later.rules, "sent again, an old one changes nothing"
        with pytest.raises(LanherdError) as refused:
            await agent.retention.put(replace(request, rules=RetentionRules()))
        assert refused.value.code is ErrorCode.CONFLICT
        again = Retention(agent.home, agent.shell, agent.problems)
        assert again.rules == later.rules
        await again.put(request)
        assert again.rules == later.rules, "nor after a restart"
        for _ in range(module.COMMANDS_KEPT + 1):
            await agent.put(RetentionRule(runs_max=9))
        assert len(agent.retention._kept.commands) == module.COMMANDS_KEPT


async def test_an_application_is_answered_the_same_again() -> None:
    async with room() as agent:
        runs = await agent.ended(2)
        agent.retention._kept = module._Kept(
            rules=RetentionRules(rules=(RetentionRule(age_s_max=1.0),))
        )
        command = CommandId(new_run_id())
        removals = await agent.retention.apply(command, AUDIT)
        assert [removal.run for removal in removals] == runs
        await wait_until_async(lambda: agent.executor.removed == runs)
        assert await agent.retention.apply(command, AUDIT) == removals
        assert await agent.retention.apply(CommandId(new_run_id()), AUDIT) == ()
        for _ in range(module.COMMANDS_KEPT):
            await agent.retention.apply(CommandId(new_run_id()), AUDIT)
        assert len(agent.retention._applied) == module.COMMANDS_KEPT


async def test_rules_that_would_need_live_data() -> None:
    async with room() as agent:
        await agent.ended()
        survey = await agent.retention.survey()
        wanted = RetentionRules(free_bytes_min=survey.reachable_bytes + (64 << 20))
        for ask in (
            agent.retention.plan(wanted),
            agent.retention.put(PutRetention(command=CommandId(new_run_id()), rules=wanted)),
        ):
            with pytest.raises(LanherdError) as refused:
                await ask
            assert refused.value.code is ErrorCode.INVALID_REQUEST
        assert agent.retention.rules == RetentionRules()
        assert agent.executor.removed == []


@pytest.mark.expects_logs("can't be applied now", reason="the disk is told to fail")
async def test_a_disk_that_fails_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = module._list

    def fail(folder: Path) -> set[RunId]:
        raise OSError(errno.EIO, "I/O error")

    async with room() as agent:
        runs = await agent.ended(2)
        agent.retention._kept = module._Kept(
            rules=RetentionRules(rules=(RetentionRule(age_s_max=1.0),))
        )
        monkeypatch.setattr(module, "_list", fail)
        agent.retention._due.set()
        await wait_until_async(lambda: bool(agent.problems.all()))
        (problem,) = agent.problems.all()
        assert (problem.code, "I/O error" in problem.text) == ("retention_not_applied", True)
        monkeypatch.setattr(module, "_list", listed)
        agent.retention._due.set()
        await wait_until_async(lambda: agent.executor.removed == runs)
        await wait_until_async(lambda: agent.problems.all() == ())


@pytest.mark.expects_logs("can't be measured", reason="the disk is told to fail")
async def test_files_that_cannot_be_measured_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def measure(folder: Path, cancelled: threading.Event) -> int:
        if folder.name == bad:
            raise OSError(errno.EIO, "I/O error")
        return disk_usage(folder, cancelled)

    async with room() as agent:
        bad, good = await agent.ended(2)
        monkeypatch.setattr(module, "disk_usage", measure)
        await agent.put(RetentionRule(age_s_max=1.0))
        await wait_until_async(lambda: agent.executor.removed == [good])
        (problem,) = agent.problems.all()
        assert (problem.code, problem.data["runs"]) == ("retention_not_measured", 1)
        monkeypatch.setattr(module, "disk_usage", disk_usage)
        agent.retention._due.set()
        await wait_until_async(lambda: agent.executor.removed == [good, bad])
        assert agent.problems.all() == ()


async def test_a_low_disk_is_told_and_makes_room_at_once() -> None:
    async with room() as agent:
        runs = await agent.ended(2)
        low = 1000 * KIB
        kept = RetentionRules(rules=(RetentionRule(age_s_max=1.0),), low_disk_bytes=low)
        agent.retention._kept = module._Kept(rules=kept)
        agent.retention.on_disk(low)
        assert agent.problems.all() == ()
        assert not agent.retention._due.is_set()
        agent.retention.on_disk(low - 1)
        (problem,) = agent.problems.all()
        assert problem.code == "low_disk"
        assert problem.data == {"free_bytes": low - 1, "low_bytes": low}
        await wait_until_async(lambda: agent.executor.removed == runs)
        agent.retention.on_disk(low - 2)
        assert not agent.retention._due.is_set(), "not every second"
        agent.retention.on_disk(low + 1)
        assert agent.problems.all() != ()
        agent.retention.on_disk(int(low * 1.1) + 1)
        assert agent.problems.all() == ()


async def test_the_disk_is_read_before_a_run_may_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It filled up since the last sample of the machine."""
    free_bytes = 0

    def stat(path: object) -> os.statvfs_result:
        if free_bytes < 0 and threading.current_thread() is threading.main_thread():
            raise OSError(errno.EIO, "I/O error")
        return os.statvfs_result((1, 1, 10**6, free_bytes, free_bytes, 0, 0, 0, 0, 255))

    async with room() as agent:
        kept = RetentionRules(low_disk_bytes=1000)
        await agent.retention.put(PutRetention(command=CommandId(new_run_id()), rules=kept))
        monkeypatch.setattr(os, "statvfs", stat)
        held, other = new_run("true"), new_run("true")
        await agent.shell.submit("ada", (held,))
        assert isinstance((await agent.shell.view(held.run)).state, Queued)
        free_bytes = -1
        await agent.shell.submit("ada", (other,))
        state = (await agent.shell.view(other.run)).state
        assert isinstance(state, Queued), "what can't be read now changes nothing"
        free_bytes = 10_000
        await agent.ended()
        for one in (held.run, other.run):
            assert not isinstance((await agent.shell.view(one)).state, Queued)
