"""Outputs of an attempt: listed, read by range, and watched while they come."""

import asyncio
import os
from functools import partial

from lanherd_agent.api.access import check_owner
from lanherd_agent.api.attempts import FILE_OFFSET_MAX, attempt_dir, check_range, latest_begun
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.endings import Endings, attempt_over
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.disk import in_thread
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import outputs
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.errors import ErrorCode, LanherdError, error
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
        directory = attempt_dir(self._home, view, request.attempt or latest_begun(self._home, view))
        entries, truncated, unlisted = await self._scan(directory)
        return OutputList(
            attempt=directory.attempt, entries=entries, truncated=truncated, unlisted=unlisted
        )

    async def _on_read(self, call: IncomingCall, request: ReadOutput) -> OutputEnd:
        check_range(request.offset, request.length)
        view = await self._shell.view(request.run)
        check_owner(call.caller, view)
        attempt = request.attempt or latest_begun(self._home, view)
        root = attempt_dir(self._home, view, attempt).outputs
        try:
            descriptor = await in_thread(lambda: outputs.open_output(root, request.path))
        except outputs.OutputError as problem:
            raise _unreadable(request.path, problem) from problem
        try:
            return await _send(call, descriptor, request.offset, request.length)
        finally:
            os.close(descriptor)

    async def _on_watch(self, sub: IncomingSubscription, params: WatchOutputs) -> None:
        view = await self._shell.view(params.run)
        check_owner(sub.caller, view)
        number = max(0, sub.since)
        told: OutputsChanged | None = None
        attempt = view.attempt
        while True:
            async with self._endings.following(params.run, attempt_over(attempt)) as over:
                last = False
                while not last:
                    last = over.is_set()
                    now = await self._changed(view, attempt)
                    if now != told:
                        number += 1
                        sub.offer(number, now)
                        told = now
                    await _wait(over, LOOK_EVERY_S)
            view = await self._shell.view(params.run)
            if view.attempt == attempt:
                sub.end()
                return
            attempt = view.attempt

    async def _changed(self, view: RunView, attempt: int) -> OutputsChanged:
        entries, truncated, unlisted = await self._scan(attempt_dir(self._home, view, attempt))
        return OutputsChanged(
            attempt=attempt, entries=entries, truncated=truncated, unlisted=unlisted
        )

    async def _scan(self, directory: AttemptDir) -> tuple[tuple[OutputEntry, ...], bool, int]:
        """What fits, whether there is more, and how many have no place in a listing."""
        try:
            listing = await asyncio.to_thread(
                outputs.scan, directory.outputs, entries_max=OUTPUT_ENTRIES_MAX
            )
        except outputs.OutputError as problem:
            raise _unreadable("outputs", problem) from problem
        entries = [
            OutputEntry(
                path=entry.path,
                kind=_KINDS[entry.kind],
                size_bytes=entry.size,
                modified_at=entry.mtime_ns / 1e9,
            )
            for entry in listing.entries
            if entry.kind in _KINDS
        ]
        fitting = first_that_fit(entries, encoded_size)
        truncated = listing.truncated or len(fitting) < len(entries)
        return fitting, truncated, listing.unlisted + len(listing.entries) - len(entries)


async def _send(call: IncomingCall, descriptor: int, offset: int, length: int | None) -> OutputEnd:
    """From one descriptor to the end: the run may put another file in its place meanwhile, and
    half of each would be neither."""
    left = FILE_OFFSET_MAX if length is None else length
    while left:
        count = min(left, outputs.READ_BYTES_MAX)
        data = await in_thread(partial(os.pread, descriptor, count, offset))
        if not data:
            break
        await call.send(data)
        offset += len(data)
        left -= len(data)
    status = os.fstat(descriptor)
    return OutputEnd(size_bytes=status.st_size, modified_at=status.st_mtime_ns / 1e9)


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
