"""Logs by (attempt, offset): the run's own, and that of its environment's build."""

import asyncio
from pathlib import Path

from lanherd_agent.api.access import check_owner
from lanherd_agent.api.attempts import FILE_OFFSET_MAX, attempt_dir, check_range
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.endings import Endings, IsOver, attempt_over
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.lock import read_lock
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import logs
from lanherd_agent.runs.rundir import RunDirError
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.messages import LogEnd, ReadLog
from lanherd_protocol.methods import LOGS_READ
from lanherd_protocol.states import Ended, Preparing, Queued, Running, RunView, Starting, Stopping
from lanherd_protocol.values import LockedEnvironment

_NOW = asyncio.Event()
"""For those who don't follow: what is there now is all."""
_NOW.set()


class LogsApi:
    """Sends bytes from the file as the reader takes them; a slow reader slows only itself."""

    def __init__(
        self,
        shell: Shell,
        home: AgentHome,
        snapshots: SnapshotStore,
        builder: EnvironmentBuilder,
        endings: Endings,
    ) -> None:
        self._shell = shell
        self._home = home
        self._snapshots = snapshots
        self._builder = builder
        self._endings = endings

    def routes(self, routes: Routes) -> None:
        routes.call(LOGS_READ, self._on_read)

    async def _on_read(self, call: IncomingCall, request: ReadLog) -> LogEnd:
        check_range(request.offset, request.length)
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        directory = attempt_dir(self._home, view, request.attempt)
        if request.source == "build":
            is_over: IsOver = _built
            path = await self._build_log(view)
        else:
            is_over = attempt_over(directory.attempt)
            path = directory.log
        try:
            async with self._endings.following(view.run, is_over) as over:
                return await _send(call, request, directory.attempt, path, over)
        except RunDirError as problem:
            raise error(
                ErrorCode.NOT_FOUND,
                "The log can't be read.",
                f"{problem}",
                "Somebody put something else in its place; look at the run's directory.",
            ) from problem

    async def _build_log(self, view: RunView) -> Path:
        wanted, snapshot = view.spec.environment, view.spec.snapshot
        if not isinstance(wanted, LockedEnvironment) or snapshot is None:
            raise error(
                ErrorCode.NOT_FOUND,
                "The run has no environment of its own, so nothing was built for it.",
                "It uses the machine's own Python.",
                "Look at the run's own log.",
            )
        lock = await read_lock(self._snapshots, snapshot, wanted)
        return self._builder.log_path(await self._builder.identify(wanted, lock))


async def _send(
    call: IncomingCall, request: ReadLog, attempt: int, path: Path, over: asyncio.Event
) -> LogEnd:
    """Send the range that is asked for; `over` says that the log is whole."""
    offset = request.offset
    left = FILE_OFFSET_MAX if request.length is None else request.length
    ended = over if request.follow else _NOW
    if left:
        async for chunk in logs.follow(path, offset, ended):
            data = chunk.data[:left]
            await call.send(data)
            offset += len(data)
            left -= len(data)
            if not left:
                break
    complete = over.is_set() and await asyncio.to_thread(logs.size, path) <= offset
    return LogEnd(attempt=attempt, offset=offset, complete=complete)


def _built(view: RunView) -> bool:
    """Whether the run's environment is not being built any more."""
    match view.state:
        case Queued(prepared=prepared):
            return prepared
        case Preparing():
            return False
        case Starting() | Running() | Stopping() | Ended():
            return True
