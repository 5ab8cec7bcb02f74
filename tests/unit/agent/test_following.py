"""What is told of an attempt when it is adopted, signalled and over."""

import time
from pathlib import Path

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.execution import adopting, causes, starting
from lanherd_agent.execution.causes import KernelKills
from lanherd_agent.runs import rundir
from lanherd_agent.runs.launcher_client import (
    Exited,
    NotRunningError,
)
from lanherd_agent.runs.launcher_process import LauncherUnavailableError
from lanherd_agent.runs.rundir import AttemptDir, Exit, ExitError, Start
from lanherd_protocol.values import Reason
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
        assert told.why.endswith("No process of it was found.")
        assert launcher.asked == [("finds",)]
        assert agent.directory.exit.is_symlink(), "it is left alone"
        assert agent.problems.all() == ()


@pytest.mark.expects_logs("is alive and goes on", reason="its start.json is torn, or gone")
@pytest.mark.parametrize("text", [None, '{"torn'])
async def test_one_that_lives_is_adopted_whatever_its_files_say(text: str | None) -> None:
    async with room() as agent:
        if text is not None:
            agent.directory.make()
            agent.directory.start.write_text(text)
        told, launcher = await agent.adopt(lives=True)
        assert told == [e.AttemptAdopted(run=agent.run, attempt=1)]
        assert launcher.asked == [("finds",), ("watch",)]
        (problem,) = agent.problems.all()
        assert problem.data["run"] == agent.run
        assert await exited(agent, Exit(at=9.0, code=0))
        assert agent.problems.all() == ()


async def test_an_end_that_nobody_saw_of_one_whose_files_can_not_be_trusted() -> None:
    """Something of it may live that is not known: it is not tried again."""
    async with room() as agent:
        nobody = ExitError(kind="untrusted", errno=0, text="its run directory can't be trusted")
        told = await exited(agent, Exit(at=9.0, error=nobody, witness="agent"))
        assert isinstance(told, e.AttemptLost)
        assert told.cause == "untrusted"


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


async def exited(agent: Room, exit_: Exit, stages: str | None = None) -> object:
    agent.directory.path.mkdir(parents=True, exist_ok=True)
    if stages is not None:
        agent.directory.stages.write_text(stages)
    agent.following.on_exited(Exited(agent.directory.path, exit_))
    await agent.tasks.wait()
    (told,) = agent.told() or (None,)
    return told


