"""What is told of an attempt when it is started, adopted, signalled and over."""

import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.execution import adopting, starting
from lanherd_agent.execution.adopting import Following
from lanherd_agent.execution.failures import start_failure
from lanherd_agent.execution.layout import Surroundings
from lanherd_agent.execution.preparing import Preparing
from lanherd_agent.execution.starting import Starting
from lanherd_agent.execution.telling import Telling
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.runs import rundir, shim
from lanherd_agent.runs.launcher_client import (
    Exited,
    LauncherClient,
    NotRunningError,
    Started,
    StartFailedError,
    StartFailure,
)
from lanherd_agent.runs.launcher_process import LauncherProcess, LauncherUnavailableError
from lanherd_agent.runs.rundir import AttemptDir, Exit, ExitError, Start, read_settings, read_spec
from lanherd_agent.secrets import Secrets
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease, RunSettings, RunSpec
from tests.support.doors import new_run_id

Answer = Exception | Callable[[Path], Started] | None


class Scripted(LauncherClient):
    """A launcher that answers as told: one answer to each call, then yes to all."""

    def __init__(self, home: Path, *answers: Answer) -> None:
        super().__init__(LauncherProcess(home), lambda exited: None, lambda link: None)
        self._answers = list(answers)
        self.asked: list[tuple[object, ...]] = []

    async def start(self, directory: Path) -> Started:
        self.asked.append(("start",))
        match self._next():
            case None:
                return started(directory)
            case answer:
                return answer(directory)

    async def signal(
        self, directory: Path, signo: int, *, kill_after_s: float | None = None
    ) -> int:
        self.asked.append(("signal", signo, kill_after_s))
        self._next()
        return 1

    async def watch(self, directory: Path) -> None:
        self.asked.append(("watch",))
        self._next()

    def _next(self) -> Callable[[Path], Started] | None:
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def started(directory: Path, *, existing: bool = False) -> Started:
    return Started(directory, 7, 70, "boot", 5.0, existing=existing)


class Room:
    def __init__(
        self, home: AgentHome, shell: Shell, snapshots: SnapshotStore, builder: EnvironmentBuilder
    ) -> None:
        self.home, self.shell = home, shell
        self.telling = Telling(shell, lambda text: text.replace("hush", "***"))
        self.following = Following(home, self.telling)
        self._preparing = Preparing(self.telling, snapshots, builder)
        self._snapshots = snapshots
        self.run = RunId(new_run_id())
        self.directory = AttemptDir.of(home.root, self.run, 1)

    def starting(self, launcher: LauncherClient) -> Starting:
        return Starting(
            self.home,
            self.telling,
            self._snapshots,
            self._preparing,
            launcher,
            Secrets(self.home, self.shell),
            Surroundings("box", {}, Rules()),
            self.following.alive_since,
        )

    async def start(self, *answers: Answer) -> tuple[list[object], Scripted]:
        launcher = Scripted(self.home.root, *answers)
        effect = f.StartAttempt(
            run=self.run, attempt=1, spec=RunSpec(command=("train",)), lease=Lease()
        )
        await self.starting(launcher).start(effect)
        return self.told(), launcher

    async def adopt(self, *answers: Answer) -> tuple[list[object], Scripted]:
        launcher = Scripted(self.home.root, *answers)
        effect = f.AdoptAttempt(
            run=self.run, attempt=1, spec=RunSpec(command=("x",)), lease=Lease(), pid=7
        )
        await self.following.adopt(effect, launcher)
        return self.told(), launcher

    def told(self) -> list[object]:
        """The facts since the last look."""
        return list(self.shell._inbox.drain())

    def write(self, record: Start | Exit) -> None:
        self.directory.path.mkdir(parents=True, exist_ok=True)
        path = self.directory.start if isinstance(record, Start) else self.directory.exit
        path.write_bytes(msgspec.json.encode(record))


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    shell = await Shell.open(MemoryStore())
    snapshots = await SnapshotStore.open(home.root)
    yield Room(home, shell, snapshots, await EnvironmentBuilder.open(home.root))
    await shell.close()


