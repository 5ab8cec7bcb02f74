"""Does what the core wants done: prepares, starts, adopts and signals attempts.

Every effect is idempotent and ends as exactly one posted event. What could not be asked is not
answered: a launcher that is away is asked again until it says what became of the attempt, since an
attempt that may be alive must not be told as failed. An error that nobody expected is the affair
of its run alone: it is logged with the run's story, and the agent serves the others.
"""

import asyncio
import errno
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TypeVar, assert_never

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.envs.builder import BuildProgress, BuiltEnvironment, EnvironmentBuilder
from lanherd_agent.envs.lock import read_lock
from lanherd_agent.gpu.binding import binding_variables
from lanherd_agent.home import AgentHome
from lanherd_agent.runs.launcher_client import (
    Exited,
    LauncherClient,
    LinkDown,
    LinkUp,
    NotRunningError,
    StartFailedError,
    StartFailure,
)
from lanherd_agent.runs.launcher_process import LauncherProcess, LauncherUnavailableError
from lanherd_agent.runs.rundir import (
    AttemptDir,
    Flaw,
    RunDirError,
    Spec,
    Start,
    read_start,
    write_spec,
)
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import LockedEnvironment, NoEnvironment, RunSpec

log = logging.getLogger("lanherd.executor")

ASK_AGAIN_S = 0.5
TEXT_LOOK_BYTES = 256
Attempt = tuple[RunId, int]
Wanted = TypeVar("Wanted", bound=f.Acting)
Tell = Callable[[BuildProgress], None]

