"""Starting an attempt: everything is laid out in its directory, then the launcher is asked.

What could not be asked is not answered: a launcher that is away is asked again until it says what
became of the attempt, since one that may be alive must not be told as failed. A start that died
with its shim before the command ran is made again: it is nobody's fault and no outcome. One that is
refused for good is written down in its directory before it is told: it is never made again, be the
agent killed in between, or its records lost later.
"""

import asyncio
import logging
import os
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.disk import in_thread
from lanherd_agent.execution.failures import (
    never_ran,
    no_secrets,
    start_failure,
    was_refused,
)
from lanherd_agent.execution.layout import Surroundings, spec_of
from lanherd_agent.execution.preparing import Preparing
from lanherd_agent.execution.telling import Telling
from lanherd_agent.fail_points import ARMED, hit
from lanherd_agent.home import AgentHome
from lanherd_agent.problems import Problems, live_untrusted
from lanherd_agent.runs.launcher_client import LauncherClient, StartFailedError, StartFailure
from lanherd_agent.runs.launcher_process import LauncherUnavailableError
from lanherd_agent.runs.rundir import (
    AttemptDir,
    ExitError,
    Flaw,
    RunDirError,
    check_own_folder,
    open_plain,
    read_exit,
    read_start,
    write_cancel,
    write_refusal,
    write_settings,
    write_spec,
)
from lanherd_agent.runs.strays import eldest_of
from lanherd_agent.secrets import Secrets
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import RunId

log = logging.getLogger("lanherd.executor")

ASK_AGAIN_S = 0.5
TRIES_MAX = 20
"""Starts of one attempt that may come to nothing by what may pass (they died with their shims, the
machine took no process more) before it is told as failed."""
Attempt = tuple[RunId, int]


async def before_asking_again(what: str, run: RunId, problem: Exception) -> None:
    log.warning("run %s: the launcher can't %s it now, asking again: %s", run, what, problem)
    await asyncio.sleep(ASK_AGAIN_S)


