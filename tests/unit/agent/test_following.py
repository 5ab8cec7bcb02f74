"""What is told of an attempt when it is adopted, signalled and over."""

import time

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.execution import adopting, starting
from lanherd_agent.runs import rundir
from lanherd_agent.runs.launcher_client import (
    Exited,
    NotRunningError,
)
from lanherd_agent.runs.launcher_process import LauncherUnavailableError
from lanherd_agent.runs.rundir import AttemptDir, Exit, ExitError, Start
from tests.unit.agent.executing import Room, Scripted, room, start_record

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
