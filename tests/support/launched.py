"""A real launcher with its client in a home of its own, for tests that run real commands."""

import asyncio
import os
import select
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from lanherd_agent.runs import launcher_client, launcher_process, rundir
from tests.support.left_alive import note_home
from tests.support.waiting import wait_until_async

PATH = "/usr/bin:/bin"
WAIT_S = 15.0


class Launched:
    def __init__(self, home: Path, idle_s: float) -> None:
        self.home = home
        self.process = launcher_process.LauncherProcess(home, idle_s=idle_s)
        self.client = launcher_client.LauncherClient(
            self.process, self._on_exited, self.links_append
        )
        self.links: list[launcher_client.LinkUp | launcher_client.LinkDown] = []
        self.exits: dict[Path, rundir.Exit] = {}
        self.told = 0
        self.told_at: dict[Path, float] = {}
        self._runs = 0

    def _on_exited(self, exited: launcher_client.Exited) -> None:
        self.told += 1
        self.told_at[exited.directory] = time.time()
        self.exits[exited.directory] = exited.exit

    def links_append(self, link: launcher_client.LinkUp | launcher_client.LinkDown) -> None:
        self.links.append(link)

    @property
    def launcher_pid(self) -> int:
        ups = [link for link in self.links if isinstance(link, launcher_client.LinkUp)]
        return ups[-1].launcher_pid

    def make(self, *argv: str, cwd: str | None = None, **env: str) -> rundir.AttemptDir:
        self._runs += 1
        directory = rundir.AttemptDir.of(self.home, f"run{self._runs}", 1)
        directory.make()
        if argv:
            where = cwd if cwd is not None else str(directory.tree)
            spec = rundir.Spec(argv=argv, cwd=where, env={"PATH": PATH} | env)
            rundir.write_spec(directory, spec)
        return directory

    def write(self, directory: rundir.AttemptDir, *argv: str, **more: Any) -> None:
        """Another spec; `more` are further fields of it."""
        spec = rundir.Spec(argv=argv, cwd=str(directory.tree), env={"PATH": PATH})
        rundir.write_spec(directory, msgspec.structs.replace(spec, **more))

    def make_python(self, code: str) -> rundir.AttemptDir:
        return self.make(sys.executable, "-I", "-S", "-c", code)

    async def start(self, directory: rundir.AttemptDir) -> launcher_client.Started:
        return await self.client.start(directory.path)

    async def ended(self, directory: rundir.AttemptDir, within_s: float = WAIT_S) -> rundir.Exit:
        await wait_until_async(lambda: directory.path in self.exits, within_s)
        return self.exits[directory.path]

    async def up(self) -> None:
        await wait_until_async(
            lambda: bool(self.links) and isinstance(self.links[-1], launcher_client.LinkUp)
        )


@asynccontextmanager
async def launched(home: Path, *, idle_s: float = 0.2) -> AsyncIterator[Launched]:
    """The launcher outlives this, as it outlives an agent, and then ends by itself, or with the
    test that it was started in."""
    note_home(home)
    rig = Launched(home, idle_s)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(rig.client.run())
        try:
            yield rig
        finally:
            running.cancel()


def lives(pid: int, start_time: int) -> bool:
    fd = rundir.open_process(pid, start_time)
    if fd is not None:
        os.close(fd)
    return fd is not None


def kill(pid: int, start_time: int) -> None:
    """SIGKILL by pidfd to that very process; returns when it has ended."""
    fd = rundir.open_process(pid, start_time)
    assert fd is not None, "it has ended already"
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        select.select([fd], [], [], WAIT_S)
    finally:
        os.close(fd)