def start_record(boot: str | None = None, at: float = 100.0) -> Start:
    return Start(
        boot_id=boot or rundir.boot_id(),
        pid=2**22 - 1,
        start_time=1,
        shim_pid=2**22 - 2,
        shim_start_time=1,
        at=at,
    )


def never_ran(kind: StartFailure, text: str = "why") -> StartFailedError:
    return StartFailedError(kind, 0, text, None)


# --- Starting ------------------------------------------------------------------------------------


async def test_a_start() -> None:
    async with room() as agent:
        told, _ = await agent.start()
        assert told == [e.AttemptStarted(run=agent.run, attempt=1, pid=7, at=5.0)]
        spec = read_spec(agent.directory)
        assert spec is not None
        assert spec.argv == ("train",)
        assert agent.following.alive_since == {(agent.run, 1): 5.0}


@pytest.mark.expects_logs("can't start it now", reason="the launcher is away")
async def test_a_launcher_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ASK_AGAIN_S", 0.0)
    async with room() as agent:
        away = LauncherUnavailableError("gone")
        told, launcher = await agent.start(away, never_ran(StartFailure.DRAINING), away)
        assert len(launcher.asked) == 4
        assert [type(fact) for fact in told] == [e.AttemptStarted]


async def test_a_start_that_died_with_its_shim_is_made_again() -> None:
    async with room() as agent:
        told, launcher = await agent.start(*[never_ran(StartFailure.SHIM_KILLED)] * 3)
        assert len(launcher.asked) == 4
        assert [type(fact) for fact in told] == [e.AttemptStarted]


async def test_but_not_for_ever() -> None:
    async with room() as agent:
        told, _ = await agent.start(
            *[never_ran(StartFailure.SHIM_KILLED)] * (starting.TRIES_MAX + 1)
        )
        assert [type(fact) for fact in told] == [e.AttemptStartFailed]


async def test_a_torn_claim_is_freed_only_when_nobody_writes_it() -> None:
    async with room() as agent:
        agent.directory.make()
        agent.directory.start.write_text('{"boot')
        torn = never_ran(StartFailure.TORN)
        told, launcher = await agent.start(torn)
        assert len(launcher.asked) == 2
        assert [type(fact) for fact in told] == [e.AttemptStarted]
        assert not agent.directory.start.exists()
        with agent.directory.start.open("w") as held:
            held.write('{"boot')
            held.flush()
            (failed,), _ = await agent.start(torn)
        assert isinstance(failed, e.AttemptStartFailed)
        assert failed.failure.data == {"kind": "torn"}
        assert agent.directory.start.exists()
        # Whole by now: another start's.
        agent.write(start_record())
        told, _ = await agent.start(torn)
        assert [type(fact) for fact in told] == [e.AttemptStarted]
        agent.directory.start.unlink()


@pytest.mark.parametrize("late", [False, True])
async def test_a_link_in_the_place_of_a_claim_is_told_as_that(late: bool) -> None:
    """Before all else, and if it comes while the launcher is asked."""
    async with room() as agent:
        agent.directory.make()

        def put(path: Path) -> Started:
            agent.directory.start.symlink_to("/etc/passwd")
            raise never_ran(StartFailure.TORN)

        if not late:
            agent.directory.start.symlink_to("/etc/passwd")
        (told,), launcher = await agent.start(put)
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "untrusted"
        assert "start.json is not a plain file (it is a link)" in told.why
        assert len(launcher.asked) == int(late)
        assert agent.directory.start.is_symlink(), "it is left alone"