_OWN_VARIABLES = frozenset(
    {
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "PYTHONHOME",
        "PYTHONPATH",
        "STATE_DIRECTORY",
        "VIRTUAL_ENV",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""What the agent was given for itself; a run must not take it for its own."""


class Executor:
    """One per agent. `begin` never waits; the work is done in tasks of the agent."""

    def __init__(
        self,
        home: AgentHome,
        shell: Shell,
        snapshots: SnapshotStore,
        builder: EnvironmentBuilder,
    ) -> None:
        self._home = home
        self._shell = shell
        self._snapshots = snapshots
        self._builder = builder
        self._launcher = LauncherClient(
            LauncherProcess(home.root), self._on_exited, self._on_launcher
        )
        self._tasks: TaskOwner | None = None
        self._inherited = _inherited(os.environ)
        self._preparing: dict[Attempt, asyncio.Task[None]] = {}
        self._alive_since: dict[Attempt, float] = {}

    async def open(self, tasks: TaskOwner) -> None:
        """Begin to keep the launcher's connection, in a task of `tasks`."""
        self._tasks = tasks
        tasks.spawn(self._launcher.run(), "launcher")

    def begin(self, effects: tuple[f.Acting, ...]) -> None:
        for effect in effects:
            match effect:
                case f.PrepareRun():
                    task = self._spawn(self._prepare, effect, "prepare")
                    self._preparing[effect.run, effect.attempt] = task
                case f.CancelPreparation():
                    self._spawn(self._cancel_preparation, effect, "cancel the preparation of")
                case f.StartAttempt():
                    self._spawn(self._start, effect, "start")
                case f.AdoptAttempt():
                    self._spawn(self._adopt, effect, "adopt")
                case f.SignalAttempt():
                    self._spawn(self._signal, effect, "signal")
                case _:
                    assert_never(effect)

    def alive_since(self, run: RunId, attempt: int) -> float | None:
        """When the attempt's command was started, as a Unix time; None if it is not alive."""
        return self._alive_since.get((run, attempt))

    def _spawn(
        self, work: Callable[[Wanted], Coroutine[None, None, None]], effect: Wanted, what: str
    ) -> asyncio.Task[None]:
        async def contained() -> None:
            try:
                await work(effect)
            except Exception:
                # Whether it was done isn't known, so nothing is told: the next start takes it up.
                story = self._shell.story(effect.run)
                log.exception("could not %s run %s: %s", what, effect.run, story)

        assert self._tasks is not None, "effects come after open()"
        return self._tasks.spawn(contained(), f"{what} {effect.run}")

    # --- preparing -------------------------------------------------------------------------------

    async def _prepare(self, effect: f.PrepareRun) -> None:
        run, attempt = effect.run, effect.attempt
        try:
            environment = await self._make_ready(effect)
        except Exception as problem:
            failure = self._told(problem, run)
            self._shell.post(e.PreparationFailed(run=run, attempt=attempt, failure=failure))
        else:
            built = environment.environment if environment is not None else None
            prepared = e.Prepared(environment=built)
            self._shell.post(e.PreparationFinished(run=run, attempt=attempt, prepared=prepared))
        finally:
            self._preparing.pop((run, attempt), None)

    async def _make_ready(self, effect: f.PrepareRun) -> BuiltEnvironment | None:
        spec = effect.spec
        if spec.snapshot is not None and not await self._snapshots.has(spec.snapshot):
            raise error(
                ErrorCode.NOT_FOUND,
                "The run's snapshot is not on this machine.",
                "It was never sent, or it has been removed.",
                "Submit the run again with its project.",
                snapshot=spec.snapshot,
            )

        def tell(progress: BuildProgress) -> None:
            self._shell.post(
                e.PreparationProgressed(
                    run=effect.run,
                    attempt=effect.attempt,
                    step="environment",
                    detail=progress.line or progress.phase,
                )
            )

        return await self._environment(spec, tell)

    async def _environment(
        self, spec: RunSpec, tell: Tell | None = None
    ) -> BuiltEnvironment | None:
        match spec.environment:
            case NoEnvironment():
                return None
            case LockedEnvironment() as wanted:
                if spec.snapshot is None:
                    raise error(
                        ErrorCode.INVALID_REQUEST,
                        "The run asks for an environment, but has no project.",
                        "The lock of an environment is a file of the run's snapshot.",
                        "Submit it with a project, or without an environment.",
                    )
                lock = await read_lock(self._snapshots, spec.snapshot, wanted)
                return await self._builder.ensure(wanted, lock, tell)

    async def _cancel_preparation(self, effect: f.CancelPreparation) -> None:
        task = self._preparing.get((effect.run, effect.attempt))
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._shell.post(e.PreparationCancelled(run=effect.run, attempt=effect.attempt))

    # --- starting --------------------------------------------------------------------------------

    async def _start(self, effect: f.StartAttempt) -> None:
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        # Where the claim of a start lies, whole or torn, it may be alive: that is for the launcher.
        if not _is_claimed(directory):
            try:
                await self._lay_out(directory, effect)
            except Exception as problem:
                self._start_failed(effect, self._told(problem, effect.run))
                return
        await self._launch(directory, effect)

    async def _lay_out(self, directory: AttemptDir, effect: f.StartAttempt) -> None:
        """The attempt's directory: its tree, its outputs folder and its spec."""
        spec = effect.spec
        directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.outputs.mkdir(mode=0o700, exist_ok=True)
        if spec.snapshot is None:
            directory.tree.mkdir(mode=0o700, exist_ok=True)
        elif not directory.tree.is_dir():
            await self._snapshots.materialise(spec.snapshot, directory.tree)
        environment = await self._environment(spec)
        variables = {**self._inherited, **spec.variables}
        if environment is not None:
            variables = environment.activate(variables)
        variables.update(binding_variables(effect.lease))
        variables.update(
            LANHERD_RUN_ID=effect.run,
            LANHERD_ATTEMPT=str(effect.attempt),
            LANHERD_OUTPUTS=str(directory.outputs),
        )
        write_spec(directory, Spec(argv=spec.command, cwd=str(directory.tree), env=variables))

    async def _launch(self, directory: AttemptDir, effect: f.StartAttempt) -> None:
        attempt = effect.run, effect.attempt
        while True:
            try:
                started = await self._launcher.start(directory.path)
            except StartFailedError as problem:
                if problem.kind is not StartFailure.DRAINING:
                    failure = _start_failure(problem, directory, effect.spec.command[0])
                    self._start_failed(effect, failure)
                    return
                await _before_asking_again("start", effect.run, problem)
                continue
            except LauncherUnavailableError as problem:
                await _before_asking_again("start", effect.run, problem)
                continue
            self._alive_since.setdefault(attempt, started.at)
            self._shell.post(
                e.AttemptStarted(
                    run=effect.run, attempt=effect.attempt, pid=started.pid, at=started.at
                )
            )
            return

    def _start_failed(self, effect: f.StartAttempt, failure: Failure) -> None:
        self._shell.post(
            e.AttemptStartFailed(run=effect.run, attempt=effect.attempt, failure=failure)
        )

    # --- adopting, signalling, ending ------------------------------------------------------------

    async def _adopt(self, effect: f.AdoptAttempt) -> None:
        """After a restart: if it is alive it is watched again, if it ended its exit is told."""
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        try:
            start = await _read_start(directory)
        except RunDirError as problem:
            self._lost(effect, f"Its run directory can't be trusted: {problem}")
            return
        if start is None:
            self._lost(effect, "Its run directory is gone.")
            return
        self._alive_since[effect.run, effect.attempt] = start.at
        self._shell.post(e.AttemptAdopted(run=effect.run, attempt=effect.attempt))
        while True:
            try:
                await self._launcher.watch(directory.path)
            except LauncherUnavailableError as problem:
                await _before_asking_again("adopt", effect.run, problem)
            else:
                return

    def _lost(self, effect: f.AdoptAttempt, why: str) -> None:
        self._shell.post(
            e.AttemptLost(run=effect.run, attempt=effect.attempt, at=time.time(), why=why)
        )

    async def _signal(self, effect: f.SignalAttempt) -> None:
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        problem = ""
        while True:
            try:
                await self._launcher.signal(directory.path, effect.signal)
            except LauncherUnavailableError as away:
                await _before_asking_again("signal", effect.run, away)
                continue
            except NotRunningError as over:
                problem = str(over)
            break
        self._shell.post(
            e.AttemptSignalled(
                run=effect.run, attempt=effect.attempt, signal=effect.signal, problem=problem
            )
        )

    def _on_exited(self, exited: Exited) -> None:
        directory = AttemptDir(exited.directory)
        run, attempt = RunId(directory.run_id), directory.attempt
        started_at = self._alive_since.pop((run, attempt), None)
        exit_ = exited.exit
        if exit_.error is None:
            self._shell.post(
                e.AttemptExited(
                    run=run,
                    attempt=attempt,
                    at=exit_.at,
                    code=exit_.code,
                    signal=exit_.signal,
                    started_at=started_at or _started_at(directory),
                )
            )
        elif exit_.error.kind == "unknown":
            why = f"How it ended is not known: {exit_.error.text}."
            self._shell.post(e.AttemptLost(run=run, attempt=attempt, at=exit_.at, why=why))
        # Else it never ran, and the answer to its start said so.

    def _told(self, problem: Exception, run: RunId) -> Failure:
        """What is told of a run that came to nothing because of this."""
        match problem:
            case LanherdError():
                return problem.failure
            case OSError() | RunDirError():
                return _directory_failure(problem)
            case _:
                log.error("run %s: %s", run, self._shell.story(run), exc_info=problem)
                return _UNEXPECTED

    def _on_launcher(self, link: LinkUp | LinkDown) -> None:
        if isinstance(link, LinkDown):
            log.warning("the launcher is away: %s", link.reason)


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The agent's own environment without what is meant for the agent alone."""
    inherited: dict[str, str] = {}
    for name, value in environment.items():
        if name in _OWN_VARIABLES or name.startswith("LANHERD_"):
            continue
        if not _is_text(name + value):
            log.warning("runs don't get the variable %r: it isn't UTF-8", name)
            continue
        inherited[name] = value
    # So that a log shows a line when it is printed, not when 8 KiB have come together.
    inherited.setdefault("PYTHONUNBUFFERED", "1")
    return inherited


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _before_asking_again(what: str, run: RunId, problem: Exception) -> None:
    log.warning("run %s: the launcher can't %s it now, asking again: %s", run, what, problem)
    await asyncio.sleep(ASK_AGAIN_S)


def _is_claimed(directory: AttemptDir) -> bool:
    return os.path.lexists(directory.start)


async def _read_start(directory: AttemptDir) -> Start | None:
    """Raises RunDirError; but a disk that can't be read now says nothing about the run."""
    while True:
        try:
            return read_start(directory)
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


def _directory_failure(problem: OSError | RunDirError) -> Failure:
    if isinstance(problem, OSError) and problem.errno in _FULL:
        return _disk_full("The run's directory could not be made.")
    return Failure(
        code=ErrorCode.LAUNCHER_FAILED,
        title="The run's directory could not be made.",
        message=str(problem),
        remedy="Look at the agent's home directory on that machine.",
    )


def _disk_full(message: str) -> Failure:
    return Failure(
        code=ErrorCode.DISK_FULL,
        title="The machine's disk is full.",
        message=message,
        remedy="Make room on the machine and submit the run again.",
    )


def _start_failure(problem: StartFailedError, directory: AttemptDir, program: str) -> Failure:
    if problem.errno in _FULL:
        return _disk_full("The run could not be started.")
    if problem.kind is StartFailure.EXEC:
        return _not_executable(problem, directory, program)
    return Failure(
        code=ErrorCode.LAUNCHER_FAILED,
        title="The run could not be started.",
        message=problem.text,
        remedy="Look at the agent's log on that machine and submit the run again.",
        data={"kind": problem.kind.value},
    )


def _not_executable(problem: StartFailedError, directory: AttemptDir, program: str) -> Failure:
    title = f"The command {program!r} can't be run."
    message = problem.text
    remedy = "Check that the file is executable and made for this machine."
    if problem.errno == errno.ENOENT:
        if "/" in program and (directory.tree / program).exists():
            message = "The file is there; the interpreter that its first line names is not."
            remedy = "Name one that the machine has, or run it with one, as in 'bash train.sh'."
        else:
            title = f"There is no command {program!r} on the machine."
            message = "It is neither in the run's folder nor on the PATH of its environment."
            remedy = "Check its spelling, or add the package that brings it to the project's lock."
    if problem.errno == errno.ENOEXEC and _is_script(directory.tree / program):
        title = f"The command {program!r} has no interpreter line."
        message = "The machine can't tell what its text is written for."
        remedy = f"Begin it with #! and its interpreter, or run it as 'bash {program}'."
    return Failure(
        code=ErrorCode.COMMAND_NOT_FOUND,
        title=title,
        message=message,
        remedy=remedy,
        data={"command": program},
    )


def _is_script(path: Path) -> bool:
    """Whether the run's file is a script, and no program for another machine."""
    try:
        with path.open("rb") as file:
            begin = file.read(TEXT_LOOK_BYTES)
    except OSError:
        return False
    return b"\0" not in begin and not begin.startswith(b"\x7fELF")


_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNEXPECTED = Failure(
    code=ErrorCode.INTERNAL,
    title="The agent failed over this run.",
    message="It met an error that it didn't expect; its log has the details.",
    remedy="Please report this with the agent's log.",
)
