"""What became of attempts: adoption after a restart, signals, and the news of their ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from lanherd_agent import problems as told
from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.stops import SIGKILL
from lanherd_agent.disk import in_thread
from lanherd_agent.execution.causes import KernelKills, find_cause, is_failure
from lanherd_agent.execution.failures import never_ran
from lanherd_agent.execution.starting import ASK_AGAIN_S, Attempt, before_asking_again
from lanherd_agent.execution.telling import Telling
from lanherd_agent.fail_points import ARMED, hit
from lanherd_agent.home import AgentHome
from lanherd_agent.problems import Problems, live_untrusted
from lanherd_agent.runs.launcher_client import (
    UNTRUSTED,
    Exited,
    LauncherClient,
    NotRunningError,
)
from lanherd_agent.runs.launcher_process import LauncherUnavailableError
from lanherd_agent.runs.rundir import (
    SHUT_DOWN,
    AttemptDir,
    Exit,
    Flaw,
    RunDirError,
    Stages,
    Start,
    boot_id,
    elapsed_s,
    read_exit,
    read_stages,
    read_start,
)
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import RunId

Answer = TypeVar("Answer")
log = logging.getLogger("lanherd.executor")


class Following:
    def __init__(self, home: AgentHome, telling: Telling, problems: Problems) -> None:
        self._home = home
        self._problems = problems
        self._telling = telling
        self.alive_since: dict[Attempt, float] = {}
        """When the command of each attempt that is alive was started, as a Unix time."""
        self.kernel_kills = KernelKills()
        self._tasks: TaskOwner | None = None

    def open(self, tasks: TaskOwner) -> None:
        """Look for the causes of failures in tasks of `tasks`."""
        self._tasks = tasks

    async def adopt(self, effect: f.AdoptAttempt, launcher: LauncherClient) -> None:
        """If it is alive it is watched again, if it ended its exit is told."""
        if ARMED:
            hit("adopt.begin")
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        try:
            start, exit_ = await _read(directory)
        except RunDirError as problem:
            why = f"Its run directory can't be trusted: {problem.words}."
            await self._adopt_untold(effect, launcher, why, "untrusted")
            return
        if start is None:
            await self._adopt_untold(effect, launcher, "Its run directory is gone.", "gone")
            return
        if exit_ is None:
            if start.boot_id != boot_id():
                why = "The machine was restarted while it ran."
                self._lost(effect, why, "reboot", _booted_at(start))
                return
            self._telling.post(
                e.AttemptAdopted(run=effect.run, attempt=effect.attempt, elapsed_s=elapsed_s(start))
            )
        self.alive_since[effect.run, effect.attempt] = start.at
        await _surely(effect, lambda: launcher.watch(directory.path))

    async def _adopt_untold(
        self, effect: f.AdoptAttempt, launcher: LauncherClient, why: str, cause: e.LostCause
    ) -> None:
        """Its files don't say whether it lives. Its launcher may, and its processes: as long as
        these are there it keeps what it holds, and can be stopped."""
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        if not await _surely(effect, lambda: launcher.finds(directory.path)):
            self._lost(effect, f"{why} No process of it was found.", cause)
            return
        self._telling.post(e.AttemptAdopted(run=effect.run, attempt=effect.attempt))
        where = f"{effect.run}/{effect.attempt}"
        self._problems.put(live_untrusted(effect.run, where, why), effect.run)
        log.warning("run %s is alive and goes on. %s", effect.run, why)
        await _surely(effect, lambda: launcher.watch(directory.path))

    async def signal(self, effect: f.SignalAttempt, launcher: LauncherClient) -> None:
        if ARMED:
            hit("executor.before_signal")
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        problem = ""
        while True:
            try:
                await launcher.signal(
                    directory.path, effect.signal, kill_after_s=effect.kill_after_s
                )
            except LauncherUnavailableError as away:
                await before_asking_again("signal", effect.run, away)
                continue
            except NotRunningError as over:
                problem = str(over)
            break
        self._telling.post(
            e.AttemptSignalled(
                run=effect.run, attempt=effect.attempt, signal=effect.signal, problem=problem
            )
        )

    def on_exited(self, exited: Exited) -> None:
        if ARMED:
            hit("executor.exited")
        directory = AttemptDir(exited.directory)
        run, attempt = RunId(directory.run_id), directory.attempt
        self._problems.clear(told.UNTRUSTED, run)
        started_at = self.alive_since.pop((run, attempt), None)
        exit_ = exited.exit
        if exit_.shutdown:
            self._telling.post(
                e.AttemptLost(
                    run=run,
                    attempt=attempt,
                    at=exit_.at,
                    why=SHUT_DOWN,
                    cause="reboot",
                    started_at=started_at or _started_at(directory),
                )
            )
        elif exit_.error is None:
            started_at = started_at or _started_at(directory)
            fact = _exit_fact(directory, exit_, started_at)
            if is_failure(fact):
                assert self._tasks is not None, "attempts end after open()"
                self._tasks.spawn(
                    self._tell_with_cause(directory, fact, exit_), f"find why {run} failed"
                )
            else:
                self._telling.post(fact)
        elif started_at is not None or never_ran(exit_) is None:
            # A run can write what it likes there: one that was started did not fail to start.
            why = self._telling.redact(f"How it ended is not known: {exit_.error.text}.")
            self._telling.post(
                e.AttemptLost(
                    run=run,
                    attempt=attempt,
                    at=exit_.at,
                    why=why,
                    cause="untrusted" if exit_.error.kind == UNTRUSTED else "unknown",
                    started_at=started_at or _started_at(directory),
                    timed_out=exit_.timed_out,
                    stopped=exit_.stopped,
                )
            )
        # Else it never ran, and the answer to its start said so.

    async def _tell_with_cause(
        self, directory: AttemptDir, fact: e.AttemptExited, exit_: Exit
    ) -> None:
        killed = fact.signal == SIGKILL or fact.code == 128 + SIGKILL
        find = partial(
            find_cause,
            directory,
            fact.code,
            fact.signal,
            secrets=self._telling.secrets(),
            oom_kills=exit_.oom_kills,
            out_of_memory=killed and self.kernel_kills.since(fact.started_at or fact.at),
        )
        try:
            fact = replace(fact, cause=await in_thread(find))
        except Exception:
            # Its end is news all the same.
            log.exception("run %s: why it failed could not be looked for", fact.run)
        self._telling.post(fact)

    def _lost(
        self, effect: f.AdoptAttempt, why: str, cause: e.LostCause, at: float | None = None
    ) -> None:
        self._telling.post(
            e.AttemptLost(
                run=effect.run,
                attempt=effect.attempt,
                at=time.time() if at is None else at,
                why=why,
                cause=cause,
            )
        )


def _exit_fact(directory: AttemptDir, exit_: Exit, started_at: float | None) -> e.AttemptExited:
    stages = _stages(directory)
    before = stages.pre is not None and not stages.pre.succeeded
    return e.AttemptExited(
        run=RunId(directory.run_id),
        attempt=directory.attempt,
        at=exit_.at,
        code=exit_.code,
        signal=exit_.signal,
        started_at=started_at,
        timed_out=exit_.timed_out,
        stopped=exit_.stopped,
        stage="pre" if before else "command",
        pre_error="" if stages.pre is None else stages.pre.error or "",
        left=exit_.left,
        post_failed=stages.post is not None and not stages.post.succeeded,
        post_code=None if stages.post is None else stages.post.code,
        post_signal=None if stages.post is None else stages.post.signal,
        post_error="" if stages.post is None else stages.post.error or "",
        disk_full=exit_.disk_full,
    )


def _stages(directory: AttemptDir) -> Stages:
    """Without any for a run that has but its command."""
    try:
        return read_stages(directory) or Stages()
    except RunDirError as problem:
        log.warning("what its stages came to is not known: %s", problem)
        return Stages()


def _booted_at(start: Start) -> float:
    """The attempt was over by then."""
    return max(start.at, time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


async def _surely(effect: f.AdoptAttempt, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    while True:
        try:
            return await ask()
        except LauncherUnavailableError as problem:
            await before_asking_again("adopt", effect.run, problem)


async def _read(directory: AttemptDir) -> tuple[Start | None, Exit | None]:
    """Raises RunDirError; but a disk that can't be read now says nothing about the run."""
    while True:
        try:
            return read_start(directory), read_exit(directory)
        except RunDirError as problem:
            if problem.flaw is not Flaw.UNREADABLE:
                raise
            log.warning("%s, looking again", problem)
            await asyncio.sleep(ASK_AGAIN_S)


def _started_at(directory: AttemptDir) -> float | None:
    try:
        start = read_start(directory)
    except RunDirError:
        return None
    return start.at if start is not None else None
