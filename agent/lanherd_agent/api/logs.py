"""Logs by (attempt, offset): the run's own, and that of its environment's build; and searches."""

import asyncio
from pathlib import Path

from lanherd_agent.api.access import check_owner
from lanherd_agent.api.attempts import FILE_OFFSET_MAX, attempt_dir, check_range, has_run
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.endings import Endings, IsOver, attempt_over
from lanherd_agent.api.log_problems import (
    check_search,
    no_stderr,
    search_error,
    unreadable,
)
from lanherd_agent.disk import in_thread
from lanherd_agent.envs.environments import Environments
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import logs
from lanherd_agent.runs.log_search import LogSearches, Query, SearchProblem
from lanherd_agent.runs.rundir import RunDirError, log_paths
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.log_messages import (
    DescribeLog,
    LogDescription,
    LogEnd,
    LogSearched,
    LogStream,
    ReadLog,
    SearchLog,
)
from lanherd_protocol.methods import LOGS_DESCRIBE, LOGS_READ, LOGS_SEARCH
from lanherd_protocol.states import Ended, Preparing, Queued, Running, RunView, Starting, Stopping

_NOW = asyncio.Event()
"""For those who don't follow: what is there now is all."""
_NOW.set()


class LogsApi:
    """Sends bytes from the file as the reader takes them; a slow reader slows only itself."""

    def __init__(
        self,
        shell: Shell,
        home: AgentHome,
        environments: Environments,
        endings: Endings,
    ) -> None:
        self._shell = shell
        self._home = home
        self._environments = environments
        self._endings = endings
        self._searches = LogSearches()

    def routes(self, routes: Routes) -> None:
        routes.call(LOGS_READ, self._on_read)
        routes.call(LOGS_DESCRIBE, self._on_describe)
        routes.call(LOGS_SEARCH, self._on_search)

    async def _on_read(self, call: IncomingCall, request: ReadLog) -> LogEnd:
        check_range(request.offset, request.length)
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        if request.source == "build":
            # The environment's: it stays when the run's own files are removed.
            attempt = request.attempt or view.attempt
            is_over: IsOver = _built
            path = await self._build_log(view)
        else:
            attempt, path = self._run_log(view, request.attempt, request.stream)
            is_over = attempt_over(attempt)
        try:
            async with self._endings.following(view.run, is_over) as over:
                return await _send(call, request, attempt, path, over)
        except RunDirError as problem:
            raise unreadable(problem) from problem

    async def _on_describe(self, call: IncomingCall, request: DescribeLog) -> LogDescription:
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        attempt, path = self._run_log(view, request.attempt, request.stream)
        try:
            facts = await in_thread(lambda: logs.describe(path))
            missing = not facts.size_bytes and await in_thread(lambda: not path.exists())
        except RunDirError as problem:
            raise unreadable(problem) from problem
        return LogDescription(
            attempt=attempt,
            size_bytes=facts.size_bytes,
            stored_bytes=facts.stored_bytes,
            gap_from=facts.gap.from_,
            gap_to=facts.gap.to,
            times=facts.times,
            # As it was before the look: what was written since then is not in it.
            complete=attempt_over(attempt)(view),
            problem=facts.gap.problem,
            missing=missing and has_run(view, attempt),
        )

    async def _on_search(self, call: IncomingCall, request: SearchLog) -> LogSearched:
        check_range(request.offset, None)
        check_search(request)
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        attempt, path = self._run_log(view, request.attempt, request.stream)
        query = Query(
            pattern=request.pattern,
            regex=request.regex,
            ignore_case=request.ignore_case,
            offset=request.offset,
            matches_max=request.matches_max,
        )
        try:
            done = await self._searches.search(path, query, call.send)
        except SearchProblem as problem:
            raise search_error(problem) from problem
        except RunDirError as problem:
            raise unreadable(problem) from problem
        return LogSearched(
            attempt=attempt, offset=done.offset, lines=done.lines, complete=done.complete
        )

    def _run_log(self, view: RunView, attempt: int, stream: LogStream) -> tuple[int, Path]:
        """The number of an attempt, 0 meaning the latest, and its log. Raises NOT_FOUND."""
        directory = attempt_dir(self._home, view, attempt)
        if stream == "err" and not view.spec.log.split:
            raise no_stderr()
        return directory.attempt, log_paths(directory, stream).log

    async def _build_log(self, view: RunView) -> Path:
        log = await self._environments.log_of(view.spec.environment, view.spec.snapshot)
        if log is None:
            raise error(
                ErrorCode.NOT_FOUND,
                "The run has no environment of its own, so nothing was built for it.",
                "It uses the machine's own Python.",
                "Look at the run's own log.",
                refusal="no_environment",
                run=view.run,
            )
        return log


async def _send(
    call: IncomingCall, request: ReadLog, attempt: int, path: Path, over: asyncio.Event
) -> LogEnd:
    """Send the range that is asked for; `over` says that the log is whole."""
    offset = request.offset
    left = FILE_OFFSET_MAX if request.length is None else request.length
    ended = over if request.follow else _NOW
    if left:
        async for chunk in logs.follow(path, offset, ended):
            if isinstance(chunk, logs.LogGap):
                return LogEnd(attempt=attempt, offset=offset, complete=False, gap_to=chunk.to)
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