class Starting:
    def __init__(
        self,
        home: AgentHome,
        telling: Telling,
        snapshots: SnapshotStore,
        preparing: Preparing,
        launcher: LauncherClient,
        secrets: Secrets,
        around: Surroundings,
        alive_since: dict[Attempt, float],
        problems: Problems,
    ) -> None:
        self._home = home
        self._telling = telling
        self._snapshots = snapshots
        self._preparing = preparing
        self._launcher = launcher
        self._secrets = secrets
        self._around = around
        self._laying_out: defaultdict[RunId, int] = defaultdict(int)
        self._laid_out = asyncio.Condition()
        self._alive_since = alive_since
        self._problems = problems

    async def start(self, effect: f.StartAttempt) -> None:
        directory = AttemptDir.of(self._home.root, effect.run, effect.attempt)
        try:
            claimed = _is_claimed(directory)
        except RunDirError as flaw:
            await self._untrusted(effect, directory, flaw)
            return
        # Where the claim of a start lies, whole or torn, it may be alive: that is for the launcher.
        if not claimed:
            refused = _refused_before(directory)
            if refused is not None:
                self._refused(effect, directory, refused)
                return
            self._laying_out[effect.run] += 1
            try:
                await self._lay_out(directory, effect)
            except Exception as problem:
                await in_thread(partial(_forget_spec, directory))
                self._failed(effect, self._telling.failure(problem, effect.run))
                return
            finally:
                await self._on_laid_out(effect.run)
        await self._launch(directory, effect)

    async def note_settings(self, effect: f.NoteSettings) -> None:
        """Not while a start is being laid out: settings that are newer than its own would find no
        directory to be written in."""
        async with self._laid_out:
            await self._laid_out.wait_for(lambda: effect.run not in self._laying_out)
        try:
            write_settings(self._home.root, effect.run, effect.settings)
            if effect.cancelled_at is not None:
                write_cancel(self._home.root, effect.run, effect.cancelled_at)
        except OSError as problem:
            log.warning("run %s: its settings can't be written beside it: %s", effect.run, problem)
        self._telling.post(
            e.SettingsNoted(
                run=effect.run, settings=effect.settings, cancelled_at=effect.cancelled_at
            )
        )

    async def _on_laid_out(self, run: RunId) -> None:
        self._laying_out[run] -= 1
        if not self._laying_out[run]:
            del self._laying_out[run]
        async with self._laid_out:
            self._laid_out.notify_all()

    async def _lay_out(self, directory: AttemptDir, effect: f.StartAttempt) -> None:
        """The attempt's directory: its tree, its outputs folder and its spec."""
        spec = effect.spec
        secrets = self._secrets.folder(effect.run) if spec.secrets else None
        if secrets is not None and not secrets.is_dir():
            raise no_secrets()
        _make(directory)
        if spec.snapshot is None:
            directory.tree.mkdir(mode=0o700, exist_ok=True)
        elif not directory.tree.is_dir():
            await self._snapshots.materialise(spec.snapshot, directory.tree)
        environment = await self._preparing.environment(spec, effect.prepared)
        write_spec(directory, spec_of(effect, directory, environment, secrets, self._around))

    async def _launch(self, directory: AttemptDir, effect: f.StartAttempt) -> None:
        tries = 0
        while True:
            if ARMED:
                hit("executor.before_start")
            try:
                started = await self._launcher.start(directory.path)
                _check_ran(directory, started.existing)
            except LauncherUnavailableError as problem:
                await before_asking_again("start", effect.run, problem)
            except StartFailedError as problem:
                if problem.kind is StartFailure.DRAINING:
                    await before_asking_again("start", effect.run, problem)
                elif tries < TRIES_MAX and await _may_pass(directory, problem, effect.run):
                    tries += 1
                else:
                    await self._not_started(effect, directory, problem)
                    return
            else:
                break
        if ARMED:
            hit("executor.started")
        self._alive_since.setdefault((effect.run, effect.attempt), started.at)
        self._telling.post(
            e.AttemptStarted(run=effect.run, attempt=effect.attempt, pid=started.pid, at=started.at)
        )

    async def _not_started(
        self, effect: f.StartAttempt, directory: AttemptDir, problem: StartFailedError
    ) -> None:
        try:
            _is_claimed(directory)
        except RunDirError as flaw:
            await self._untrusted(effect, directory, flaw)
        else:
            text = self._telling.redact(problem.text)
            error = ExitError(kind=problem.kind, errno=problem.errno, text=text)
            await in_thread(partial(_write_down, directory, error))
            self._refused(effect, directory, problem)

    def _refused(
        self, effect: f.StartAttempt, directory: AttemptDir, problem: StartFailedError
    ) -> None:
        failure = start_failure(problem, directory, effect.spec.command[0])
        self._failed(effect, self._telling.redacted(failure))

    async def _untrusted(
        self, effect: f.StartAttempt, directory: AttemptDir, flaw: RunDirError
    ) -> None:
        """Something else has the place of its claim. Whether it was ever started, only processes
        of it can tell: what is alive keeps what it holds."""
        why = f"Its run directory can't be trusted: {flaw.words}."
        eldest = await in_thread(partial(eldest_of, directory.path))
        if eldest is not None:
            await self._alive_untrusted(effect, directory, eldest[0], why)
            return
        self._telling.post(
            e.AttemptLost(
                run=effect.run,
                attempt=effect.attempt,
                at=time.time(),
                why=self._telling.redact(why),
                cause="untrusted",
            )
        )

    async def _alive_untrusted(
        self, effect: f.StartAttempt, directory: AttemptDir, pid: int, why: str
    ) -> None:
        where = f"{effect.run}/{effect.attempt}"
        self._problems.put(live_untrusted(effect.run, where, why), effect.run)
        log.warning("run %s is alive and goes on. %s", effect.run, why)
        started = e.AttemptStarted(run=effect.run, attempt=effect.attempt, pid=pid, at=time.time())
        self._alive_since.setdefault((effect.run, effect.attempt), started.at)
        self._telling.post(started)
        while True:
            try:
                await self._launcher.watch(directory.path)
            except LauncherUnavailableError as away:
                await before_asking_again("adopt", effect.run, away)
            else:
                return

    def _failed(self, effect: f.StartAttempt, failure: Failure) -> None:
        self._telling.post(
            e.AttemptStartFailed(run=effect.run, attempt=effect.attempt, failure=failure)
        )