async def test_a_claim_that_can_not_be_read_now_is_for_the_launcher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(path: Path) -> int:
        raise rundir.RunDirError(path, rundir.Flaw.UNREADABLE, "I/O error")

    monkeypatch.setattr(starting, "open_plain", failing)
    async with room() as agent:
        agent.write(start_record())
        told, _ = await agent.start()
        assert [type(fact) for fact in told] == [e.AttemptStarted]
        assert not agent.directory.spec.exists(), "it was not laid out again"


@pytest.mark.expects_logs("can't start it now", reason="the machine takes no process more")
async def test_a_fork_that_is_refused_is_tried_again_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "ASK_AGAIN_S", 0.0)
    refused = StartFailedError(StartFailure.FORK, errno.EAGAIN, "no", None)
    async with room() as agent:
        told, launcher = await agent.start(refused, refused)
        assert [type(fact) for fact in told] == [e.AttemptStarted]
        assert len(launcher.asked) == 3
        agent.run = RunId(new_run_id())
        (failed,), _ = await agent.start(*[refused] * (starting.TRIES_MAX + 1))
        assert isinstance(failed, e.AttemptStartFailed)
        assert "process limit" in failed.failure.message
        assert "TasksMax" in failed.failure.remedy


@pytest.mark.parametrize(
    ("kind", "number", "says"),
    [
        (StartFailure.EXEC, errno.EACCES, "it is not marked as executable"),
        (StartFailure.EXEC, errno.EAGAIN, "process limit"),
        (StartFailure.EXEC, errno.E2BIG, "Argument list too long: 'train'."),
        (StartFailure.CWD, errno.ENOENT, "can't be entered: No such file or directory: 'train'."),
        (StartFailure.IO, errno.EIO, "Input/output error: 'train'."),
    ],
)
def test_what_a_shim_could_not_do_is_said_without_a_number(
    tmp_path: Path, kind: StartFailure, number: int, says: str
) -> None:
    said = shim.failure(kind, OSError(number, os.strerror(number), "train"))
    problem = StartFailedError(kind, said["errno"], said["text"], None)
    failure = start_failure(problem, AttemptDir.of(tmp_path, "r", 1), "train")
    assert says in failure.message
    assert "Errno" not in failure.message


def test_a_cause_without_a_number() -> None:
    assert shim.failure("spec", ValueError("torn")) == {"kind": "spec", "errno": 0, "text": "torn"}
    assert shim.failure("io", OSError("odd"))["text"] == "odd"


async def test_a_start_that_failed_before_the_agent_died() -> None:
    async with room() as agent:
        problem = ExitError(kind="exec", errno=errno.ENOENT, text="no such file")
        agent.write(start_record())
        agent.write(Exit(at=1.0, error=problem))
        (failed,), _ = await agent.start(lambda path: started(path, existing=True))
        assert isinstance(failed, e.AttemptStartFailed)
        assert failed.failure.code == "command_not_found"
        assert "train" in failed.failure.title
        # One that ran, or whose end can't be read, was started.
        agent.write(Exit(at=1.0, code=0))
        told, _ = await agent.start(lambda path: started(path, existing=True))
        assert [type(fact) for fact in told] == [e.AttemptStarted]
        agent.directory.exit.write_text("torn")
        told, _ = await agent.start(lambda path: started(path, existing=True))
        assert [type(fact) for fact in told] == [e.AttemptStarted]


async def test_what_is_told_of_a_failure_has_no_secret() -> None:
    async with room() as agent:
        (failed,), _ = await agent.start(never_ran(StartFailure.SPEC, "it says hush"))
        assert isinstance(failed, e.AttemptStartFailed)
        assert failed.failure.message == "it says ***."
        # A directory that can't be made is the run's own affair too.
        agent.run = RunId("x" * 300)
        (failed,), _ = await agent.start()
        assert isinstance(failed, e.AttemptStartFailed)
        assert "directory" in failed.failure.title