async def test_what_ended_in_a_shutdown_is_lost_with_it() -> None:
    async with room() as agent:
        agent.following.alive_since[agent.run, 1] = 50.0
        told = await exited(agent, Exit(at=9.0, signal=15, shutdown=True))
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
        assert await exited(agent, flags) == e.AttemptExited(
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
        told = await exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at is None
        agent.write(start_record(at=70.0))
        told = await exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at == 70.0
        agent.directory.start.write_text("torn")
        told = await exited(agent, Exit(at=9.0, code=0))
        assert isinstance(told, e.AttemptExited)
        assert told.started_at is None
        unknown = ExitError(kind="unknown", errno=0, text="hush was killed")
        told = await exited(agent, Exit(at=9.0, error=unknown))
        assert isinstance(told, e.AttemptLost)
        assert told.why == "How it ended is not known: *** was killed."
        assert not told.stopped and not told.timed_out
        for flag in ("stopped", "timed_out"):
            told = await exited(agent, Exit(at=9.0, error=unknown, **{flag: True}))
            assert isinstance(told, e.AttemptLost)
            assert (told.stopped, told.timed_out) == (flag == "stopped", flag == "timed_out")
        never = ExitError(kind="exec", errno=2, text="no such file")
        assert await exited(agent, Exit(at=9.0, error=never)) is None
        agent.following.alive_since[agent.run, 1] = 50.0
        told = await exited(agent, Exit(at=9.0, error=never))
        assert isinstance(told, e.AttemptLost), "it was alive"


@pytest.mark.expects_logs("came to is not known", reason="a torn stages.json")
async def test_ends_in_stages() -> None:
    async with room() as agent:
        stages = '{"pre": {"code": 9}, "post": {"code": 1}}'
        told = await exited(agent, Exit(at=9.0, code=9), stages)
        assert isinstance(told, e.AttemptExited)
        assert (told.stage, told.post_failed) == ("pre", True)
        assert (told.post_code, told.post_signal) == (1, None)
        done = '{"pre": {"code": 0}, "command": {"code": 1}, "post": {"code": 0}}'
        told = await exited(agent, Exit(at=9.0, code=1), done)
        assert isinstance(told, e.AttemptExited)
        assert (told.stage, told.post_failed) == ("command", False)
        told = await exited(agent, Exit(at=9.0, code=1), '{"torn')
        assert isinstance(told, e.AttemptExited)
        assert told.stage == "command"


# --- Causes --------------------------------------------------------------------------------------


async def cause_of(agent: Room, exit_: Exit, stages: str | None = None) -> Reason | None:
    told = await exited(agent, exit_, stages)
    assert isinstance(told, e.AttemptExited)
    return told.cause


async def test_a_failure_is_told_with_what_its_log_shows() -> None:
    async with room() as agent:
        agent.directory.make()
        failed = Exit(at=9.0, code=1)
        assert await cause_of(agent, failed) is None, "there is no log"
        log = b"step\n" * 20_000 + b"ModuleNotFoundError: No module named 'cv2'\n"
        agent.directory.log.write_bytes(log)
        cause = await cause_of(agent, failed)
        assert cause is not None and cause.code == "missing_module"
        assert cause.data["offset"] == log.index(b"ModuleNotFound")
        agent.directory.err.write_bytes(b"MemoryError\n")
        cause = await cause_of(agent, failed)
        assert cause is not None and (cause.code, cause.data["stream"]) == ("out_of_memory", "err")


async def test_what_the_shim_saw_beside_its_exit_is_told() -> None:
    async with room() as agent:
        told = await exited(agent, Exit(at=9.0, code=1, disk_full=True))
        assert isinstance(told, e.AttemptExited) and told.disk_full
        part, itself = Exit(at=9.0, oom_kills=2, code=1), Exit(at=9.0, oom_kills=2, signal=9)
        for exit_, whom in ((part, "part"), (itself, "run")):
            cause = await cause_of(agent, exit_)
            assert cause is not None
            assert (cause.code, cause.data["killed"]) == ("out_of_memory", whom)


async def test_no_cause_is_looked_for_where_it_did_not_fail_by_itself() -> None:
    async with room() as agent:
        agent.directory.make()
        agent.directory.log.write_bytes(b"MemoryError\n")
        for exit_ in (
            Exit(at=9.0, code=0),
            Exit(at=9.0, signal=15, stopped=True),
            Exit(at=9.0, signal=15, timed_out=True),
        ):
            assert await cause_of(agent, exit_) is None
        assert await cause_of(agent, Exit(at=9.0, code=1), '{"pre": {"code": 9}}') is None


async def test_secrets_are_not_in_what_is_told() -> None:
    async with room() as agent:
        agent.directory.make()
        log = b"hush: command not found\n"
        agent.directory.log.write_bytes(log)
        cause = await cause_of(agent, Exit(at=9.0, code=127))
        assert cause is not None and cause.text == "The machine has no command ****."
        assert "hush" not in str(cause)


@pytest.mark.expects_logs("can't be read", reason="the log is a link")
async def test_a_log_that_is_a_link_is_not_followed() -> None:
    async with room() as agent:
        agent.directory.make()
        other = agent.home.root / "other"
        other.write_bytes(b"MemoryError\n")
        agent.directory.log.symlink_to(other)
        assert await cause_of(agent, Exit(at=9.0, code=1)) is None


@pytest.mark.expects_logs("could not be looked for", reason="a mistake in the search")
async def test_an_end_is_told_though_its_cause_could_not_be_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(adopting, "find_cause", broken)
    async with room() as agent:
        assert await cause_of(agent, Exit(at=9.0, code=1)) is None


async def test_a_kill_while_the_kernel_killed_for_memory(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 5\noom_kill 3\n")
    async with room() as agent:
        agent.directory.make()
        agent.following.kernel_kills = KernelKills(vmstat)
        killed = Exit(at=9.0, signal=9)
        assert await cause_of(agent, killed) is None
        vmstat.write_text("nr_free_pages 5\noom_kill 4\n")
        agent.following.alive_since[agent.run, 1] = time.time() - 5
        cause = await cause_of(agent, killed)
        assert cause is not None and cause.code == "out_of_memory"
        agent.following.alive_since[agent.run, 1] = time.time() + 5
        assert await cause_of(agent, killed) is None, "it was before its time"


def test_kills_are_counted_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vmstat = tmp_path / "vmstat"
    kills = KernelKills(vmstat)
    assert not kills.since(0.0)
    vmstat.write_text("oom_kill 1\n")
    kills.look()
    monkeypatch.setattr(causes, "LOOK_EVERY_S", 0.0)
    kills.look()
    vmstat.write_text("oom_kill much\n")
    assert kills.since(0.0)
    assert KernelKills().since(0.0) is False