def _make(directory: AttemptDir) -> None:
    """Raises RunDirError where something else has its place already, such as a link to elsewhere:
    it is left alone."""
    for folder in (directory.path.parent, directory.path):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            check_own_folder(folder)
    directory.outputs.mkdir(mode=0o700, exist_ok=True)


def _is_claimed(directory: AttemptDir) -> bool:
    """Raises RunDirError where a start.json is no shim's: a link, or another user's."""
    if not os.path.lexists(directory.start):
        # As nearly always: an exception is dear beside it.
        return False
    try:
        os.close(open_plain(directory.start))
    except FileNotFoundError:
        return False
    except RunDirError as problem:
        if problem.flaw is not Flaw.UNREADABLE:
            raise
        return os.path.lexists(directory.start)
    return True


def _refused_before(directory: AttemptDir) -> StartFailedError | None:
    """By the answer to an earlier start of it, if the agent was killed before that was told."""
    if not os.path.lexists(directory.exit):
        return None
    try:
        return was_refused(read_exit(directory))
    except RunDirError:
        return None  # no words of ours


def _write_down(directory: AttemptDir, error: ExitError) -> None:
    """Whoever has nothing but the directory must not start it again."""
    if os.path.lexists(directory.exit):
        return  # its shim came so far as to say it
    try:
        write_refusal(directory, error)
    except OSError as problem:
        log.warning("%s: that it was refused can't be written: %s", directory.path, problem)
        _forget_spec(directory)


def _forget_spec(directory: AttemptDir) -> None:
    """Without a spec it is no attempt, whatever else is there: nobody can start it."""
    if not os.path.lexists(directory.spec):
        return
    try:
        check_own_folder(directory.path)
        directory.spec.unlink(missing_ok=True)
    except (OSError, RunDirError) as problem:
        log.warning("%s: its spec can't be removed: %s", directory.path, problem)


def _check_ran(directory: AttemptDir, existing: bool) -> None:
    """Raises what was the answer to an earlier start of it, if that was told to nobody."""
    if not existing:
        return
    try:
        exit_ = read_exit(directory)
    except RunDirError:
        return  # its end will be told, as not known
    problem = never_ran(exit_)
    if problem is not None:
        raise problem


async def _may_pass(directory: AttemptDir, problem: StartFailedError, run: RunId) -> bool:
    """Whether the start came to nothing only because its shim was killed, or could not be forked,
    and can be made again."""
    if problem.kind is StartFailure.FORK:
        await before_asking_again("start", run, problem)
        return True
    if problem.kind is StartFailure.SHIM_KILLED:
        log.info("run %s: %s; it is started again", run, problem.text)
        return True
    if problem.kind is not StartFailure.TORN:
        return False
    return await in_thread(partial(_free_torn_claim, directory))


def _free_torn_claim(directory: AttemptDir) -> bool:
    """Removes a claim that was cut short, if nobody is about to write the rest of it."""
    try:
        read_start(directory)
    except RunDirError as problem:
        if problem.flaw is not Flaw.TORN or _is_open(directory.start):
            return False
        directory.start.unlink(missing_ok=True)
    return True


def _is_open(path: Path) -> bool:
    """Whether a process of this user has the file open."""
    try:
        wanted = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found = descriptor.stat()
        except OSError:
            continue  # closed, ended, or another user's
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True
    return False
