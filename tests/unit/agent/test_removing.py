"""The effect that removes a run's files: told once they are out of sight, and gone soon after."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lanherd_agent.core.effects import RemoveFiles
from lanherd_agent.core.events import FilesRemoved
from lanherd_agent.execution.removing import Removing
from lanherd_agent.execution.telling import Telling
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import RunId
from tests.support.waiting import wait_until_async


class Room:
    def __init__(self, home: AgentHome, shell: Shell) -> None:
        self.home, self.shell = home, shell
        self.trash = home.root / "trash"
        self.removing = Removing(home, Telling(shell, str))

    async def remove(self, run: str) -> FilesRemoved:
        await self.removing.remove(RemoveFiles(run=RunId(run)))
        (told,) = self.shell._inbox.drain()
        assert isinstance(told, FilesRemoved)
        assert told.run == run
        return told

    def has_emptied(self) -> bool:
        return self.trash.is_dir() and os.listdir(self.trash) == []


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    shell = await Shell.open(MemoryStore())
    yield Room(home, shell)
    await shell.close()


async def test_removed_and_again_after_a_crash() -> None:
    async with room() as agent:
        (agent.home.runs / "one" / "1").mkdir(parents=True)
        (agent.home.runs / "two").mkdir()
        with (agent.home.runs / "one" / "1" / "log").open("wb+") as log:
            log.write(b"being read")
            log.flush()
            assert (await agent.remove("one")).problem == ""
            assert sorted(os.listdir(agent.home.runs)) == ["two"]
            assert (await agent.remove("one")).problem == "", "it was gone already"
            assert len(os.listdir(agent.trash)) == 1
            # What an agent left there goes with the next one; a reader has what it has opened.
            async with TaskOwner("test") as tasks:
                agent.removing.open(tasks)
                await wait_until_async(agent.has_emptied)
                assert os.pread(log.fileno(), 100, 0) == b"being read"
                await agent.remove("two")
                await wait_until_async(agent.has_emptied)
        assert os.listdir(agent.home.runs) == []


@pytest.mark.expects_logs("can't be", reason="the trash is no folder")
async def test_what_can_not_be_removed_is_told() -> None:
    async with room() as agent:
        (agent.home.runs / "one").mkdir()
        agent.trash.write_text("no folder")
        told = await agent.remove("one")
        assert told.problem
        assert (agent.home.runs / "one").is_dir()
        async with TaskOwner("test") as tasks:
            agent.removing.open(tasks)
            agent.trash.unlink()
            assert (await agent.remove("one")).problem == ""
            await wait_until_async(agent.has_emptied)
