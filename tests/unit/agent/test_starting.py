"""What is told of an attempt when it is started, and of settings that are noted beside it."""

import asyncio
import errno
import os
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.execution import starting
from lanherd_agent.execution.failures import start_failure
from lanherd_agent.runs import processes, rundir, shim
from lanherd_agent.runs.launcher_client import (
    Started,
    StartFailedError,
    StartFailure,
)
from lanherd_agent.runs.launcher_process import LauncherUnavailableError
from lanherd_agent.runs.rundir import (
    AttemptDir,
    Exit,
    ExitError,
    read_exit,
    read_settings,
    read_spec,
)
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import RunSettings
from tests.support.doors import new_run_id
from tests.unit.agent.executing import Scripted, never_ran, room, start_record, started


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
        assert failed.failure.data == {"refusal": "not_started", "kind": "torn", "why": "why"}
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


@pytest.mark.expects_logs("is alive and goes on|it is away", reason="what is tried here")
async def test_what_lives_behind_a_link_keeps_what_it_holds() -> None:
    """The agent died before it heard of the start, and its launcher and shim are gone: only its
    processes say that it was started."""
    async with room() as agent:
        agent.directory.make()
        agent.directory.start.symlink_to("elsewhere")
        marked = {**os.environ, processes.MARK: str(agent.directory.path)}
        command = await asyncio.create_subprocess_exec("sleep", "60", env=marked)
        try:
            away = LauncherUnavailableError("it is away")
            (told,), launcher = await agent.start(away)
        finally:
            command.kill()
            await command.wait()
        assert isinstance(told, e.AttemptStarted)
        assert told.pid == command.pid
        assert launcher.asked == [("watch",), ("watch",)]
        (problem,) = agent.problems.all()
        assert "It is alive, and keeps what it holds" in problem.text
        assert problem.data["live"] == 1
        agent.directory.start.unlink()


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
        (StartFailure.EXEC, errno.E2BIG, "Linux takes 128 KiB of each"),
        (StartFailure.EXEC, errno.EAGAIN, "process limit"),
        (StartFailure.EXEC, errno.ENOMEM, "Cannot allocate memory: 'train'."),
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


async def test_a_start_that_was_refused_is_never_made_again() -> None:
    """It is in its directory before it is told: the agent may be killed in between, and its
    records be lost later."""
    async with room() as agent:
        (failed,), _ = await agent.start(never_ran(StartFailure.SPEC, "it says hush"))
        assert isinstance(failed, e.AttemptStartFailed)
        exit_ = read_exit(agent.directory)
        assert exit_ is not None and exit_.witness == "agent"
        assert exit_.error == ExitError(kind="spec", errno=0, text="it says ***")
        told, launcher = await agent.start()
        assert (told, launcher.asked) == ([failed], [])
        # What is no refusal keeps nothing from its start.
        for other in (b"torn", msgspec.json.encode(Exit(at=1.0, code=0))):
            agent.directory.exit.write_bytes(other)
            told, _ = await agent.start()
            assert [type(fact) for fact in told] == [e.AttemptStarted]


async def test_what_its_shim_has_written_is_not_written_over() -> None:
    async with room() as agent:
        agent.directory.make()
        said = Exit(at=1.0, error=ExitError(kind="exec", errno=2, text="none"))

        def refuse(path: Path) -> Started:
            agent.write(said)
            raise StartFailedError(StartFailure.EXEC, 2, "none", said)

        (failed,), _ = await agent.start(refuse)
        assert isinstance(failed, e.AttemptStartFailed)
        assert read_exit(agent.directory) == said


@pytest.mark.expects_logs("refused can't be written", reason="the disk is full, as is tried here")
async def test_a_refusal_that_can_not_be_written_leaves_nothing_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(directory: AttemptDir, error: ExitError) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(starting, "write_refusal", full)
    async with room() as agent:
        (failed,), _ = await agent.start(never_ran(StartFailure.IO))
        assert isinstance(failed, e.AttemptStartFailed)
        assert rundir.read_spec(agent.directory) is None


@pytest.mark.expects_logs("its spec can't be removed", reason="something else has its place")
async def test_a_layout_that_failed_leaves_nothing_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even what an agent that was killed had laid out before."""

    def broken(*_: object) -> rundir.Spec:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(starting, "spec_of", broken)
    async with room() as agent:
        agent.directory.make()
        agent.directory.spec.write_text("{}")
        (failed,), _ = await agent.start()
        assert isinstance(failed, e.AttemptStartFailed)
        assert not agent.directory.spec.exists()
        # What lies elsewhere is left alone.
        agent.run = RunId(new_run_id())
        link = AttemptDir.of(agent.home.root, agent.run, 1)
        link.path.parent.mkdir()
        agent.directory.spec.write_text("{}")
        link.path.symlink_to(agent.directory.path)
        (failed,), _ = await agent.start()
        assert isinstance(failed, e.AttemptStartFailed)
        assert agent.directory.spec.exists()


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