async def test_settings_are_noted_where_there_is_a_run() -> None:
    async with room() as agent:
        start = agent.starting(Scripted(agent.home.root))
        settings = RunSettings(notes="n")
        await start.note_settings(f.NoteSettings(run=agent.run, settings=settings))
        assert agent.told() == [e.SettingsNoted(run=agent.run, settings=settings)]
        assert not (agent.home.runs / agent.run).exists()
        agent.directory.make()
        await start.note_settings(f.NoteSettings(run=agent.run, settings=settings))
        assert read_settings(agent.home.root, agent.run) == settings
        assert rundir.read_cancel(agent.home.root, agent.run) is None
        effect = f.NoteSettings(run=agent.run, settings=settings, cancelled_at=5.0)
        agent.told()
        await start.note_settings(effect)
        assert rundir.read_cancel(agent.home.root, agent.run) == rundir.Cancel(at=5.0)
        assert agent.told() == [e.SettingsNoted(run=agent.run, settings=settings, cancelled_at=5.0)]


@pytest.mark.expects_logs("can't be written beside", reason="no directory can take it")
async def test_settings_that_can_not_be_noted() -> None:
    async with room() as agent:
        (agent.home.runs / agent.run).write_text("no directory")
        start = agent.starting(Scripted(agent.home.root))
        await start.note_settings(f.NoteSettings(run=agent.run, settings=RunSettings()))
        assert agent.told() == [e.SettingsNoted(run=agent.run, settings=RunSettings())]


# --- Adopting ------------------------------------------------------------------------------------


async def test_alive_and_adopted() -> None:
    async with room() as agent:
        agent.write(start_record())
        (told,), launcher = await agent.adopt()
        assert isinstance(told, e.AttemptAdopted)
        up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        assert told.elapsed_s is not None
        assert up_s - 60 < told.elapsed_s < up_s
        assert launcher.asked == [("watch",)]
        assert agent.following.alive_since == {(agent.run, 1): 100.0}


async def test_ended_meanwhile() -> None:
    """It is no more told as alive: its time limit would be found to be over."""
    async with room() as agent:
        agent.write(start_record())
        agent.write(Exit(at=101.0, code=0))
        told, launcher = await agent.adopt()
        assert told == []
        assert launcher.asked == [("watch",)]


async def test_the_machine_was_restarted() -> None:
    async with room() as agent:
        agent.write(start_record(boot="b" * 36))
        (told,), launcher = await agent.adopt()
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "reboot"
        booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        assert abs(told.at - booted_at) < 60
        assert launcher.asked == []
        # Its end was written before: that is its outcome.
        agent.write(Exit(at=101.0, code=3))
        told_then, launcher = await agent.adopt()
        assert told_then == []
        assert launcher.asked == [("watch",)]


async def test_gone_and_untrusted() -> None:
    async with room() as agent:
        (told,), _ = await agent.adopt()
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "gone"
        agent.directory.make()
        agent.directory.start.write_text('{"torn')
        (told,), _ = await agent.adopt()
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "untrusted"
        agent.write(start_record())
        agent.directory.exit.symlink_to("/etc/passwd")
        (told,), launcher = await agent.adopt()
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "untrusted"
        assert launcher.asked == []
        assert agent.directory.exit.is_symlink(), "it is left alone"


@pytest.mark.expects_logs("can't adopt it now", reason="the launcher is away")
async def test_the_launcher_is_away_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ASK_AGAIN_S", 0.0)
    async with room() as agent:
        agent.write(start_record())
        _, launcher = await agent.adopt(LauncherUnavailableError("gone"))
        assert launcher.asked == [("watch",), ("watch",)]


@pytest.mark.expects_logs("looking again", reason="the disk can't be read for a moment")
async def test_a_disk_that_can_not_be_read_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopting, "ASK_AGAIN_S", 0.0)
    read, tries = rundir.read_start, []

    def failing(directory: AttemptDir) -> Start | None:
        tries.append(directory)
        if len(tries) == 1:
            raise rundir.RunDirError(directory.start, rundir.Flaw.UNREADABLE, "I/O error")
        return read(directory)

    monkeypatch.setattr(adopting, "read_start", failing)
    async with room() as agent:
        agent.write(start_record())
        (told,), _ = await agent.adopt()
        assert isinstance(told, e.AttemptAdopted)


