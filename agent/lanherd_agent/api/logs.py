"""Logs by (attempt, offset): the run's own, and that of its environment's build."""

import asyncio
from pathlib import Path

from lanherd_agent.api.access import check_owner
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.endings import Endings, attempt_over
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.lock import read_lock
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import logs
from lanherd_agent.runs.rundir import AttemptDir, RunDirError
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.messages import LogEnd, ReadLog
from lanherd_protocol.methods import LOGS_READ
from lanherd_protocol.states import Ended, Preparing, Queued, Running, RunView, Starting, Stopping
from lanherd_protocol.values import LockedEnvironment


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
        if request.offset < 0 or (request.length is not None and request.length < 0):
            raise error(
                ErrorCode.INVALID_REQUEST,
                "An offset and a length of a log can't be negative.",
                f"Asked for {request.length} bytes at {request.offset}.",
                "Begin at 0.",
            )
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        attempt = request.attempt or view.attempt
        if attempt > view.attempt or attempt < 1:
            raise error(
                ErrorCode.NOT_FOUND,
                f"The run has no attempt {attempt}.",
                f"Its latest is {view.attempt}.",
                "Ask for that one, or for 0, which means the latest.",
            )
        if request.source == "build":
            path = await self._build_log(view)
        else:
            path = AttemptDir.of(self._home.root, view.run, attempt).log
        try:
            return await self._send(call, request, view, attempt, path)
        except RunDirError as problem:
            raise error(
                ErrorCode.NOT_FOUND,
                "The log can't be read.",
                f"{problem}",
                "Somebody put something else in its place; look at the run's directory.",
            ) from problem

    async def _send(
        self, call: IncomingCall, request: ReadLog, view: RunView, attempt: int, path: Path
    ) -> LogEnd:
        offset = request.offset
        stop = None if request.length is None else offset + request.length
        is_over = _built if request.source == "build" else attempt_over(attempt)
        with self._endings.following(view, is_over) as over:
            ended = over
            if not request.follow:
                ended = asyncio.Event()
                ended.set()
            async for chunk in logs.follow(path, offset, ended):
                data = chunk.data if stop is None else chunk.data[: stop - offset]
                await call.send(data)
                offset += len(data)
                if stop is not None and offset >= stop:
                    break
            complete = over.is_set() and await asyncio.to_thread(logs.size, path) <= offset
        return LogEnd(attempt=attempt, offset=offset, complete=complete)

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


def _built(view: RunView) -> bool:
    """Whether the run's environment is not being built any more."""
    match view.state:
        case Queued(prepared=prepared):
            return prepared
        case Preparing():
            return False
        case Starting() | Running() | Stopping() | Ended():
            return True
