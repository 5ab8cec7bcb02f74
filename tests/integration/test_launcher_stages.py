"""Pre and post commands: what runs when, what is told, and what a stop does to each."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from lanherd_agent.runs import rundir, stages
from tests.support.launched import Launched, kill, launched
from tests.support.waiting import wait_until_async

SAY = 'echo "$1 ${LANHERD_EXIT_CODE-} ${LANHERD_SIGNAL-}"; exit $2'


def say(word: str, code: int = 0) -> tuple[str, ...]:
    return ("sh", "-c", SAY, "sh", word, str(code))


def hang(word: str) -> tuple[str, ...]:
    return ("sh", "-c", f"echo {word}; exec sleep 600")


def make(
    rig: Launched, pre: tuple[str, ...], command: tuple[str, ...], post: tuple[str, ...]
) -> rundir.AttemptDir:
    directory = rig.make()
    rig.write(directory, *stages.argv(str(directory.path), pre, command, post))
    return directory


async def run(
    home: Path, pre: tuple[str, ...], command: tuple[str, ...], post: tuple[str, ...]
) -> tuple[rundir.Exit, rundir.Stages, list[str]]:
    async with launched(home) as rig:
        directory = make(rig, pre, command, post)
        await rig.start(directory)
        ended = await rig.ended(directory)
    told = rundir.read_stages(directory)
    assert told is not None
    return ended, told, [line.strip() for line in directory.log.read_text().splitlines()]


def codes(told: rundir.Stages) -> list[int | None]:
    ends = (told.pre, told.command, told.post)
    return [None if end is None else end.code for end in ends]


async def test_each_stage_runs_after_the_other_and_the_command_decides(tmp_path: Path) -> None:
    ended, told, lines = await run(tmp_path, say("pre"), say("command", 3), say("post", 5))
    assert (ended.code, codes(told)) == (3, [0, 3, 5])
    assert lines == ["pre", "command", "post 3"]


async def test_after_a_failed_pre_the_command_does_not_run(tmp_path: Path) -> None:
    ended, told, lines = await run(tmp_path, say("pre", 4), say("command"), say("post"))
    assert (ended.code, codes(told)) == (4, [4, None, 0])
    assert lines == ["pre", "post 4"]


async def test_there_may_be_one_of_them_alone(tmp_path: Path) -> None:
    ended, told, _ = await run(tmp_path, (), say("command", 1), say("post"))
    assert (ended.code, codes(told)) == (1, [None, 1, 0])
    other = tmp_path / "other"
    other.mkdir()
    ended, told, _ = await run(other, say("pre"), say("command", 2), ())
    assert (ended.code, codes(told)) == (2, [0, 2, None])


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc/hostname", 126)])
async def test_a_stage_that_cannot_be_executed(tmp_path: Path, program: str, code: int) -> None:
    ended, told, lines = await run(tmp_path, (), (program,), say("post"))
    assert (ended.code, codes(told)) == (code, [None, code, 0])
    assert told.command is not None
    assert program in (told.command.error or "")
    assert lines[0].startswith(f"lanherd: its command can't be run: {program}: ")
    assert lines[1:] == [f"post {code}"]


async def test_a_pre_command_that_is_not_there_is_told_in_the_log(tmp_path: Path) -> None:
    ended, _, lines = await run(tmp_path, ("no-such-program",), say("command"), ())
    assert ended.code == 127
    assert lines == [
        "lanherd: its pre command can't be run: no-such-program: No such file or directory"
    ]


async def test_death_by_a_signal_stays_that(tmp_path: Path) -> None:
    command = ("sh", "-c", "kill -SEGV $$")
    ended, told, lines = await run(tmp_path, say("pre"), command, say("post"))
    assert (ended.code, ended.signal) == (None, signal.SIGSEGV)
    assert told.command == rundir.StageEnd(signal=signal.SIGSEGV)
    assert lines == ["pre", f"post  {signal.SIGSEGV.value}"]


async def test_a_stage_gets_signals_and_environment_as_a_command_does(tmp_path: Path) -> None:
    look = ("sh", "-c", "grep -E 'SigIgn|SigBlk|SigCgt' /proc/self/status; env | sort")
    async with launched(tmp_path) as rig:
        alone = rig.make(*look)
        staged = make(rig, (), look, ("true",))
        for directory in (alone, staged):
            await rig.start(directory)
            await rig.ended(directory)
    texts = [
        d.log.read_text().replace(str(d.path), "DIRECTORY").replace(str(d.path.parent), "RUN")
        for d in (alone, staged)
    ]
    assert texts[0] == texts[1]


async def test_after_a_stop_the_post_command_still_runs(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = make(rig, say("pre"), hang("command"), say("post"))
        await rig.start(directory)
        await wait_until_async(lambda: "command" in directory.log.read_text())
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=10)
        ended = await rig.ended(directory)
    assert (ended.signal, ended.stopped) == (signal.SIGTERM, True)
    assert "post  15" in directory.log.read_text()


async def test_a_stop_before_the_command_keeps_it_from_beginning(tmp_path: Path) -> None:
    pre = ("sh", "-c", "trap 'exit 0' TERM; echo pre; while :; do sleep 0.01; done")
    async with launched(tmp_path) as rig:
        directory = make(rig, pre, say("command"), say("post"))
        await rig.start(directory)
        await wait_until_async(lambda: "pre" in directory.log.read_text())
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=10)
        ended = await rig.ended(directory)
    assert (ended.code, ended.signal) == (None, signal.SIGTERM)
    told = rundir.read_stages(directory)
    assert told is not None
    assert codes(told) == [0, None, 0]
    assert "command" not in directory.log.read_text()


async def test_a_post_command_that_hangs_is_bounded_by_the_grace(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = make(rig, (), hang("command"), hang("post"))
        await rig.start(directory)
        await wait_until_async(lambda: "command" in directory.log.read_text())
        began = asyncio.get_running_loop().time()
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=0.5)
        ended = await rig.ended(directory)
        assert asyncio.get_running_loop().time() - began < 5.0
    assert ended.signal == signal.SIGKILL
    told = rundir.read_stages(directory)
    assert told is not None
    assert told.command == rundir.StageEnd(signal=signal.SIGTERM)
    assert told.post is None


@pytest.mark.parametrize("stage", ["pre", "command", "post"])
async def test_a_kill_in_a_stage_is_never_a_success(tmp_path: Path, stage: str) -> None:
    words = {
        name: hang(name) if name == stage else say(name) for name in ("pre", "command", "post")
    }
    async with launched(tmp_path) as rig:
        directory = make(rig, words["pre"], words["command"], words["post"])
        await rig.start(directory)
        await wait_until_async(lambda: stage in directory.log.read_text())
        await rig.client.signal(directory.path, signal.SIGKILL)
        ended = await rig.ended(directory)
    assert ended.signal == signal.SIGKILL
    told = rundir.read_stages(directory)
    ends = [told.pre, told.command] if told else []
    assert sum(end is not None for end in ends) == ["pre", "command", "post"].index(stage)


async def test_after_the_kill_of_the_shim_stages_go_on_and_their_end_is_known(
    tmp_path: Path,
) -> None:
    async with launched(tmp_path) as rig:
        command = ("sh", "-c", "echo command; read line < fifo; exit 7")
        directory = make(rig, say("pre"), command, say("post"))
        os.mkfifo(directory.tree / "fifo")
        await rig.start(directory)
        await wait_until_async(lambda: "command" in directory.log.read_text())
        start = rundir.read_start(directory)
        assert start is not None
        kill(start.shim_pid, start.shim_start_time)
        await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")
        ended = await rig.ended(directory)
    assert (ended.code, ended.witness) == (7, "launcher")
    assert "post 7" in directory.log.read_text()