# --- Signals and ends ----------------------------------------------------------------------------


@pytest.mark.expects_logs("can't signal it now", reason="the launcher is away")
async def test_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ASK_AGAIN_S", 0.0)
    async with room() as agent:
        effect = f.SignalAttempt(run=agent.run, attempt=1, signal=10, kill_after_s=3.0)
        launcher = Scripted(agent.home.root, LauncherUnavailableError("gone"))
        await agent.following.signal(effect, launcher)
        assert launcher.asked == [("signal", 10, 3.0)] * 2
        assert agent.told() == [e.AttemptSignalled(run=agent.run, attempt=1, signal=10)]
        over = Scripted(agent.home.root, NotRunningError("it is over"))
        await agent.following.signal(effect, over)
        (told,) = agent.told()
        assert isinstance(told, e.AttemptSignalled)
        assert told.problem == "it is over"


def exited(agent: Room, exit_: Exit, stages: str | None = None) -> object:
    agent.directory.path.mkdir(parents=True, exist_ok=True)
    if stages is not None:
        agent.directory.stages.write_text(stages)
    agent.following.on_exited(Exited(agent.directory.path, exit_))
    (told,) = agent.told() or (None,)
    return told


async def test_what_ended_in_a_shutdown_is_lost_with_it() -> None:
    async with room() as agent:
        agent.following.alive_since[agent.run, 1] = 50.0
        told = exited(agent, Exit(at=9.0, signal=15, shutdown=True))
        assert told == e.AttemptLost(
            run=agent.run,
            attempt=1,
            at=9.0,
            why=rundir.SHUT_DOWN,
            cause="reboot",
            started_at=50.0,
        )


async def test_ends() -> None:
    async with room() as agent:
        agent.following.alive_since[agent.run, 1] = 50.0
        flags = Exit(at=9.0, signal=15, timed_out=True, stopped=True, left=2)
        assert exited(agent, flags) == e.AttemptExited(
            run=agent.run,
            attempt=1,
            at=9.0,
            signal=15,
            started_at=50.0,
            timed_out=True,
            stopped=True,
            left=2,
        )
        assert agent.following.alive_since == {}
        told = exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at is None
        agent.write(start_record(at=70.0))
        told = exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at == 70.0
        agent.directory.start.write_text("torn")
        told = exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at is None
        unknown = ExitError(kind="unknown", errno=0, text="hush was killed")
        told = exited(agent, Exit(at=9.0, error=unknown))
        assert isinstance(told, e.AttemptLost)
        assert told.why == "How it ended is not known: *** was killed."
        never = ExitError(kind="exec", errno=2, text="no such file")
        assert exited(agent, Exit(at=9.0, error=never)) is None
        agent.following.alive_since[agent.run, 1] = 50.0
        assert isinstance(exited(agent, Exit(at=9.0, error=never)), e.AttemptLost), "it was alive"


@pytest.mark.expects_logs("came to is not known", reason="a torn stages.json")
async def test_ends_in_stages() -> None:
    async with room() as agent:
        told = exited(agent, Exit(at=9.0, code=9), '{"pre": {"code": 9}, "post": {"code": 1}}')
        assert isinstance(told, e.AttemptExited)
        assert (told.stage, told.post_failed) == ("pre", True)
        done = '{"pre": {"code": 0}, "command": {"code": 1}, "post": {"code": 0}}'
        told = exited(agent, Exit(at=9.0, code=1), done)
        assert isinstance(told, e.AttemptExited)
        assert (told.stage, told.post_failed) == ("command", False)
        told = exited(agent, Exit(at=9.0, code=1), '{"torn')
        assert isinstance(told, e.AttemptExited)
        assert told.stage == "command"
