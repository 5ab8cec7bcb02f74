"""Outputs of an attempt: listed, read by range, and watched while they come."""

import asyncio

from lanherd_agent.api.access import check_owner
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.endings import Endings, attempt_over
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import outputs
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import OUTPUT_ENTRIES_MAX
from lanherd_protocol.messages import (
    ListOutputs,
    OutputEnd,
    OutputList,
    OutputsChanged,
    ReadOutput,
    WatchOutputs,
)
from lanherd_protocol.methods import FEED_OUTPUTS, OUTPUTS_LIST, OUTPUTS_READ
from lanherd_protocol.states import RunView
from lanherd_protocol.values import EntryKind, OutputEntry

LOOK_EVERY_S = 1.0
_KINDS: dict[outputs.Kind, EntryKind] = {
    outputs.Kind.FILE: "file",
    outputs.Kind.FOLDER: "directory",
    outputs.Kind.LINK: "link",
}


class OutputsApi:
    def __init__(self, shell: Shell, home: AgentHome, endings: Endings) -> None:
        self._shell = shell
        self._home = home
        self._endings = endings

    def routes(self, routes: Routes) -> None:
        routes.call(OUTPUTS_LIST, self._on_list)
        routes.call(OUTPUTS_READ, self._on_read)
        routes.feed(FEED_OUTPUTS, self._on_watch)

    async def _on_list(self, call: IncomingCall, request: ListOutputs) -> OutputList:
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        directory = self._directory(view, request.attempt)
        entries, truncated = await self._scan(directory)
        return OutputList(attempt=directory.attempt, entries=entries, truncated=truncated)

    async def _on_read(self, call: IncomingCall, request: ReadOutput) -> OutputEnd:
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        root = self._directory(view, request.attempt).outputs
        offset, sent = request.offset, 0
        while True:
            left = outputs.READ_BYTES_MAX if request.length is None else request.length - sent
            try:
                part = await asyncio.to_thread(
                    outputs.read_range, root, request.path, offset, max(0, left)
                )
            except outputs.OutputError as problem:
                raise _unreadable(request.path, problem) from problem
            if not part.data:
                return OutputEnd(size_bytes=part.size, modified_at=part.mtime_ns / 1e9)
            await call.send(part.data)
            offset += len(part.data)
            sent += len(part.data)

    async def _on_watch(self, sub: IncomingSubscription, params: WatchOutputs) -> None:
        view = await self._shell.view(params.run)
        check_owner(sub.caller, view)
        number = max(0, sub.since)
        before: OutputsChanged | None = None
        while True:
            with self._endings.following(view, attempt_over(view.attempt)) as over:
                while True:
                    last = over.is_set()
                    now = await self._changed(view)
                    if now != before:
                        number += 1
                        sub.offer(number, now)
                        before = now
                    if last:
                        break
                    await _wait(over, LOOK_EVERY_S)
            later = await self._next_attempt(params.run, view)
            if later is None:
                sub.end()
                return
            view = later

    async def _next_attempt(self, run: RunId, view: RunView) -> RunView | None:
        current = await self._shell.view(run)
        return current if current.attempt > view.attempt else None

    async def _changed(self, view: RunView) -> OutputsChanged:
        directory = self._directory(view, 0)
        entries, truncated = await self._scan(directory)
        return OutputsChanged(attempt=directory.attempt, entries=entries, truncated=truncated)

    async def _scan(self, directory: AttemptDir) -> tuple[tuple[OutputEntry, ...], bool]:
        try:
            listing = await asyncio.to_thread(
                outputs.scan, directory.outputs, entries_max=OUTPUT_ENTRIES_MAX
            )
        except outputs.OutputError as problem:
            raise _unreadable("outputs", problem) from problem
        entries = tuple(
            OutputEntry(
                path=entry.path,
                kind=_KINDS[entry.kind],
                size_bytes=entry.size,
                modified_at=entry.mtime_ns / 1e9,
            )
            for entry in listing.entries
            if entry.kind in _KINDS
        )
        return entries, listing.truncated

    def _directory(self, view: RunView, attempt: int) -> AttemptDir:
        if attempt < 0 or attempt > view.attempt:
            raise error(
                ErrorCode.NOT_FOUND,
                f"The run has no attempt {attempt}.",
                f"Its latest is {view.attempt}.",
                "Ask for that one, or for 0, which means the latest.",
            )
        return AttemptDir.of(self._home.root, view.run, attempt or view.attempt)


async def _wait(over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        pass  # time for another look


def _unreadable(path: str, problem: outputs.OutputError) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The output {path} can't be read.",
        str(problem),
        "List the outputs again: it may have been moved, or it is no plain file.",
        path=path,
    )
