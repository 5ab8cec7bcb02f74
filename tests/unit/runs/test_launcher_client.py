"""What the client makes of a launcher's words, said here by a script."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lanherd_agent.runs.launcher_client import VERSION, Exited, LauncherClient
from lanherd_agent.runs.launcher_process import LauncherProcess

DIRECTORY = Path("/home/runs/a/1")
START = {
    "boot_id": "b", "pid": 7, "start_time": 1, "shim_pid": 6, "shim_start_time": 1, "at": 100.0,
}  # fmt: skip


class Scripted(LauncherProcess):
    """The launcher's end of the socket is the test's."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.launcher, self._agents = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for sock in (self.launcher, self._agents):
            sock.setblocking(False)

    async def connect(self) -> socket.socket:
        return self._agents

    async def heard(self) -> dict[str, object]:
        request: dict[str, object] = json.loads(
            await asyncio.get_running_loop().sock_recv(self.launcher, 4096)
        )
        return request

    def say(self, *messages: dict[str, object]) -> None:
        self.launcher.send(json.dumps(messages).encode())


@asynccontextmanager
async def connected(home: Path, told: list[str]) -> AsyncIterator[tuple[Scripted, LauncherClient]]:
    def on_exited(exited: Exited) -> None:
        told.append(f"exited {exited.exit.code}")

    process = Scripted(home)
    client = LauncherClient(process, on_exited, lambda link: None)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(client.run())
        hello = await process.heard()
        process.say({"id": hello["id"], "version": VERSION, "pid": os.getpid(), "kill": "walk"})
        yield process, client
        running.cancel()
    process.launcher.close()


async def test_a_start_is_told_before_the_end_that_came_with_it(tmp_path: Path) -> None:
    """Of a short command both come at once; told first, the end would have to read when it
    began."""
    told: list[str] = []
    async with connected(tmp_path, told) as (process, client), asyncio.timeout(10.0):

        async def start() -> None:
            told.append(f"started {(await client.start(DIRECTORY)).pid}")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(start())
            request = await process.heard()
            process.say(
                {"id": request["id"], "started": START, "existing": False},
                {"event": "exited", "dir": str(DIRECTORY), "exit": {"at": 101.0, "code": 3}},
            )
    assert told == ["started 7", "exited 3"]
